#include "libcrypto.h"

#include <openssl/crypto.h>

#include <cstring>
#include <stdexcept>
#include <string>

namespace culvert::esp {

CipherContext cipherContext(const char* name, bool encrypt, const uint8_t* key, size_t keyBytes) {
  const std::unique_ptr<EVP_CIPHER, FreeCrypto> kind(EVP_CIPHER_fetch(nullptr, name, nullptr));
  if (!kind) throw std::runtime_error(std::string("libcrypto has no ") + name);
  if (static_cast<size_t>(EVP_CIPHER_get_key_length(kind.get())) != keyBytes) {
    throw std::runtime_error(std::string(name) + ": a key of the wrong length");
  }
  CipherContext context(EVP_CIPHER_CTX_new());
  if (!context || EVP_CipherInit_ex2(context.get(), kind.get(), key, nullptr, encrypt, nullptr) <= 0) {
    throw std::runtime_error(std::string("libcrypto refused ") + name);
  }
  EVP_CIPHER_CTX_set_padding(context.get(), 0);
  return context;
}

std::string blockCipherName(Block block, size_t keyBytes, const char* mode) {
  if (block == Block::des || block == Block::tripleDes) return std::string("des-ede3-") + mode;
  return std::string(block == Block::aes ? "aes-" : "camellia-") + std::to_string(keyBytes * 8) + "-" + mode;
}

namespace {

constexpr const char* kName = "libcrypto";

bool update(EVP_CIPHER_CTX* context, uint8_t* out, const uint8_t* in, size_t length) {
  int written = 0;
  return length == 0 || EVP_CipherUpdate(context, out, &written, in, static_cast<int>(length)) > 0;
}

/// Encryption and integrity in one, with nonce = salt ‖ IV. RFC 4106 §4, RFC 7634 §2
class Aead final : public Transform {
 public:
  Aead(const Encryption& encryption, const Shape& shape, const Algorithms& keys, Direction direction)
      : Transform(shape, keys.esn, kName) {
    const size_t keyBytes = keys.keyBytes - shape.saltBytes;
    const std::string name = encryption.mode == Mode::gcm ? blockCipherName(encryption.block, keyBytes, "gcm")
                                                          : std::string("chacha20-poly1305");
    context_ = cipherContext(name.c_str(), direction == Direction::seal, keys.key, keyBytes);
    memcpy(nonce_, keys.key + keyBytes, shape.saltBytes);
  }

  ~Aead() override { OPENSSL_cleanse(nonce_, sizeof nonce_); }

  void seal(Sealing* packets, size_t count) noexcept override {
    for (Sealing* one = packets; one < packets + count; one++) {
      uint8_t* body = one->packet + kHeaderBytes + shape.ivBytes;
      int rest = 0;
      one->done = begin(one->packet, one->sequence) && update(context_.get(), body, one->plain, one->plainBytes) &&
                  EVP_CipherFinal_ex(context_.get(), body + one->plainBytes, &rest) > 0 &&
                  EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(shape.icvBytes),
                                      body + one->plainBytes) > 0;
    }
  }

  void open(Opening* packets, size_t count) noexcept override {
    for (Opening* one = packets; one < packets + count; one++) {
      uint8_t* body = one->packet + kHeaderBytes + shape.ivBytes;
      int rest = 0;
      one->fits = begin(one->packet, one->sequence) &&
                  EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(shape.icvBytes),
                                      body + one->cipherBytes) > 0 &&
                  update(context_.get(), body, body, one->cipherBytes) &&
                  EVP_CipherFinal_ex(context_.get(), body + one->cipherBytes, &rest) > 0;
    }
  }

 private:
  bool begin(const uint8_t* packet, uint64_t sequence) noexcept {
    uint8_t aad[12];
    const size_t aadBytes = aadOf(packet, sequence, esn, aad);
    memcpy(nonce_ + shape.saltBytes, packet + kHeaderBytes, shape.ivBytes);
    return EVP_CipherInit_ex2(context_.get(), nullptr, nullptr, nonce_, -1, nullptr) > 0 &&
           update(context_.get(), nullptr, aad, aadBytes);
  }

  CipherContext context_;
  uint8_t nonce_[12];
};

/// CCM over any block of 128 bits, out of CBC and CTR: libcrypto has CCM for AES alone, and slowly. RFC 3610
class Ccm final : public Transform {
 public:
  Ccm(const Encryption& encryption, const Shape& shape, const Algorithms& keys) : Transform(shape, keys.esn, kName) {
    const size_t keyBytes = keys.keyBytes - shape.saltBytes;
    chain_ = cipherContext(blockCipherName(encryption.block, keyBytes, "cbc").c_str(), true, keys.key, keyBytes);
    stream_ = cipherContext(blockCipherName(encryption.block, keyBytes, "ctr").c_str(), true, keys.key, keyBytes);
    memcpy(salt_, keys.key + keyBytes, shape.saltBytes);
  }

