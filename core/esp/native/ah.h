// The Authentication Header: an ICV over the headers in front of it, itself and all that follows. RFC 4302
#pragma once

#include "algorithms.h"

namespace culvert::esp {

/// In front of the ICV. RFC 4302 §2
constexpr size_t kAhFixedBytes = 12;
/// Ours: the most octets of headers that may stand in front of it. (An honest packet has 60 or 80.)
constexpr size_t kMostAheadBytes = 512;

/// Octets of a header as it stands in a packet. RFC 4302 §2.2
inline size_t ahBytesOf(const uint8_t* header) noexcept { return (header[1] + size_t{2}) * 4; }

/// Of the header that goes with these algorithms. `boundary`: what it is a multiple of. RFC 4302 §3.3.3.2.1
inline size_t ahBytesFor(const Shape& shape, size_t boundary) noexcept {
  return (kAhFixedBytes + shape.ivBytes + shape.icvBytes + boundary - 1) / boundary * boundary;
}

/// Takes the headers in front of it apart and puts them together again; whose code computes is for others to say. A packet
/// is its AH, the payload behind it (`plainBytes`, `cipherBytes`), which is not changed, and `aheadBytes` of headers in
/// front; four octets behind it may be written to.
class AhTransform : public Transform {
 public:
  using Transform::Transform;

  void seal(Sealing* packets, size_t count) noexcept final;
  void open(Opening* packets, size_t count) noexcept final;

 protected:
  struct Message {
    const uint8_t* data;
    size_t length;
    uint8_t code[64];
    bool done;
  };
  /// At most `kMostPackets`.
  virtual void authenticate(Message* messages, size_t count) noexcept = 0;

 private:
  /// Of one of a batch. False when its ICV cannot be computed.
  bool cover(size_t index, uint8_t* packet, size_t aheadBytes, size_t payloadBytes, uint64_t sequence) noexcept;
  void uncover(size_t index, uint8_t* packet, size_t aheadBytes) noexcept;

  uint8_t kept_[kMostPackets][kMostAheadBytes];
  Message messages_[kMostPackets];
};

/// Whether the ICV over these headers can be computed; they stay as they are.
bool canCover(const uint8_t* headers, size_t length) noexcept;

/// The same on libcrypto. Throws std::runtime_error.
std::unique_ptr<Transform> libcryptoAh(const Integrity& integrity, const Shape& shape, const Algorithms& keys);

}  // namespace culvert::esp
