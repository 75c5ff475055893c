#include "outward.h"

#include <errno.h>
#include <unistd.h>

namespace culvert::esp {
namespace {

constexpr size_t kLargestPacket = 65535;
/// Ours: packets read before what is sealed is sent, so that none waits long.
constexpr int kReadsPerTurn = 64;

}  // namespace

Outward::Outward(Plans& plans, Totals& totals, const std::function<void()>& wake)
    : Worker(plans, 0),
      totals_(totals),
      wake_(wake),
      outbox_(totals),
      packet_(new uint8_t[kLargestPacket + kMaxTrailerBytes]) {}

Worker::Turn Outward::turn(const Plan& plan, Seen seen) noexcept {
  // Without a way out packets wait in the device.
  if (!plan.tun || plan.tun->dead || !plan.path || !plan.path->marked) return kOnlyNudge;
  Tun& tun = *plan.tun;
  const uint64_t nowMs = steadyMs();
  bool news = false;
  bool more = true;
  int error = 0;
  for (int reads = 0; reads < kReadsPerTurn; reads++) {
    const ssize_t length = read(tun.fd, packet_.get(), kLargestPacket);
    if (length > 0) {
      news |= handle(plan, packet_.get(), static_cast<size_t>(length), nowMs);
      if (outbox_.full()) flush(*plan.path);
      seen = {0, 0};
      continue;
    }
    if (length < 0 && errno == EINTR) continue;
    more = false;
    if (length == 0) error = kEndOfFile;
    else if (errno != EAGAIN) error = errno;
    else if (seen.trouble(tun.id)) error = EIO;
    break;
  }
  flush(*plan.path);
  if (news) wake_();
  return error == 0 ? Turn{tun.fd, tun.id, more} : end(tun, error);
}

bool Outward::handle(const Plan& plan, uint8_t* packet, size_t length, uint64_t nowMs) noexcept {
  InnerPacket inner;
  OutboundSa* sa = parseInner(packet, length, inner) ? findOutbound(plan, inner) : nullptr;
  if (sa == nullptr) {
    totals_.noSelector.add(1);
    return false;
  }
  const Sealed sealed = seal(*sa, packet, inner, ivs_, nowMs, outbox_.room());
  if (sealed.length > 0) outbox_.commit(sealed.length);
  return sealed.news;
}

void Outward::flush(const Path& path) noexcept {
  if (outbox_.empty()) return;
  const int trouble = outbox_.flush(path);
  // Said when it is news, not for every packet it costs.
  if (trouble != 0 && trouble != told_) {
    sendError_ = trouble;
    wake_();
  }
  told_ = trouble;
}

Worker::Turn Outward::end(Tun& tun, int number) noexcept {
  tun.dead = true;
  tunError_ = number;
  wake_();
  return kOnlyNudge;
}

}  // namespace culvert::esp
