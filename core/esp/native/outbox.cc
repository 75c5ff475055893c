#include "outbox.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>

#include <cstring>

#include "passing.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

namespace culvert::esp {
namespace {

/// Ours: a socket that takes nothing for this long is not worth waiting for.
constexpr int kPatienceMs = 50;

bool becomesWritable(int fd) noexcept {
  pollfd watched{fd, POLLOUT, 0};
  return poll(&watched, 1, kPatienceMs) > 0;
}

/// After a failed call: whether the same call is worth another try at once. `retried` is the caller's memory of it.
bool again(int fd, int number, bool& retried) noexcept {
  if (number == EINTR) return true;
  if ((number == EAGAIN || number == ENOBUFS) && becomesWritable(fd) && number == EAGAIN) return true;
  // An error that an earlier packet earned is told at the next one, which deserves another try.
  if (!isPassing(number) || number == EMSGSIZE || retried) return false;
  retried = true;
  return true;
}

}  // namespace

Outbox::Outbox(Totals& totals) : totals_(totals) {
  for (size_t i = 0; i < kRuns; i++) {
    msghdr& header = messages_[i].msg_hdr;
    header.msg_iov = &parts_[i];
    header.msg_iovlen = 1;
  }
}

void Outbox::commit(size_t length, size_t largestSegment, size_t slack) noexcept {
  Run* last = count_ == 0 ? nullptr : &runs_[count_ - 1];
  if (last != nullptr && !last->closed && length <= last->segment && last->segment <= largestSegment &&
      last->packets < kMostSegments && last->bytes + length <= kMostRunBytes) {
    last->bytes += length;
    last->packets++;
    last->closed = length < last->segment;
  } else {
    runs_[count_++] = {room(), length, length, 1, slack > 0};
  }
  used_ += length + slack;
}

void Outbox::describe(size_t index) noexcept {
  const Run& run = runs_[index];
  msghdr& header = messages_[index].msg_hdr;
  parts_[index] = {run.at, run.bytes};
  header.msg_control = nullptr;
  header.msg_controllen = 0;
  if (run.packets == 1) return;
  header.msg_control = controls_[index].octets;
  header.msg_controllen = sizeof controls_[index].octets;
  cmsghdr* control = CMSG_FIRSTHDR(&header);
  control->cmsg_level = IPPROTO_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  const uint16_t segment = static_cast<uint16_t>(run.segment);
  memcpy(CMSG_DATA(control), &segment, sizeof segment);
}

int Outbox::flush(Path& path) noexcept {
  int trouble = 0;
  bool retried = false;
  for (size_t i = 0; i < count_; i++) describe(i);
  size_t done = 0;
  while (done < count_) {
    const int taken =
        sendmmsg(path.fd, messages_ + done, static_cast<unsigned>(count_ - done), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken > 0) {
      for (const size_t end = done + static_cast<size_t>(taken); done < end; done++) {
        totals_.sent.add(runs_[done].packets);
      }
      retried = false;
      continue;
    }
    const int number = errno;
    if (again(path.fd, number, retried)) continue;
    const int told = settle(path, runs_[done], number);
    if (told != 0) trouble = told;
    done++;
    retried = false;
  }
  count_ = 0;
  used_ = 0;
  return trouble;
}

/// A run the kernel refused: its packets may still be taken one at a time.
int Outbox::settle(Path& path, Run& run, int number) noexcept {
  if (run.packets == 1) {
    totals_.unsent.add(1);
    return number;
  }
  switch (number) {
    // This way out cannot do checksums, and so no segments either.
    case EIO:
      path.limitSegment(0);
      return sendSingly(path, run);
    // Larger than the way out: such packets go in fragments, and those cannot be cut.
    case EINVAL:
    case EMSGSIZE:
      if (run.segment - 1 < path.largestSegment()) path.limitSegment(run.segment - 1);
      return sendSingly(path, run);
    default:
      totals_.unsent.add(run.packets);
      return number;
  }
}

int Outbox::sendSingly(const Path& path, const Run& run) noexcept {
  int trouble = 0;
  for (size_t at = 0; at < run.bytes; at += run.segment) {
    const size_t length = run.bytes - at < run.segment ? run.bytes - at : run.segment;
    bool retried = false;
    ssize_t sent;
    do {
      sent = send(path.fd, run.at + at, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && again(path.fd, errno, retried));
    if (sent >= 0) {
      totals_.sent.add(1);
    } else {
      trouble = errno;
      totals_.unsent.add(1);
    }
  }
  return trouble;
}

}  // namespace culvert::esp
