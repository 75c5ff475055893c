// ESP packets on their way to the socket, side by side in one buffer that is used again from its beginning. Packets of
// one size make a run, which the kernel takes at once and cuts (UDP_SEGMENT).
#pragma once

#include <sys/socket.h>

#include <memory>

#include "plan.h"
#include "worker.h"

namespace culvert::esp {

class Outbox {
 public:
  explicit Outbox(Totals& totals);

  /// Where the next packet is to be written, with room for the largest.
  uint8_t* room() noexcept { return octets_.get() + used_; }
  /// `largestSegment`: as the path has it. `slack`: octets behind the packet that are not to be used again yet; such
  /// packets leave one at a time.
  void commit(size_t length, size_t largestSegment, size_t slack = 0) noexcept;
  /// There is no room for another.
  bool full() const noexcept { return count_ == kRuns || used_ > kCapacity - kLargestPacket; }
  /// There is enough to be worth a call.
  bool ripe() const noexcept { return used_ >= kRipe; }
  bool empty() const noexcept { return count_ == 0; }

  /// Gives everything to the socket. An error number worth telling, or 0.
  int flush(Path& path) noexcept;

 private:
  static constexpr size_t kRuns = 128;
  static constexpr size_t kLargestPacket = 65536 + kMaxOverhead + kMaxOuterBytes;
  static constexpr size_t kCapacity = 256 * 1024;
  /// Ours: about what one read of the device comes to.
  static constexpr size_t kRipe = 60'000;
  /// What older kernels take at most (newer: 128), and what fits a datagram before it is cut.
  static constexpr size_t kMostSegments = 64;
  static constexpr size_t kMostRunBytes = 65'000;

  struct Run {
    uint8_t* at;
    size_t bytes;
    size_t segment;
    size_t packets;
    /// The last one was shorter: nothing may follow.
    bool closed;
  };
  union Control {
    char octets[CMSG_SPACE(sizeof(uint16_t))];
    cmsghdr aligned;
  };

  void describe(size_t index) noexcept;
  int settle(Path& path, Run& run, int number) noexcept;
  int sendSingly(const Path& path, const Run& run) noexcept;

  Totals& totals_;
  const std::unique_ptr<uint8_t[]> octets_{new uint8_t[kCapacity]};
  size_t used_ = 0;
  size_t count_ = 0;
  Run runs_[kRuns];
  mmsghdr messages_[kRuns] = {};
  iovec parts_[kRuns];
  Control controls_[kRuns];
};

}  // namespace culvert::esp
