// A connected UDP socket, and what its kernel does for us.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace culvert::esp {

/// Closed with the last plan that names it.
class Path {
 public:
  Path(uint32_t id, int fd, bool marked);
  ~Path();
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

  /// The owner's name for it.
  const uint32_t id;
  const int fd;
  /// Port 4500: ESP, and IKE behind four zero octets (RFC 3948 §2.2). Else everything is IKE.
  const bool marked;
  /// An error that reading will not get over.
  std::atomic<bool> dead{false};

  /// Octets of the largest packets that may leave several at a time (UDP_SEGMENT); 0: none.
  size_t largestSegment() const noexcept { return largestSegment_.load(std::memory_order_relaxed); }
  void limitSegment(size_t octets) noexcept { largestSegment_.store(octets, std::memory_order_relaxed); }
  /// Several may come at a time (UDP_GRO).
  bool gathers() const noexcept { return gathers_; }

 private:
  std::atomic<size_t> largestSegment_;
  const bool gathers_;
};

}  // namespace culvert::esp
