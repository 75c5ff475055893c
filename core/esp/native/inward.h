// UDP → TUN: receive, tell IKE from ESP, open, deliver.
#pragma once

#include <sys/socket.h>

#include "coalesce.h"
#include "ike_ring.h"
#include "open.h"
#include "worker.h"

namespace culvert::esp {

class Inward final : public Worker, private Sink {
 public:
  /// `wake`: called from the thread when there is something to fetch.
  Inward(Plans& plans, Totals& totals, const std::function<void()>& wake);
  ~Inward() override { stop(); }

  IkeRing ike;

  /// Number of the error that ended the socket, once; 0 otherwise.
  int takePathError() noexcept { return pathError_.exchange(0); }

 protected:
  Turn turn(const Plan& plan, Seen seen) noexcept override;

 private:
  static constexpr unsigned kDatagrams = 16;
  static constexpr size_t kLargestDatagram = 65536;
  /// In front of each, for a header that the kernel keeps, or that never was.
  static constexpr size_t kRoom = 64;
  /// Not a power of two, so that the beginnings do not share one set of the cache.
  static constexpr size_t kStride = kRoom + kLargestDatagram + 64;

  union Control {
    char octets[CMSG_SPACE(sizeof(int))];
    cmsghdr aligned;
  };

  /// What one message brought: one datagram, or several of a size (UDP_GRO).
  void handle(const Plan& plan, const msghdr& message, uint8_t* octets, size_t length, uint64_t nowMs) noexcept;
  /// `room`: octets in front of it that may be written to.
  void handleDatagram(const Plan& plan, uint8_t* datagram, size_t length, size_t room, uint64_t nowMs) noexcept;
  void handlePacket(const Plan& plan, uint8_t* packet, size_t length, uint64_t nowMs) noexcept;
  void deliver(const Opened& opened) noexcept;
  /// Everything that waits goes to the device.
  void finish(uint64_t nowMs) noexcept;
  bool write(const iovec* parts, size_t count) noexcept override;
  Turn end(Path& path, int number) noexcept;

  Totals& totals_;
  const std::function<void()>& wake_;
  std::atomic<int> pathError_{0};
  const std::unique_ptr<uint8_t[]> octets_{new uint8_t[kDatagrams * kStride]};
  mmsghdr messages_[kDatagrams] = {};
  iovec parts_[kDatagrams];
  Control controls_[kDatagrams];
  /// Messages that the last call filled in.
  unsigned filled_ = kDatagrams;
  Opener opener_;
  Coalescer coalescer_{*this};
  /// Of this turn.
  Tun* tun_ = nullptr;
  bool news_ = false;
};

}  // namespace culvert::esp