  ~Ccm() override {
    OPENSSL_cleanse(salt_, sizeof salt_);
    OPENSSL_cleanse(scratch_, sizeof scratch_);
  }

  void seal(Sealing* packets, size_t count) noexcept override {
    for (Sealing* one = packets; one < packets + count; one++) {
      uint8_t* body = one->packet + kHeaderBytes + shape.ivBytes;
      uint8_t mac[16];
      uint8_t mask[16];
      one->done = authenticate(one->packet, one->sequence, one->plain, one->plainBytes, mac) &&
                  beginStream(one->packet, mask) && update(stream_.get(), body, one->plain, one->plainBytes);
      for (size_t i = 0; i < shape.icvBytes; i++) body[one->plainBytes + i] = mac[i] ^ mask[i];
    }
  }

  void open(Opening* packets, size_t count) noexcept override {
    for (Opening* one = packets; one < packets + count; one++) {
      uint8_t* body = one->packet + kHeaderBytes + shape.ivBytes;
      uint8_t mac[16];
      uint8_t mask[16];
      one->fits = beginStream(one->packet, mask) && update(stream_.get(), body, body, one->cipherBytes) &&
                  authenticate(one->packet, one->sequence, body, one->cipherBytes, mac);
      for (size_t i = 0; i < shape.icvBytes; i++) mac[i] ^= mask[i];
      one->fits = one->fits && CRYPTO_memcmp(mac, body + one->cipherBytes, shape.icvBytes) == 0;
    }
  }

 private:
  static constexpr size_t kLengthBytes = 4;  // L of RFC 4309 §4

  /// The flags octet, then nonce = salt ‖ IV of eleven octets, then four octets for a length or a counter.
  void block(const uint8_t* packet, uint8_t flags, uint32_t last, uint8_t out[16]) const noexcept {
    out[0] = flags;
    memcpy(out + 1, salt_, shape.saltBytes);
    memcpy(out + 1 + shape.saltBytes, packet + kHeaderBytes, shape.ivBytes);
    for (size_t i = 0; i < kLengthBytes; i++) out[15 - i] = static_cast<uint8_t>(last >> (8 * i));
  }

  /// Sets the counter, and gives the key stream that hides the MAC. RFC 3610 §2.3
  bool beginStream(const uint8_t* packet, uint8_t mask[16]) noexcept {
    uint8_t counter[16];
    block(packet, kLengthBytes - 1, 0, counter);
    memset(mask, 0, 16);
    return EVP_CipherInit_ex2(stream_.get(), nullptr, nullptr, counter, -1, nullptr) > 0 &&
           update(stream_.get(), mask, mask, 16);
  }

  /// The CBC-MAC over B_0, the AAD and the plaintext. RFC 3610 §2.2
  bool authenticate(const uint8_t* packet, uint64_t sequence, const uint8_t* plain, size_t length,
                    uint8_t mac[16]) noexcept {
    uint8_t head[32] = {0};
    const uint8_t flags = static_cast<uint8_t>(0x40 | ((shape.icvBytes - 2) / 2) << 3 | (kLengthBytes - 1));
    block(packet, flags, static_cast<uint32_t>(length), head);
    head[17] = static_cast<uint8_t>(aadOf(packet, sequence, esn, head + 18));
    const uint8_t zero[16] = {0};
    if (EVP_CipherInit_ex2(chain_.get(), nullptr, nullptr, zero, -1, nullptr) <= 0) return false;
    if (!update(chain_.get(), scratch_, head, sizeof head)) return false;
    size_t used = 0;
    size_t last = 16;  // where the last block of the chain stands in scratch_
    for (const size_t whole = length / 16 * 16; used < whole;) {
      const size_t part = whole - used < sizeof scratch_ ? whole - used : sizeof scratch_;
      if (!update(chain_.get(), scratch_, plain + used, part)) return false;
      used += part;
      last = part - 16;
    }
    if (used < length) {
      uint8_t padded[16] = {0};
      memcpy(padded, plain + used, length - used);
      if (!update(chain_.get(), scratch_, padded, sizeof padded)) return false;
      last = 0;
    }
    memcpy(mac, scratch_ + last, 16);
    return true;
  }

  CipherContext chain_;
  CipherContext stream_;
  uint8_t salt_[4] = {0};
  uint8_t scratch_[2048];
};

