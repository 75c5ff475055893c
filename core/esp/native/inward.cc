#include "inward.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <cstring>

#include "octets.h"
#include "passing.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace culvert::esp {
namespace {

/// Four zero octets where ESP has its SPI, which is never zero. RFC 3948 §2.2
constexpr size_t kMarkerBytes = 4;

/// Octets of each datagram in a message, 0: it is one. UDP_GRO
size_t segmentOf(const msghdr& message) noexcept {
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr;
       one = CMSG_NXTHDR(const_cast<msghdr*>(&message), one)) {
    if (one->cmsg_level != IPPROTO_UDP || one->cmsg_type != UDP_GRO) continue;
    int segment;
    if (one->cmsg_len < CMSG_LEN(sizeof segment)) return 0;
    memcpy(&segment, CMSG_DATA(one), sizeof segment);
    return segment < 0 ? 0 : static_cast<size_t>(segment);
  }
  return 0;
}

}  // namespace

Inward::Inward(Plans& plans, Totals& totals, const std::function<void()>& wake)
    : Worker(plans, 1), totals_(totals), wake_(wake), opener_(totals.noSa) {
  for (unsigned i = 0; i < kDatagrams; i++) {
    parts_[i] = {octets_.get() + i * kStride + kRoom, kLargestDatagram};
    messages_[i].msg_hdr.msg_iov = &parts_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
    messages_[i].msg_hdr.msg_control = controls_[i].octets;
  }
}

Worker::Turn Inward::turn(const Plan& plan, Seen seen) noexcept {
  if (!plan.path || plan.path->dead) return kOnlyNudge;
  Path& path = *plan.path;
  for (unsigned i = 0; i < filled_; i++) messages_[i].msg_hdr.msg_controllen = sizeof controls_[0].octets;
  const int came = recvmmsg(path.fd, messages_, kDatagrams, MSG_DONTWAIT, nullptr);
  filled_ = came < 0 ? 0 : static_cast<unsigned>(came);
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
  tun_ = plan.tun && !plan.tun->dead ? plan.tun.get() : nullptr;
  coalescer_.allow(tun_ == nullptr ? Mergeable{} : tun_->mergeable());
  news_ = false;
  size_t octets = 0;
  for (int i = 0; i < came; i++) {
    octets += messages_[i].msg_len;
    handle(plan, messages_[i].msg_hdr, static_cast<uint8_t*>(parts_[i].iov_base), messages_[i].msg_len, nowMs);
  }
  finish(nowMs);
  if (news_) wake_();
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

void Inward::handle(const Plan& plan, const msghdr& message, uint8_t* octets, size_t length,
                    uint64_t nowMs) noexcept {
  size_t segment = segmentOf(message);
  if (segment == 0 || segment > length) segment = length;
  for (size_t at = 0; at < length; at += segment) {
    handleDatagram(plan, octets + at, length - at < segment ? length - at : segment, at == 0 ? kRoom : 0, nowMs);
  }
}

void Inward::handlePacket(const Plan& plan, uint8_t* packet, size_t length, uint64_t nowMs) noexcept {
  if (plan.path->stripsHeaders()) {
    const size_t header = plan.path->headerBytes();
    packet -= header;
    plan.path->writeReceived(packet, length, static_cast<uint8_t>(plan.path->protocol));
    length += header;
  }
  Arrival arrival;
  if (!arrive(packet, length, arrival)) return totals_.noSa.add(1);
  opener_.add(plan, arrival, nowMs, [this](const Opened& opened) { deliver(opened); });
}

void Inward::handleDatagram(const Plan& plan, uint8_t* datagram, size_t length, size_t room,
                            uint64_t nowMs) noexcept {
  const Carries carries = plan.path->carries;
  if (carries == Carries::ip) return handlePacket(plan, datagram, length, nowMs);
  const bool toIke = carries == Carries::ike || (length >= kMarkerBytes && load32(datagram) == 0);
  if (toIke) {
    const size_t skip = carries == Carries::espInUdp ? kMarkerBytes : 0;
    if (ike.push(plan.path->id, datagram + skip, length - skip)) news_ = true;
    else totals_.ikeDropped.add(1);
    return;
  }
  // A NAT-keepalive packet: one octet 0xFF. RFC 3948 §2.3
  if (length == 1 && datagram[0] == 0xff) return;
  Arrival arrival{datagram, length};
  arrival.room = room;
  opener_.add(plan, arrival, nowMs, [this](const Opened& opened) { deliver(opened); });
}

void Inward::deliver(const Opened& opened) noexcept {
  if (opened.authentic) totals_.authentic.add(1);
  news_ |= opened.news;
  if (opened.inner != nullptr) coalescer_.add(opened.inner, opened.length);
}

void Inward::finish(uint64_t nowMs) noexcept {
  opener_.finish(nowMs, [this](const Opened& opened) { deliver(opened); });
  coalescer_.flush();
  if (tun_ != nullptr) tun_->restrict(coalescer_.allowed());
}

bool Inward::write(const iovec* parts, size_t count) noexcept {
  constexpr size_t kOnePacket = 2;
  if (tun_ != nullptr) {
    // The first part is the header, for devices that have one.
    const size_t skip = tun_->headerBytes() == 0 ? 1 : 0;
    ssize_t taken;
    do {
      taken = writev(tun_->fd, parts + skip, static_cast<int>(count - skip));
    } while (taken < 0 && errno == EINTR);
    if (taken >= 0) return true;
    if (count > kOnePacket && errno == EINVAL) return false;
  }
  totals_.undelivered.add(count - 1);
  return true;
}

}  // namespace culvert::esp
