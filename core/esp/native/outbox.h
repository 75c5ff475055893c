// ESP packets on their way to the socket, side by side in one buffer that is used again from its beginning.
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
  void commit(size_t length) noexcept;
  bool full() const noexcept { return count_ == kPackets || used_ > kEnough; }
  bool empty() const noexcept { return count_ == 0; }

  /// Gives everything to the socket. An error number worth telling, or 0.
  int flush(const Path& path) noexcept;

 private:
  static constexpr size_t kPackets = 128;
  static constexpr size_t kCapacity = 256 * 1024;
  /// Beyond this, one more packet of the largest kind might not fit.
  static constexpr size_t kEnough = 128 * 1024;

  Totals& totals_;
  const std::unique_ptr<uint8_t[]> octets_{new uint8_t[kCapacity]};
  size_t used_ = 0;
  unsigned count_ = 0;
  mmsghdr messages_[kPackets] = {};
  iovec parts_[kPackets];
};

}  // namespace culvert::esp
