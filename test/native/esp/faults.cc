// faults: a kernel that refuses in mid-flight, lies, or goes away. The calls below stand before the C library's.
#include <errno.h>
#include <netinet/udp.h>
#include <sys/uio.h>

#include "world.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace culvert::check {
namespace {

constexpr int kHonest = -12345;

/// What the kernel does wrong; 0 or `kHonest`: nothing.
std::atomic<int> segmentsFailWith{0};
std::atomic<int> sendsFailWith{0};
std::atomic<int> receivesFailWith{0};
std::atomic<int> mergedFailWith{0};
/// The option of UDP sockets that it does not know.
std::atomic<int> socketLacks{0};
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
    a->usePath(1, wire.a, {Carries::espInUdp});
    b->usePath(1, wire.b, {Carries::espInUdp});
    b->addInbound(6, keys.algorithms, everything());
    a->useOutbound("child", 6, keys.algorithms, everything());
    a->attachTun(left.fd);
    b->attachTun(right.fd);
  }

  ~Tunnel() {
    segmentsFailWith = sendsFailWith = receivesFailWith = mergedFailWith = socketLacks = 0;
    segmentIsSaidToBe = kHonest;
    deviceLeaves = ~0u;
    deviceHasHeaderSize = true;
    a.reset();
    b.reset();
    left.close();
    right.close();
  }

  void put(size_t count, const Shape& shape = datagrams()) {
    CHECK(feed(left.machine, random, sent, count, true, shape));
    sent += count;
  }

  /// Everything that was put comes, in order.
  void allComes(const Shape& shape = datagrams()) {
    const auto one = [&](uint64_t number) { CHECK(number == next++); };
    until([&] {
      Bytes written = take(right.machine, 1);
      if (!written.empty()) readNumbers(written, true, one, shape);
      return next == sent;
    });
  }

  /// One packet as it is.
  void putRaw(const Bytes& packet) {
    Bytes framed(sizeof(Vnet), 0);
    framed.insert(framed.end(), packet.begin(), packet.end());
    CHECK(send(left.machine, framed.data(), framed.size(), MSG_NOSIGNAL) >= 0);
  }
};

Shape stream(bool v4) {
  Shape shape;
  shape.v4 = v4;
  shape.ipBytes = v4 ? 20 : 40;
  return shape;
}

/// Each is asked for by itself, and what one lacks the others still have.
void probed() {
  struct Row {
    unsigned leaves;
    bool header;
    int lacks;
    bool tcp4, tcp6, udp;
    bool segments, gathers;
  };
  constexpr unsigned kAll = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  const Row rows[] = {
      {~0u, true, 0, true, true, true, true, true},
      {kAll, true, 0, true, true, false, true, true},
      {kAll & ~static_cast<unsigned>(TUN_F_TSO_ECN), true, 0, true, true, false, true, true},
      {TUN_F_CSUM, true, 0, false, false, false, true, true},
      {0, true, 0, false, false, false, true, true},
      {~0u, false, 0, false, false, false, true, true},
      {~0u, true, UDP_SEGMENT, true, true, true, false, true},
      {~0u, true, UDP_GRO, true, true, true, true, false},
  };
  for (const Row& row : rows) {
    deviceLeaves = row.leaves;
    deviceHasHeaderSize = row.header;
    socketLacks = row.lacks;
    Tunnel tunnel;
    for (const Engine* engine : {tunnel.a.get(), tunnel.b.get()}) {
      const auto offloads = engine->offloads();
      CHECK(offloads.device.tcp4 == row.tcp4 && offloads.device.tcp6 == row.tcp6 && offloads.device.udp == row.udp);
      CHECK(offloads.largestSegment == (row.segments ? 65535 : 0) && offloads.gathers == row.gathers);
    }
    tunnel.put(40);
    tunnel.allComes();
  }
}

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

