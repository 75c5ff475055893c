#include "outbox.h"

#include <errno.h>
#include <poll.h>

#include "passing.h"

namespace culvert::esp {
namespace {

/// Ours: a socket that takes nothing for this long is not worth waiting for.
constexpr int kPatienceMs = 50;

bool becomesWritable(int fd) noexcept {
  pollfd watched{fd, POLLOUT, 0};
  return poll(&watched, 1, kPatienceMs) > 0;
}

}  // namespace

Outbox::Outbox(Totals& totals) : totals_(totals) {
  for (size_t i = 0; i < kPackets; i++) {
    messages_[i].msg_hdr.msg_iov = &parts_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
}

void Outbox::commit(size_t length) noexcept {
  parts_[count_++] = {room(), length};
  used_ += length;
}

int Outbox::flush(const Path& path) noexcept {
  int trouble = 0;
  bool retried = false;
  unsigned done = 0;
  while (done < count_) {
    const int taken = sendmmsg(path.fd, messages_ + done, count_ - done, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken > 0) {
      totals_.sent.add(static_cast<uint64_t>(taken));
      done += static_cast<unsigned>(taken);
      retried = false;
      continue;
    }
    if (errno == EINTR) continue;
    if ((errno == EAGAIN || errno == ENOBUFS) && becomesWritable(path.fd) && errno == EAGAIN) continue;
    // An error that an earlier packet earned is told at the next one, which deserves another try.
    if (isPassing(errno) && errno != EMSGSIZE && !retried) {
      retried = true;
      continue;
    }
    trouble = errno;
    totals_.unsent.add(1);
    done++;
    retried = false;
  }
  count_ = 0;
  used_ = 0;
  return trouble;
}

}  // namespace culvert::esp
