#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "ah.h"
#include "ipsec_mb.h"
#include "ipsec_mb_mac.h"

namespace culvert::esp {
namespace {

/// A MAC alone, of many packets side by side.
class MbAh final : public AhTransform {
 public:
  MbAh(const Integrity& integrity, const Shape& shape, const Algorithms& keys)
      : AhTransform(shape, keys.esn, mb::kName, kMostPackets), mac_(manager_.get(), integrity, keys.integrityKey) {}

 private:
  void authenticate(Message* messages, size_t count) noexcept override {
    manager_.run(
        count,
        [&](IMB_JOB& job, size_t i) {
          mac_.describe(job);
          job.cipher_mode = IMB_CIPHER_NULL;
          job.cipher_direction = IMB_DIR_ENCRYPT;
          job.chain_order = IMB_ORDER_HASH_CIPHER;
          job.src = messages[i].data;
          job.dst = nullptr;
          job.msg_len_to_cipher_in_bytes = 0;
          job.hash_start_src_offset_in_bytes = 0;
          job.msg_len_to_hash_in_bytes = messages[i].length;
          job.auth_tag_output = messages[i].code;
          job.auth_tag_output_len_in_bytes = shape.icvBytes;
        },
        [&](size_t i, bool ok) { messages[i].done = ok; });
  }

  mb::Manager manager_;
  mb::MacKey mac_;
};

/// Packets nobody will see: an IPv4 header, an AH and a payload, from none to full size.
struct Sample {
  static constexpr size_t kPackets = Transform::kMostPackets, kStride = 2048, kAhead = 20;
  std::vector<uint8_t> octets = std::vector<uint8_t>(kPackets * kStride);
  Sealing jobs[kPackets];

  explicit Sample(const Shape& shape) {
    for (size_t i = 0; i < octets.size(); i++) octets[i] = static_cast<uint8_t>(i * 167 + (i >> 8) * 13);
    const size_t ahBytes = ahBytesFor(shape, 4);
    for (size_t i = 0; i < kPackets; i++) {
      uint8_t* packet = octets.data() + i * kStride;
      packet[0] = 0x45;
      packet[kAhead + 1] = static_cast<uint8_t>(ahBytes / 4 - 2);
      jobs[i] = {packet + kAhead, nullptr, i * i * 3 / 2, (uint64_t{7} << 32) + i, false, kAhead};
    }
  }
};

/// Whether the library computes as libcrypto does.
bool agrees(const Integrity& integrity, const Shape& shape, const Algorithms& wanted) {
  std::vector<uint8_t> key(integrity.keyBytes);
  for (size_t i = 0; i < key.size(); i++) key[i] = static_cast<uint8_t>(17 * i + 3);
  Algorithms keys = wanted;
  keys.integrityKey = key.data();
  Sample ours(shape);
  Sample theirs(shape);
  MbAh(integrity, shape, keys).seal(ours.jobs, Sample::kPackets);
  libcryptoAh(integrity, shape, keys)->seal(theirs.jobs, Sample::kPackets);
  for (const Sealing& job : ours.jobs) {
    if (!job.done) return false;
  }
  return ours.octets == theirs.octets;
}

}  // namespace

std::unique_ptr<Transform> ipsecMbAh(const Integrity& integrity, const Shape& shape, const Algorithms& keys) {
  if (mb::shared() == nullptr) return nullptr;
  static std::mutex mutex;
  static std::map<int, bool> checked;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    auto found = checked.find(integrity.id);
    if (found == checked.end()) found = checked.emplace(integrity.id, agrees(integrity, shape, keys)).first;
    if (!found->second) return nullptr;
  }
  return std::make_unique<MbAh>(integrity, shape, keys);
}

}  // namespace culvert::esp
