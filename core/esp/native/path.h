// A connected socket to the peer, and what its kernel does for us.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "ip.h"

namespace culvert::esp {

/// What a socket carries.
enum class Carries {
  /// UDP port 500: IKE alone.
  ike,
  /// UDP port 4500: ESP, and IKE behind four zero octets. RFC 3948 §2.2
  espInUdp,
  /// A raw socket: ESP or AH as a protocol of IP. What is sent has its IP header; what comes has one in IPv4 alone.
  ip,
};

/// The ends of a socket, seen from here; octets of an address: 4, 16, or 0: not told.
struct Ends {
  uint8_t source[16];
  uint8_t destination[16];
  size_t addressBytes;
};

/// What is asked of a socket.
struct PathOptions {
  Carries carries;
  Ends ends{};
  /// Of a raw socket.
  Protocol protocol = Protocol::esp;
  /// Packets come one at a time, with room in front of each. Transport mode needs that room for a header.
  bool separately = false;
};

/// Closed with the last plan that names it.
class Path {
 public:
  /// `fd` may be -1: packets pass by hand.
  Path(uint32_t id, int fd, const PathOptions& options);
  ~Path();
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

  /// The owner's name for it.
  const uint32_t id;
  const int fd;
  const Carries carries;
  const Protocol protocol;
  /// An error that reading will not get over.
  std::atomic<bool> dead{false};

  /// Octets of the largest packets that may leave several at a time (UDP_SEGMENT); 0: none.
  size_t largestSegment() const noexcept { return largestSegment_.load(std::memory_order_relaxed); }
  void limitSegment(size_t octets) noexcept { largestSegment_.store(octets, std::memory_order_relaxed); }
  /// Several may come at a time (UDP_GRO).
  bool gathers() const noexcept { return gathers_; }

  /// Packets leave and come with their IP headers.
  bool whole() const noexcept { return carries == Carries::ip; }
  bool knowsEnds() const noexcept { return ends_.addressBytes != 0; }
  /// Octets of an IP header between the ends.
  size_t headerBytes() const noexcept { return v4() ? 20 : 40; }
  /// Writes the outer header of tunnel mode in front of `payloadBytes`. By the outward thread alone. `trafficClass`: of
  /// the inner packet.
  void writeOuter(uint8_t* at, size_t payloadBytes, uint8_t trafficClass) noexcept;
  /// Writes the header that a packet may have had which came without one.
  void writeReceived(uint8_t* at, size_t payloadBytes, uint8_t protocol) const noexcept;
  /// Whether what comes lacks its header: IPv6 on a raw socket. raw(7), ipv6(7)
  bool stripsHeaders() const noexcept { return whole() && !v4(); }
  /// Never zero. By the outward thread alone.
  uint16_t nextIdentification() noexcept;

 private:
  bool v4() const noexcept { return ends_.addressBytes == 4; }

  const Ends ends_;
  uint16_t identification_;
  std::atomic<size_t> largestSegment_;
  const bool gathers_;
};

}  // namespace culvert::esp
