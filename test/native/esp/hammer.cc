// hammer [--swaps N] [--seed S]: SAs change as fast as they can while packets pass, and not one is lost or overtaken; the
// socket changes while packets leave, and none is lost either; then paths, devices and SAs go at any moment, and nothing
// worse than loss comes of it.
#include "world.h"

namespace culvert::check {
namespace {

/// Packets that may be under way: fewer than any buffer between the ends holds.
constexpr uint64_t kUnderWay = 200;

struct Traffic {
  std::atomic<uint64_t> sent{0};
  std::atomic<uint64_t> received{0};
  std::atomic<bool> stop{false};
  std::atomic<int> into;
  std::atomic<int> outOf;
  bool lossless;
};

void writer(Traffic& traffic, uint64_t seed) {
  Random random(seed);
  while (!traffic.stop) {
    const uint64_t sent = traffic.sent;
    const size_t count = 1 + random.below(random.once(3) ? 60 : 3);
    if (traffic.lossless && sent - traffic.received + count > kUnderWay) {
      std::this_thread::yield();
      continue;
    }
    // Counted first, so that nobody sees more come than went.
    traffic.sent = sent + count;
    while (!feed(traffic.into, random, sent, count, true) && !traffic.stop) std::this_thread::yield();
    if (!traffic.lossless) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

void reader(Traffic& traffic) {
  uint64_t next = 0;
  while (!traffic.stop || (traffic.lossless && traffic.received < traffic.sent)) {
    Bytes written = take(traffic.outOf, 20);
    if (written.empty()) continue;
    readNumbers(written, true, [&](uint64_t number) {
      if (traffic.lossless) CHECK(number == next);
      next = number + 1;
      traffic.received++;
    });
  }
}

uint64_t packetsOf(const esp::EspSa* sa) { return sa == nullptr ? 0 : sa->packets.get(); }

/// RFC 7296 §2.8: first the receiver, then the sender; an old SA goes when what it sent has arrived.
void rekeysLoseNothing(uint64_t swaps, uint64_t seed) {
  Device left = Device::open();
  Device right = Device::open();
  const Pair wire = openWire();
  std::atomic<uint64_t> woken{0};
  {
    Engine a(kNoLimits, Backend::fastest, [&] { woken++; });
    Engine b(kNoLimits, Backend::fastest, [&] { woken++; });
    a.usePath(1, wire.a, {Carries::espInUdp});
    b.usePath(1, wire.b, {Carries::espInUdp});
    a.attachTun(left.fd);
    b.attachTun(right.fd);
    Traffic traffic;
    traffic.into = left.machine;
    traffic.outOf = right.machine;
    traffic.lossless = true;
    std::vector<uint32_t> alive;
    uint64_t ike = 0;
    std::thread out;
    std::thread in;
    const auto start = std::chrono::steady_clock::now();
    for (uint32_t generation = 1; generation <= swaps; generation++) {
      const Keys keys(generation);
      b.addInbound(generation, keys.algorithms, everything());
      a.useOutbound("child", generation, keys.algorithms, everything());
      if (generation == 1) {
        out = std::thread([&] { writer(traffic, seed); });
        in = std::thread([&] { reader(traffic); });
      }
      alive.push_back(generation);
      while (alive.size() > 1 && packetsOf(b.inbound(alive[0])) == packetsOf(a.outbound(alive[0]))) {
        a.removeOutbound(alive[0]);
        b.removeInbound(alive[0]);
        alive.erase(alive.begin());
      }
      if (generation % 20 == 0) {
        const uint8_t message[40] = {1};
        if (a.sendIke(message, sizeof message)) ike++;
      }
      uint32_t path;
      Bytes message;
      while (b.takeIke(path, message)) {
        CHECK(path == 1 && message.size() == 40);
        ike--;
      }
      CHECK(alive.size() < 100);
      // Whatever it takes, each must have carried something every now and then.
      if (generation % 50 == 0) {
        const uint64_t before = traffic.received;
        until([&] { return traffic.received > before; });
      }
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    traffic.stop = true;
    out.join();
    until([&] { return traffic.received == traffic.sent; });
    in.join();
    CHECK(b.totals().noSa.get() == 0 && a.totals().noSelector.get() == 0 && a.totals().unsent.get() == 0);
    // Each rekey brings two SAs and takes two away.
    printf("hammer: %llu rekeys, %.0f SAs a second, %llu packets, none lost\n", static_cast<unsigned long long>(swaps),
           static_cast<double>(4 * swaps) / seconds, static_cast<unsigned long long>(traffic.received));
  }
  left.close();
  right.close();
}

/// RFC 4555 §3.5: the client's address changes under traffic. A gateway that hears every address gets every packet once
/// and in order, and what it answers to the address it last heard from arrives.
void pathsChange(uint64_t swaps, uint64_t seed) {
  Device left = Device::open();
  const int gateway = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof name;
  const int room = 8 << 20;
  setsockopt(gateway, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  CHECK(bind(gateway, reinterpret_cast<sockaddr*>(&name), size) == 0);
  CHECK(getsockname(gateway, reinterpret_cast<sockaddr*>(&name), &size) == 0);
  const auto newPath = [&] {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0);
    return fd;
  };
  {
    Engine a(kNoLimits, Backend::fastest, [] {});
    uint32_t path = 1;
    a.usePath(path, newPath(), {Carries::espInUdp});
    const Keys keys(6);
    a.useOutbound("child", 6, keys.algorithms, everything());
    a.attachTun(left.fd);
    Traffic traffic;
    traffic.into = left.machine;
    traffic.lossless = true;
    std::thread out([&] { writer(traffic, seed); });
    uint64_t ports = 0;
    std::thread in([&] {
      uint16_t port = 0;
      while (!traffic.stop || traffic.received < traffic.sent) {
        pollfd watched{gateway, POLLIN, 0};
        if (poll(&watched, 1, 20) <= 0) continue;
        uint8_t datagram[2048];
        sockaddr_in from{};
        socklen_t fromSize = sizeof from;
        const ssize_t length =
            recvfrom(gateway, datagram, sizeof datagram, 0, reinterpret_cast<sockaddr*>(&from), &fromSize);
        CHECK(length > 8 && esp::load32(datagram) == 6);
        CHECK(esp::load32(datagram + 4) == traffic.received + 1);
        traffic.received++;
        if (from.sin_port == port) continue;
        port = from.sin_port;
        ports++;
        const uint8_t answer[36] = {0, 0, 0, 0, 42};
        sendto(gateway, answer, sizeof answer, 0, reinterpret_cast<sockaddr*>(&from), fromSize);
      }
    });
    for (uint64_t i = 0; i < swaps; i++) {
      const uint64_t before = traffic.received;
      a.usePath(++path, newPath(), {Carries::espInUdp});
      // Every path carries something; some are left before they are answered.
      if (i % 4 != 0) until([&] { return traffic.received > before + 1; });
      if (i % 4 != 1) continue;
      uint32_t came = 0;
      Bytes message;
      until([&] { return a.takeIke(came, message) && came == path; });
      CHECK(message.size() == 32 && message[0] == 42);
    }
    traffic.stop = true;
    out.join();
    in.join();
    CHECK(a.totals().unsent.get() == 0 && a.totals().noSelector.get() == 0);
    printf("hammer: %llu paths, %llu of them used, %llu packets, none lost\n", static_cast<unsigned long long>(path),
           static_cast<unsigned long long>(ports), static_cast<unsigned long long>(traffic.received));
  }
  close(gateway);
  left.close();
}

/// Everything may go at any moment.
void anythingMayGo(uint64_t swaps, uint64_t seed) {
  Random random(seed);
  Device left = Device::open();
  Device right = Device::open();
  std::vector<Device> old;
  {
    Engine a(kNoLimits, Backend::fastest, [] {});
    Engine b(kNoLimits, Backend::libcrypto, [] {});
    Traffic traffic;
    traffic.into = left.machine;
    traffic.outOf = right.machine;
    traffic.lossless = false;
    uint32_t path = 0;
    const auto newPath = [&] {
      const Pair wire = openWire();
      a.usePath(++path, wire.a, {Carries::espInUdp});
      b.usePath(path, wire.b, {Carries::espInUdp});
    };
    newPath();
    a.attachTun(left.fd);
    b.attachTun(right.fd);
    std::thread out([&] { writer(traffic, seed); });
    std::thread in([&] { reader(traffic); });
    uint32_t generation = 0;
    for (uint64_t i = 0; i < swaps; i++) {
      switch (random.below(5)) {
        case 0:
          newPath();
          break;
        case 1:
          // In mid-batch as like as not.
          b.removeInbound(generation);
          break;
        case 2:
          a.removeOutbound(generation);
          break;
        case 3:
          if (i % 10 == 0) {
            old.push_back(right);
            right = Device::open();
            b.attachTun(right.fd);
            traffic.outOf = right.machine;
          }
          break;
        default: {
          generation++;
          const Keys keys(generation);
          b.addInbound(generation, keys.algorithms, everything());
          a.useOutbound("child", generation, keys.algorithms, everything());
        }
      }
    }
    // It still works.
    newPath();
    const Keys keys(++generation);
    b.addInbound(generation, keys.algorithms, everything());
    a.useOutbound("child", generation, keys.algorithms, everything());
    const uint64_t before = traffic.received;
    until([&] { return traffic.received > before + 10; });
    traffic.stop = true;
    out.join();
    in.join();
    printf("hammer: %llu changes of everything, %llu of %llu packets came\n", static_cast<unsigned long long>(swaps),
           static_cast<unsigned long long>(traffic.received), static_cast<unsigned long long>(traffic.sent));
  }
  for (Device& device : old) device.close();
  left.close();
  right.close();
}

}  // namespace
}  // namespace culvert::check

int main(int count, char** values) {
  using namespace culvert::check;
  const uint64_t swaps = argument(count, values, "--swaps", 1000);
  const uint64_t first = argument(count, values, "--seed", 1);
  rekeysLoseNothing(swaps, first);
  pathsChange(swaps / 4, first);
  anythingMayGo(swaps / 4, first);
}
