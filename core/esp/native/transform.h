// The algorithms of one SA, with its keys, applied to whole packets. Backends implement `Transform`;
// `seal` and `open` know ESP and call it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace culvert::esp {

/// SPI and the low half of the sequence number. RFC 4303 §2
constexpr size_t kHeaderBytes = 8;
constexpr size_t kMaxIvBytes = 16;
constexpr size_t kMaxIcvBytes = 32;
/// Padding, its length, and Next Header: at most one block of the cipher and one octet more.
constexpr size_t kMaxTrailerBytes = 18;
/// The most an ESP packet is longer than what it carries.
constexpr size_t kMaxOverhead = kHeaderBytes + kMaxIvBytes + kMaxTrailerBytes + kMaxIcvBytes;

/// Of the longest IP header without options.
constexpr size_t kMaxOuterBytes = 40;

/// What the algorithms ask of a packet, in octets.
struct Shape {
  size_t saltBytes;
  size_t ivBytes;
  size_t icvBytes;
  /// Plaintext is a multiple of this.
  size_t blockBytes;
  /// CBC wants an IV nobody can guess (RFC 3602 §3); the others one that never repeats (RFC 4106 §3.1).
  bool unpredictableIv;
};

/// A packet to protect. `packet` begins with SPI, sequence number and IV; ciphertext and ICV are written behind them.
/// `plain` may be the place of the ciphertext itself, or anywhere outside the packet. (For AH, see there.)
struct Sealing {
  uint8_t* packet;
  const uint8_t* plain;
  size_t plainBytes;
  /// All 64 bits of it. RFC 4303 §2.2.1
  uint64_t sequence;
  bool done;
  /// Octets of IP headers in front of `packet`, which AH covers too.
  size_t aheadBytes = 0;
};

/// A packet to open, in place: SPI, sequence number, IV, `cipherBytes`, ICV. (For AH, see there.)
struct Opening {
  uint8_t* packet;
  size_t cipherBytes;
  uint64_t sequence;
  /// The ICV was right, and the plaintext stands where the ciphertext was.
  bool fits;
  /// Octets of IP headers in front of `packet`, which AH covers too.
  size_t aheadBytes = 0;
};

/// One SA's algorithms and keys. Used by one thread at a time. Destruction wipes the keys.
class Transform {
 public:
  Transform(const Shape& shape, bool esn, const char* backend, size_t batch = 1)
      : shape(shape), esn(esn), backend(backend), batch(batch) {}
  virtual ~Transform() = default;
  Transform(const Transform&) = delete;
  Transform& operator=(const Transform&) = delete;

  virtual void seal(Sealing* packets, size_t count) noexcept = 0;
  virtual void open(Opening* packets, size_t count) noexcept = 0;

  const Shape shape;
  /// 64-bit sequence numbers: the half that is not sent is part of the ICV.
  const bool esn;
  /// Who computes, for people.
  const char* const backend;
  /// Packets worth gathering for one call, at most `kMostPackets`. With more than one, plaintext must stand where the
  /// ciphertext will.
  const size_t batch;

  static constexpr size_t kMostPackets = 32;
};

/// What was negotiated. Key material is the caller's and is copied.
struct Algorithms {
  /// IANA transform type 1, and the key length agreed on in bits. 0: the SA is one of AH.
  int encryption;
  size_t keyBits;
  const uint8_t* key;  ///< key ‖ salt
  size_t keyBytes;
  /// IANA transform type 3, 0 with an AEAD.
  int integrity;
  const uint8_t* integrityKey;
  size_t integrityKeyBytes;
  bool esn;
};

enum class Direction { seal, open };

/// Whose code may be used.
enum class Backend { fastest, libcrypto };

/// Throws std::invalid_argument when the algorithms are not known or a key has the wrong length.
std::unique_ptr<Transform> makeTransform(const Algorithms& algorithms, Direction direction, Backend backend);

/// SPI and sequence number as an AEAD covers them: 64 bits of the number with ESN. RFC 4106 §5, RFC 7634 §2.1
size_t aadOf(const uint8_t* packet, uint64_t sequence, bool esn, uint8_t aad[12]) noexcept;

}  // namespace culvert::esp
