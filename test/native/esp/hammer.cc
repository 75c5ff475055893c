// hammer [--swaps N] [--seed S]: SAs change as fast as they can while packets pass, and not one is lost or overtaken; then
// paths, devices and SAs go at any moment, and nothing worse than loss comes of it.
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
    a.usePath(1, wire.a, true);
    b.usePath(1, wire.b, true);
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
    printf("hammer: %llu rekeys, %.0f a second, %llu packets, none lost\n", static_cast<unsigned long long>(swaps),
           static_cast<double>(swaps) / seconds, static_cast<unsigned long long>(traffic.received));
  }
  left.close();
  right.close();
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
      a.usePath(++path, wire.a, true);
      b.usePath(path, wire.b, true);
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
  anythingMayGo(swaps / 4, first);
}
