#include "outward.h"

#include <errno.h>
#include <unistd.h>

#include <cstring>

namespace culvert::esp {
namespace {

constexpr size_t kLargestPacket = 65535;
/// Ours: before the threads look whether anything has changed.
constexpr int kReadsPerTurn = 64;

}  // namespace

Outward::Outward(Plans& plans, Totals& totals, const std::function<void()>& wake)
    : Worker(plans, 0),
      totals_(totals),
      wake_(wake),
      outbox_(totals),
      sealer_(totals.unsent),
      packet_(new uint8_t[sizeof(Vnet) + kLargestPacket + kMaxTrailerBytes]) {}

Worker::Turn Outward::turn(const Plan& plan, Seen seen) noexcept {
  // Without a way out for them packets wait in the device.
  if (!plan.tun || plan.tun->dead || !plan.path || plan.path->carries == Carries::ike) return kOnlyNudge;
  Tun& tun = *plan.tun;
  const uint64_t nowMs = steadyMs();
  bool news = false;
  bool more = true;
  int error = 0;
  for (int reads = 0; reads < kReadsPerTurn; reads++) {
    const ssize_t length = read(tun.fd, packet_.get(), tun.headerBytes() + kLargestPacket);
    if (length > 0) {
      news |= handle(plan, packet_.get(), static_cast<size_t>(length), nowMs);
      // What ended the wait leaves at once: asking the device for more first would cost every lone packet a call.
      if (outbox_.ripe() || seen.events != 0) flush(*plan.path);
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

bool Outward::handle(const Plan& plan, uint8_t* data, size_t length, uint64_t nowMs) noexcept {
  Vnet vnet{};
  const size_t skip = plan.tun->headerBytes();
  if (length < skip) return false;
  memcpy(&vnet, data, skip);
  Flow flow;
  uint8_t* packet;
  bool news = false;
  bool known = segments_.begin(data + skip, length - skip, vnet);
  for (bool first = true; known && segments_.next(packet, length); first = false) {
    // Slices of one packet are of one flow: what is said of the first holds for all.
    if (first) known = findFlow(plan, packet, length, flow);
    if (!known) break;
    if (!first) flow.inner.length = length;
    if (outbox_.full()) flush(*plan.path);
    const Sealed sealed = protect(sealer_, flow, plan.path.get(), packet, nowMs, outbox_.room());
    if (sealed.length > 0) outbox_.commit(sealed.length, plan.path->largestSegment(), sealed.slack);
    news |= sealed.news;
  }
  if (!known) totals_.noSelector.add(1);
  return news;
}

void Outward::flush(Path& path) noexcept {
  if (outbox_.empty()) return;
  sealer_.finish();
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
