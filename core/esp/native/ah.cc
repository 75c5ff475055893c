#include "ah.h"

#include <openssl/crypto.h>

#include <cstring>

#include "libcrypto.h"
#include "mutable.h"
#include "octets.h"

namespace culvert::esp {

bool AhTransform::cover(size_t index, uint8_t* packet, size_t aheadBytes, size_t payloadBytes,
                        uint64_t sequence) noexcept {
  uint8_t* start = packet - aheadBytes;
  if (aheadBytes > kMostAheadBytes) return false;
  memcpy(kept_[index], start, aheadBytes);
  if (!asIcvCovers(start, aheadBytes)) {
    memcpy(start, kept_[index], aheadBytes);
    return false;
  }
  // Padding behind the ICV is covered as it stands.
  memset(packet + kAhFixedBytes + shape.ivBytes, 0, shape.icvBytes);
  size_t length = aheadBytes + ahBytesOf(packet) + payloadBytes;
  if (esn) {
    store32(start + length, static_cast<uint32_t>(sequence >> 32));
    length += 4;
  }
  messages_[index].data = start;
  messages_[index].length = length;
  messages_[index].done = false;
  return true;
}

void AhTransform::uncover(size_t index, uint8_t* packet, size_t aheadBytes) noexcept {
  memcpy(packet - aheadBytes, kept_[index], aheadBytes);
}

void AhTransform::seal(Sealing* packets, size_t count) noexcept {
  for (size_t first = 0; first < count; first += kMostPackets) {
    Sealing* covered[kMostPackets];
    size_t size = 0;
    for (Sealing* one = packets + first; one < packets + count && one < packets + first + kMostPackets; one++) {
      one->done = false;
      if (cover(size, one->packet, one->aheadBytes, one->plainBytes, one->sequence)) covered[size++] = one;
    }
    authenticate(messages_, size);
    for (size_t i = 0; i < size; i++) {
      uncover(i, covered[i]->packet, covered[i]->aheadBytes);
      memcpy(covered[i]->packet + kAhFixedBytes + shape.ivBytes, messages_[i].code, shape.icvBytes);
      covered[i]->done = messages_[i].done;
    }
  }
}

void AhTransform::open(Opening* packets, size_t count) noexcept {
  for (size_t first = 0; first < count; first += kMostPackets) {
    Opening* covered[kMostPackets];
    uint8_t stated[kMostPackets][kMaxIcvBytes];
    size_t size = 0;
    for (Opening* one = packets + first; one < packets + count && one < packets + first + kMostPackets; one++) {
      one->fits = false;
      memcpy(stated[size], one->packet + kAhFixedBytes + shape.ivBytes, shape.icvBytes);
      if (cover(size, one->packet, one->aheadBytes, one->cipherBytes, one->sequence)) covered[size++] = one;
    }
    authenticate(messages_, size);
    for (size_t i = 0; i < size; i++) {
      uncover(i, covered[i]->packet, covered[i]->aheadBytes);
      covered[i]->fits = messages_[i].done && CRYPTO_memcmp(stated[i], messages_[i].code, shape.icvBytes) == 0;
    }
  }
}

bool canCover(const uint8_t* headers, size_t length) noexcept {
  if (length > kMostAheadBytes) return false;
  uint8_t copy[kMostAheadBytes];
  memcpy(copy, headers, length);
  return asIcvCovers(copy, length);
}

namespace {

class LibcryptoAh final : public AhTransform {
 public:
  LibcryptoAh(const Integrity& integrity, const Shape& shape, const Algorithms& keys)
      : AhTransform(shape, keys.esn, "libcrypto"),
        mac_(makeMac(integrity.mac, keys.integrityKey, keys.integrityKeyBytes)) {}

 private:
  void authenticate(Message* messages, size_t count) noexcept override {
    for (Message* one = messages; one < messages + count; one++) {
      one->done = mac_->compute(one->data, one->length, one->code);
    }
  }

  const std::unique_ptr<Mac> mac_;
};

}  // namespace

std::unique_ptr<Transform> libcryptoAh(const Integrity& integrity, const Shape& shape, const Algorithms& keys) {
  return std::make_unique<LibcryptoAh>(integrity, shape, keys);
}

}  // namespace culvert::esp
