// TUN → UDP: read, find the SA, seal, send.
#pragma once

#include "outbox.h"
#include "protect.h"
#include "segment.h"
#include "worker.h"

namespace culvert::esp {

class Outward final : public Worker {
 public:
  /// `wake`: called from the thread when there is something to fetch.
  Outward(Plans& plans, Totals& totals, const std::function<void()>& wake);
  ~Outward() override { stop(); }

  /// Number of the error that ended the device, once; 0 otherwise.
  int takeTunError() noexcept { return tunError_.exchange(0); }
  /// Number of the last new error of the socket, once; 0 otherwise.
  int takeSendError() noexcept { return sendError_.exchange(0); }

 protected:
  Turn turn(const Plan& plan, Seen seen) noexcept override;

 private:
  /// What one read of the device gave. True when a limit was reached for the first time.
  bool handle(const Plan& plan, uint8_t* data, size_t length, uint64_t nowMs) noexcept;
  void flush(Path& path) noexcept;
  Turn end(Tun& tun, int number) noexcept;

  Totals& totals_;
  const std::function<void()>& wake_;
  Outbox outbox_;
  Sealer sealer_;
  Segments segments_;
  int told_ = 0;
  std::atomic<int> tunError_{0};
  std::atomic<int> sendError_{0};
  const std::unique_ptr<uint8_t[]> packet_;
};

}  // namespace culvert::esp
