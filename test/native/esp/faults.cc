// faults: a kernel that refuses in mid-flight, lies, or goes away. The calls below stand before the C library's.
#include <errno.h>
#include <netinet/udp.h>
#include <sys/uio.h>

#include "world.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace culvert::check {
namespace {

constexpr int kHonest = -12345;

/// What the kernel does wrong; 0 or `kHonest`: nothing.
std::atomic<int> segmentsFailWith{0};
std::atomic<int> sendsFailWith{0};
std::atomic<int> mergedFailWith{0};
/// Said to be the size of each datagram in what came.
std::atomic<int> segmentIsSaidToBe{kHonest};

/// A tunnel in one direction, with one SA.
struct Tunnel {
  Device left = Device::open();
  Device right = Device::open();
  std::atomic<int> woken{0};
  std::unique_ptr<Engine> a;
  std::unique_ptr<Engine> b;
  Random random{1};
  uint64_t sent = 0;
  uint64_t next = 0;

  Tunnel() {
    a = std::make_unique<Engine>(kNoLimits, Backend::fastest, [this] { woken++; });
    b = std::make_unique<Engine>(kNoLimits, Backend::fastest, [this] { woken++; });
    const Pair wire = openWire();
    const Keys keys(6);
    a->usePath(1, wire.a, true);
    b->usePath(1, wire.b, true);
    b->addInbound(6, keys.algorithms, everything());
    a->useOutbound("child", 6, keys.algorithms, everything());
    a->attachTun(left.fd);
    b->attachTun(right.fd);
  }

  ~Tunnel() {
    segmentsFailWith = sendsFailWith = mergedFailWith = 0;
    segmentIsSaidToBe = kHonest;
    a.reset();
    b.reset();
    left.close();
    right.close();
  }

  void put(size_t count) {
    CHECK(feed(left.machine, random, sent, count, true));
    sent += count;
  }

  /// Everything that was put comes, in order.
  void allComes() {
    until([&] {
      Bytes written = take(right.machine, 1);
      if (!written.empty()) readNumbers(written, true, [&](uint64_t number) { CHECK(number == next++); });
      return next == sent;
    });
  }
};

void segmentsRefused() {
  Tunnel tunnel;
  CHECK(tunnel.a->offloads().largestSegment == 65535);
  tunnel.put(40);
  tunnel.allComes();
  segmentsFailWith = EIO;
  tunnel.put(40);
  tunnel.allComes();
  CHECK(tunnel.a->offloads().largestSegment == 0);
  tunnel.put(40);
  tunnel.allComes();
  CHECK(tunnel.a->totals().unsent.get() == 0 && tunnel.a->takeSendError() == 0);
}

void segmentsTooLarge() {
  Tunnel tunnel;
  segmentsFailWith = EINVAL;
  tunnel.put(40);
  tunnel.allComes();
  const size_t limit = tunnel.a->offloads().largestSegment;
  CHECK(limit > 100 && limit < 300);
  CHECK(tunnel.a->totals().unsent.get() == 0);
}

void mergedRefused() {
  Tunnel tunnel;
  mergedFailWith = EINVAL;
  tunnel.put(40);
  tunnel.allComes();
  until([&] { return !tunnel.b->offloads().device.udp; });
  CHECK(tunnel.b->offloads().device.tcp4);
  CHECK(tunnel.b->totals().undelivered.get() == 0);
}

/// The batch is cut in the wrong places: what is left of it is counted and dropped.
void lyingLength() {
  for (const int lie : {0, -1, -2147483647, 1, 3, 7, 100, 70'000, 2147483647}) {
    Tunnel tunnel;
    segmentIsSaidToBe = lie;
    tunnel.put(10);
    until([&] {
      const auto* sa = tunnel.b->inbound(6);
      return tunnel.b->totals().noSa.get() + sa->malformed.get() + sa->failedIcv.get() + sa->replayed.get() +
                 sa->packets.get() > 0;
    });
    segmentIsSaidToBe = kHonest;
    while (!take(tunnel.right.machine, 20).empty()) continue;
    // And the next ones come.
    const uint64_t first = tunnel.sent;
    tunnel.put(10);
    uint64_t came = 0;
    until([&] {
      Bytes written = take(tunnel.right.machine, 1);
      if (!written.empty()) readNumbers(written, true, [&](uint64_t number) { came += number >= first ? 1 : 0; });
      return came == 10;
    });
  }
}

void socketErrors() {
  Tunnel tunnel;
  // What an ICMP message can cause passes; a real one is told, once.
  sendsFailWith = EPERM;
  tunnel.put(1);
  until([&] { return tunnel.a->totals().unsent.get() == 1; });
  until([&] { return tunnel.woken > 0; });
  CHECK(tunnel.a->takeSendError() == EPERM && tunnel.a->takeSendError() == 0);
  sendsFailWith = 0;
  tunnel.next = tunnel.sent;
  tunnel.put(3);
  tunnel.allComes();
}

void deviceGoes() {
  Tunnel tunnel;
  tunnel.put(10);
  tunnel.allComes();
  shutdown(tunnel.left.machine, SHUT_RDWR);
  until([&] { return tunnel.woken > 0; });
  CHECK(tunnel.a->takeTunError() == esp::kEndOfFile);
  // The other direction's device is gone: what comes is counted.
  shutdown(tunnel.right.machine, SHUT_RDWR);
  Device other = Device::open();
  tunnel.a->attachTun(other.fd);
  CHECK(feed(other.machine, tunnel.random, 0, 5, true));
  until([&] { return tunnel.b->totals().undelivered.get() >= 5; });
  tunnel.a.reset();
  other.close();
}

}  // namespace
}  // namespace culvert::check

using namespace culvert::check;

extern "C" int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  const int all = sendsFailWith;
  const int cut = segmentsFailWith;
  // The first that would fail ends the call, as in the kernel.
  unsigned good = 0;
  while (good < count && all == 0 && (cut == 0 || messages[good].msg_hdr.msg_controllen == 0)) good++;
  if (good == 0 && count > 0) {
    errno = all != 0 ? all : cut;
    return -1;
  }
  return static_cast<int>(syscall(SYS_sendmmsg, fd, messages, good, flags));
}

extern "C" int recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* patience) {
  const int came = static_cast<int>(syscall(SYS_recvmmsg, fd, messages, count, flags, patience));
  const int lie = segmentIsSaidToBe;
  for (int i = 0; i < came && lie != kHonest; i++) {
    msghdr& header = messages[i].msg_hdr;
    header.msg_controllen = CMSG_SPACE(sizeof lie);
    cmsghdr* control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = IPPROTO_UDP;
    control->cmsg_type = UDP_GRO;
    control->cmsg_len = CMSG_LEN(sizeof lie);
    memcpy(CMSG_DATA(control), &lie, sizeof lie);
  }
  return came;
}

extern "C" ssize_t writev(int fd, const iovec* parts, int count) {
  const int number = mergedFailWith;
  if (number != 0 && count > 2 && fd < 1024 && isDevice[fd]) {
    errno = number;
    return -1;
  }
  return syscall(SYS_writev, fd, parts, count);
}

int main() {
  segmentsRefused();
  segmentsTooLarge();
  mergedRefused();
  lyingLength();
  socketErrors();
  deviceGoes();
  printf("faults: all survived\n");
}
