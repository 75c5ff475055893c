// A connected socket to the peer, and what its kernel does for us.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace culvert::esp {

/// What a socket carries.
enum class Carries {
  /// UDP port 500: IKE alone.
  ike,
  /// UDP port 4500: ESP, and IKE behind four zero octets. RFC 3948 §2.2
  espInUdp,
  /// A raw socket: ESP as IP protocol 50. What is sent has its IP header; what comes has one in IPv4 alone.
  ip,
};

/// The ends of a raw socket; octets of an address: 4 or 16.
struct Ends {
  uint8_t source[16];
  uint8_t destination[16];
  size_t addressBytes;
};

/// Closed with the last plan that names it.
class Path {
 public:
  Path(uint32_t id, int fd, Carries carries, const Ends& ends = {});
  ~Path();
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

  /// The owner's name for it.
  const uint32_t id;
  const int fd;
  const Carries carries;
  /// An error that reading will not get over.
  std::atomic<bool> dead{false};

  /// Octets of the largest packets that may leave several at a time (UDP_SEGMENT); 0: none.
  size_t largestSegment() const noexcept { return largestSegment_.load(std::memory_order_relaxed); }
  void limitSegment(size_t octets) noexcept { largestSegment_.store(octets, std::memory_order_relaxed); }
  /// Several may come at a time (UDP_GRO).
  bool gathers() const noexcept { return gathers_; }

  /// Octets of the IP header in front of each packet that leaves.
  size_t headerBytes() const noexcept { return carries != Carries::ip ? 0 : v4() ? 20 : 40; }
  /// Writes that header in front of `payloadBytes`. By the outward thread alone. `trafficClass`: of the inner packet.
  void writeHeader(uint8_t* at, size_t payloadBytes, uint8_t trafficClass) noexcept;
  /// The payload of a packet that came; false when its header is not well-formed.
  bool skipHeader(uint8_t*& packet, size_t& length) const noexcept;

 private:
  bool v4() const noexcept { return ends_.addressBytes == 4; }

  const Ends ends_;
  uint16_t identification_;
  std::atomic<size_t> largestSegment_;
  const bool gathers_;
};

}  // namespace culvert::esp
