#include "ipsec_mb.h"

#include <openssl/crypto.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <tuple>
#include <vector>

#include "ipsec_mb_manager.h"
#include "libcrypto.h"

namespace culvert::esp {
namespace mb {

const IMB_MGR* shared() noexcept {
  static const IMB_MGR* const manager = []() -> const IMB_MGR* {
    IMB_MGR* made = alloc_mb_mgr(0);
    if (made == nullptr) return nullptr;
    init_mb_mgr_auto(made, nullptr);
    const bool tested = (made->features & IMB_FEATURE_SELF_TEST) == 0 ||
                        (made->features & IMB_FEATURE_SELF_TEST_PASS) != 0;
    if (imb_get_errno(made) == 0 && tested) return made;
    free_mb_mgr(made);
    return nullptr;
  }();
  return manager;
}

Manager::Manager() : size_(imb_get_mb_mgr_size()) {
  if (posix_memalign(&memory_, 64, size_) != 0) throw std::bad_alloc();
  manager_ = imb_set_pointers_mb_mgr(memory_, 0, 1);
  init_mb_mgr_auto(manager_, nullptr);
}

Manager::~Manager() {
  OPENSSL_cleanse(memory_, size_);
  free(memory_);
}

}  // namespace mb

namespace {

std::unique_ptr<Transform> make(const Encryption& encryption, const Integrity* integrity, const Shape& shape,
                                const Algorithms& keys, Direction direction) {
  switch (encryption.mode) {
    case Mode::gcm:
    case Mode::chachaPoly:
      return mb::makeAead(encryption, shape, keys, direction);
    default:
      return mb::makeLanes(encryption, integrity, shape, keys, direction);
  }
}

/// Packets of one SA, side by side, for both backends.
struct Sample {
  static constexpr size_t kPackets = Transform::kMostPackets;
  static constexpr size_t kStride = 2048;
  std::vector<uint8_t> octets = std::vector<uint8_t>(kPackets * kStride);
  size_t plainBytes[kPackets];

  explicit Sample(const Shape& shape) {
    const size_t unit = shape.blockBytes < 4 ? 4 : shape.blockBytes;
    for (size_t i = 0; i < octets.size(); i++) octets[i] = static_cast<uint8_t>(i * 167 + (i >> 8) * 13);
    // From the shortest to full size, odd ends and all.
    for (size_t i = 0; i < kPackets; i++) plainBytes[i] = (1 + i * i * 3 / 2) * unit % 1500 / unit * unit + unit;
  }
  uint8_t* packet(size_t i) { return octets.data() + i * kStride; }
  static uint64_t sequence(size_t i) { return (uint64_t{7} << 32) + i; }
};

bool sealsAlike(Transform& ours, Transform& reference, Sample& sample, Sample& other) {
  Sealing first[Sample::kPackets];
  Sealing second[Sample::kPackets];
  const size_t bodyAt = kHeaderBytes + ours.shape.ivBytes;
  for (size_t i = 0; i < Sample::kPackets; i++) {
    first[i] = {sample.packet(i), sample.packet(i) + bodyAt, sample.plainBytes[i], Sample::sequence(i), false};
    second[i] = {other.packet(i), other.packet(i) + bodyAt, other.plainBytes[i], Sample::sequence(i), false};
  }
  ours.seal(first, Sample::kPackets);
  reference.seal(second, Sample::kPackets);
  for (size_t i = 0; i < Sample::kPackets; i++) {
    if (!first[i].done || !second[i].done) return false;
  }
  return sample.octets == other.octets;
}

bool opensAlike(Transform& ours, Sample& sealed, const Sample& plain) {
  Opening jobs[Sample::kPackets];
  for (size_t i = 0; i < Sample::kPackets; i++) {
    jobs[i] = {sealed.packet(i), sealed.plainBytes[i], Sample::sequence(i), false};
  }
  // One of them is damaged: in its last octet of ICV, where a truncated comparison would not look.
  const size_t bodyAt = kHeaderBytes + ours.shape.ivBytes;
  const size_t bad = Sample::kPackets / 2;
  sealed.packet(bad)[bodyAt + sealed.plainBytes[bad] + ours.shape.icvBytes - 1] ^= 1;
  ours.open(jobs, Sample::kPackets);
  for (size_t i = 0; i < Sample::kPackets; i++) {
    if (jobs[i].fits != (i != bad)) return false;
    const size_t at = i * Sample::kStride + bodyAt;
    if (i != bad && memcmp(&sealed.octets[at], &plain.octets[at], plain.plainBytes[i]) != 0) return false;
  }
  return true;
}

/// Whether the library computes as libcrypto does, on packets nobody will see.
bool agrees(const Encryption& encryption, const Integrity* integrity, const Shape& shape, const Algorithms& wanted) {
  std::vector<uint8_t> key(wanted.keyBytes);
  std::vector<uint8_t> integrityKey(wanted.integrityKeyBytes);
  for (size_t i = 0; i < key.size(); i++) key[i] = static_cast<uint8_t>(31 * i + 11);
  for (size_t i = 0; i < integrityKey.size(); i++) integrityKey[i] = static_cast<uint8_t>(17 * i + 3);
  Algorithms keys = wanted;
  keys.key = key.data();
  keys.integrityKey = integrityKey.data();
  const auto sealer = make(encryption, integrity, shape, keys, Direction::seal);
  const auto opener = make(encryption, integrity, shape, keys, Direction::open);
  if (!sealer || !opener) return false;
  const auto reference = libcryptoTransform(encryption, integrity, shape, keys, Direction::seal);
  const Sample plain(shape);
  Sample ours = plain;
  Sample theirs = plain;
  return sealsAlike(*sealer, *reference, ours, theirs) && opensAlike(*opener, ours, plain);
}

}  // namespace

std::unique_ptr<Transform> ipsecMbTransform(const Encryption& encryption, const Integrity* integrity,
                                            const Shape& shape, const Algorithms& keys, Direction direction) {
  if (mb::shared() == nullptr) return nullptr;
  static std::mutex mutex;
  static std::map<std::tuple<int, size_t, int, bool>, bool> checked;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto what = std::make_tuple(encryption.id, keys.keyBytes, integrity ? integrity->id : 0, keys.esn);
    auto found = checked.find(what);
    if (found == checked.end()) {
      found = checked.emplace(what, agrees(encryption, integrity, shape, keys)).first;
    }
    if (!found->second) return nullptr;
  }
  return make(encryption, integrity, shape, keys, direction);
}

const char* ipsecMbVersion() noexcept {
  return mb::shared() == nullptr ? "not on this processor" : imb_get_version_str();
}

}  // namespace culvert::esp