/// A cipher and a MAC side by side: the ICV covers SPI … ciphertext, then the half of the number that is not sent.
/// RFC 4303 §3.3.2.1
class CipherAndMac final : public Transform {
 public:
  CipherAndMac(const Encryption& encryption, const Integrity& integrity, const Shape& shape, const Algorithms& keys,
               Direction direction)
      : Transform(shape, keys.esn, kName), counter_(encryption.mode == Mode::ctr) {
    const size_t keyBytes = keys.keyBytes - shape.saltBytes;
    if (encryption.mode != Mode::null) {
      const char* mode = counter_ ? "ctr" : "cbc";
      const std::string name = blockCipherName(encryption.block, keyBytes, mode);
      const bool encrypt = counter_ || direction == Direction::seal;
      if (encryption.block == Block::des) {
        // Three DES with one key are one DES, which libcrypto has only in a provider of its own.
        uint8_t key[24];
        for (size_t i = 0; i < sizeof key; i++) key[i] = keys.key[i % 8];
        cipher_ = cipherContext(name.c_str(), encrypt, key, sizeof key);
        OPENSSL_cleanse(key, sizeof key);
      } else {
        cipher_ = cipherContext(name.c_str(), encrypt, keys.key, keyBytes);
      }
    }
    mac_ = makeMac(integrity.mac, keys.integrityKey, keys.integrityKeyBytes);
    if (shape.saltBytes > 0) memcpy(start_, keys.key + keyBytes, shape.saltBytes);
  }

  ~CipherAndMac() override { OPENSSL_cleanse(start_, sizeof start_); }

  void seal(Sealing* packets, size_t count) noexcept override {
    for (Sealing* one = packets; one < packets + count; one++) {
      uint8_t* body = one->packet + kHeaderBytes + shape.ivBytes;
      uint8_t icv[64];
      one->done = pass(one->packet, body, one->plain, one->plainBytes) &&
                  authenticate(one->packet, one->plainBytes, one->sequence, icv);
      memcpy(body + one->plainBytes, icv, shape.icvBytes);
    }
  }

  void open(Opening* packets, size_t count) noexcept override {
    for (Opening* one = packets; one < packets + count; one++) {
      uint8_t* body = one->packet + kHeaderBytes + shape.ivBytes;
      uint8_t came[kMaxIcvBytes];
      uint8_t icv[64];
      memcpy(came, body + one->cipherBytes, shape.icvBytes);
      one->fits = authenticate(one->packet, one->cipherBytes, one->sequence, icv) &&
                  CRYPTO_memcmp(icv, came, shape.icvBytes) == 0 && pass(one->packet, body, body, one->cipherBytes);
    }
  }

 private:
  bool pass(const uint8_t* packet, uint8_t* out, const uint8_t* in, size_t length) noexcept {
    if (!cipher_) {
      if (out != in) memcpy(out, in, length);
      return true;
    }
    const uint8_t* iv = packet + kHeaderBytes;
    if (counter_) {
      // RFC 3686 §4: counter block = nonce (4, from KEYMAT) ‖ IV (8) ‖ 1.
      memcpy(start_ + 4, iv, 8);
      start_[15] = 1;
      iv = start_;
    }
    return EVP_CipherInit_ex2(cipher_.get(), nullptr, nullptr, iv, -1, nullptr) > 0 &&
           update(cipher_.get(), out, in, length);
  }

  /// With ESN the high half goes where the ICV will stand, so that one pass covers it.
  bool authenticate(uint8_t* packet, size_t bodyBytes, uint64_t sequence, uint8_t icv[64]) noexcept {
    size_t length = kHeaderBytes + shape.ivBytes + bodyBytes;
    if (esn) {
      for (size_t i = 0; i < 4; i++) packet[length + i] = static_cast<uint8_t>(sequence >> (56 - 8 * i));
      length += 4;
    }
    return mac_->compute(packet, length, icv);
  }

  const bool counter_;
  CipherContext cipher_;
  std::unique_ptr<Mac> mac_;
  uint8_t start_[16] = {0};
};

}  // namespace

std::unique_ptr<Transform> libcryptoTransform(const Encryption& encryption, const Integrity* integrity,
                                              const Shape& shape, const Algorithms& keys, Direction direction) {
  switch (encryption.mode) {
    case Mode::gcm:
    case Mode::chachaPoly:
      return std::make_unique<Aead>(encryption, shape, keys, direction);
    case Mode::ccm:
      return std::make_unique<Ccm>(encryption, shape, keys);
    default:
      return std::make_unique<CipherAndMac>(encryption, *integrity, shape, keys, direction);
  }
}

}  // namespace culvert::esp
