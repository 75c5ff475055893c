#include "inward.h"

#include <errno.h>
#include <unistd.h>

#include "octets.h"
#include "passing.h"

namespace culvert::esp {
namespace {

/// Four zero octets where ESP has its SPI, which is never zero. RFC 3948 §2.2
constexpr size_t kMarkerBytes = 4;

}  // namespace

Inward::Inward(Plans& plans, Totals& totals, const std::function<void()>& wake)
    : Worker(plans, 1), totals_(totals), wake_(wake) {
  for (unsigned i = 0; i < kDatagrams; i++) {
    parts_[i] = {octets_.get() + i * kStride, kLargestDatagram};
    messages_[i].msg_hdr.msg_iov = &parts_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
}

Worker::Turn Inward::turn(const Plan& plan, Seen seen) noexcept {
  if (!plan.path || plan.path->dead) return kOnlyNudge;
  Path& path = *plan.path;
  const int came = recvmmsg(path.fd, messages_, kDatagrams, MSG_DONTWAIT, nullptr);
  if (came < 0) {
    if (errno == EINTR || isPassing(errno)) return {path.fd, path.id, true};
    if (errno != EAGAIN) return end(path, errno);
    // Woken and yet nothing to read: an error that reading does not clear must not become a busy loop.
    if (seen.hungUp(path.id)) return end(path, kEndOfFile);
    if (seen.trouble(path.id)) {
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(path.fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0 && !isPassing(error)) return end(path, error);
    }
    return {path.fd, path.id, false};
  }
  const uint64_t nowMs = steadyMs();
  bool news = false;
  size_t octets = 0;
  for (int i = 0; i < came; i++) {
    octets += messages_[i].msg_len;
    news |= handle(plan, static_cast<uint8_t*>(parts_[i].iov_base), messages_[i].msg_len, nowMs);
  }
  if (news) wake_();
  // A stand-in for the socket whose other end has closed gives nothing, for ever.
  if (octets == 0 && seen.hungUp(path.id)) return end(path, kEndOfFile);
  return {path.fd, path.id, octets > 0 && static_cast<unsigned>(came) == kDatagrams};
}

Worker::Turn Inward::end(Path& path, int number) noexcept {
  path.dead = true;
  pathError_ = number;
  wake_();
  return kOnlyNudge;
}

bool Inward::handle(const Plan& plan, uint8_t* datagram, size_t length, uint64_t nowMs) noexcept {
  if (length == 0) return false;
  const bool toIke = !plan.path->marked || (length >= kMarkerBytes && load32(datagram) == 0);
  if (toIke) {
    const size_t skip = plan.path->marked ? kMarkerBytes : 0;
    if (ike.push(plan.path->id, datagram + skip, length - skip)) return true;
    totals_.ikeDropped.add(1);
    return false;
  }
  // RFC 3948 §2.3: whoever receives a keepalive ignores it. What is shorter than an ESP header is nothing at all.
  if (length < kHeaderBytes) return false;
  const Opened opened = open(plan, datagram, length, totals_.noSa, nowMs);
  if (opened.authentic) totals_.authentic.add(1);
  if (opened.inner != nullptr) deliver(plan, opened.inner, opened.length);
  return opened.news;
}

void Inward::deliver(const Plan& plan, const uint8_t* packet, size_t length) noexcept {
  if (plan.tun && !plan.tun->dead) {
    ssize_t taken;
    do {
      taken = write(plan.tun->fd, packet, length);
    } while (taken < 0 && errno == EINTR);
    if (taken >= 0) return;
  }
  totals_.undelivered.add(1);
}

}  // namespace culvert::esp