/// Of what a device refuses in mid-flight nothing is lost, and the rest it still takes.
void mergedRefused() {
  for (const Shape& shape : {datagrams(), stream(true), stream(false)}) {
    Tunnel tunnel;
    mergedFailWith = EINVAL;
    tunnel.put(40, shape);
    tunnel.allComes(shape);
    const auto which = [&](const esp::Mergeable& device) {
      return !shape.tcp ? device.udp : shape.v4 ? device.tcp4 : device.tcp6;
    };
    until([&] { return !which(tunnel.b->offloads().device); });
    const auto [tcp4, tcp6, udp] = tunnel.b->offloads().device;
    CHECK(tcp4 + tcp6 + udp == 2);
    CHECK(tunnel.b->totals().undelivered.get() == 0);
  }
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

/// What an ICMP message can cause passes; what reading will not get over ends this socket, and another takes its place.
void receivingFails() {
  Tunnel tunnel;
  receivesFailWith = ECONNREFUSED;
  tunnel.put(3);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  receivesFailWith = 0;
  tunnel.allComes();
  CHECK(tunnel.b->takePathError() == 0);

  receivesFailWith = ENOMEM;
  tunnel.put(1);
  until([&] { return tunnel.woken > 0; });
  until([&] { return tunnel.b->takePathError() == ENOMEM; });
  receivesFailWith = 0;
  const Pair wire = openWire();
  tunnel.a->usePath(2, wire.a, {Carries::espInUdp});
  tunnel.b->usePath(2, wire.b, {Carries::espInUdp});
  tunnel.next = tunnel.sent;
  tunnel.put(3);
  tunnel.allComes();
}

/// The longest packet there can be does not fit a datagram once it is sealed; the longest datagram may be anything.
void oversized() {
  Tunnel tunnel;
  Shape shape = datagrams();
  shape.payloadBytes = 65535 - shape.headerBytes();
  tunnel.putRaw(makePacket(tunnel.random, shape, 2, 0));
  until([&] { return tunnel.a->totals().unsent.get() == 1; });
  until([&] { return tunnel.a->takeSendError() == EMSGSIZE; });

  const Pair stranger = openWire();
  tunnel.b->usePath(2, stranger.b, {Carries::espInUdp});
  for (const size_t size : {size_t{0}, size_t{1}, size_t{3}, size_t{4}, size_t{7}, size_t{8}, size_t{65'507}}) {
    Bytes noise = tunnel.random.bytes(size);
    // Under the SPI of an SA, so that more than its look-up sees it.
    if (size >= 4) esp::store32(noise.data(), 6);
    CHECK(send(stranger.a, noise.data(), noise.size(), 0) >= 0);
  }
  // All but the empty one are counted somewhere.
  const auto* sa = tunnel.b->inbound(6);
  until([&] {
    return tunnel.b->totals().noSa.get() + sa->malformed.get() + sa->failedIcv.get() + sa->replayed.get() >= 6;
  });
  CHECK(sa->packets.get() == 0);
  close(stranger.a);
}

/// What a full device does not take is counted; nobody waits for it.
void deviceFull() {
  Tunnel tunnel;
  while (tunnel.b->totals().undelivered.get() == 0) {
    if (feed(tunnel.left.machine, tunnel.random, 0, 1, true)) continue;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  while (!take(tunnel.right.machine, 20).empty()) continue;
  tunnel.sent = tunnel.next = 1'000'000;
  tunnel.put(5);
  tunnel.allComes();
}

/// Closed under the thread that waits for it: not what was agreed, and yet no more than an error.
void descriptorCloses() {
  Tunnel tunnel;
  tunnel.put(5);
  tunnel.allComes();
  isDevice[tunnel.left.fd] = false;
  // Not the sanitizer's `close`: that the thread still reads is the point.
  CHECK(syscall(SYS_close, tunnel.left.fd) == 0);
  feed(tunnel.left.machine, tunnel.random, 0, 1, true);
  until([&] { return tunnel.a->takeTunError() == EBADF; });
  const Device other = Device::open();
  CHECK(other.fd != tunnel.left.fd || other.machine != tunnel.left.fd);
  tunnel.a->attachTun(other.fd);
  ::close(tunnel.left.machine);
  tunnel.left = other;
  tunnel.next = tunnel.sent;
  tunnel.put(5);
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
  if (receivesFailWith != 0) {
    errno = receivesFailWith;
    return -1;
  }
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

extern "C" int setsockopt(int fd, int level, int option, const void* value, socklen_t size) noexcept {
  if (level == IPPROTO_UDP && option == socketLacks) {
    errno = ENOPROTOOPT;
    return -1;
  }
  return static_cast<int>(syscall(SYS_setsockopt, fd, level, option, value, size));
}

int main() {
  probed();
  segmentsRefused();
  segmentsTooLarge();
  mergedRefused();
  lyingLength();
  socketErrors();
  receivingFails();
  oversized();
  deviceFull();
  descriptorCloses();
  deviceGoes();
  printf("faults: all survived\n");
}
