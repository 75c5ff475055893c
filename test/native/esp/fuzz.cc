// fuzz [--seconds N | --rounds N] [--seed S]: segments, merged packets, sealed packets and windows, made at random, damaged
// at random, and held against what must come of them.
#include <chrono>
#include <map>
#include <set>

#include "check.h"
#include "coalesce.h"
#include "open.h"
#include "packets.h"
#include "protect.h"
#include "segment.h"

namespace culvert::check {
namespace {

using namespace culvert::esp;

/// What the device would have made of one write: whole packets again, cut as a kernel cuts.
class Device final : public Sink {
 public:
  std::vector<Bytes> packets;
  size_t writes = 0;
  bool refusesMerged = false;

  bool write(const iovec* parts, size_t count) noexcept override {
    if (refusesMerged && count > 2) return false;
    writes++;
    Vnet vnet;
    memcpy(&vnet, parts[0].iov_base, sizeof vnet);
    Bytes whole;
    for (size_t i = 1; i < count; i++) {
      const auto* at = static_cast<const uint8_t*>(parts[i].iov_base);
      whole.insert(whole.end(), at, at + parts[i].iov_len);
    }
    CHECK(whole.size() <= 65535);
    const size_t length = whole.size();
    Segments segments;
    CHECK(segments.begin(whole.data(), length, vnet));
    uint8_t* at;
    size_t size;
    while (segments.next(at, size)) packets.emplace_back(at, at + size);
    return true;
  }
};

/// Equal but for what a kernel numbers itself: the identification of IPv4, and the checksum over it.
bool alike(Bytes a, Bytes b) {
  if (a.size() != b.size()) return false;
  if (a.size() >= 20 && a[0] >> 4 == 4 && b[0] >> 4 == 4) {
    for (const size_t at : {4, 5, 10, 11}) a[at] = b[at] = 0;
  }
  return a == b;
}

/// A packet cut is right in every part, and the parts merged and cut again are the same parts.
void segmentsRoundTrip(Random& random) {
  const Shape shape = someShape(random, random.once(4) ? 60'000 : 5000);
  const size_t segment = 1 + random.below(random.once(8) ? 40 : 2000);
  const uint8_t flags = shape.tcp ? random.of<uint8_t>({0x10, 0x18, 0x11, 0x90, 0x98}) : uint8_t{0};
  const Bytes original = makePacket(random, shape, 2, static_cast<uint32_t>(random.next()), flags);
  Bytes given = original;
  Vnet vnet = leaveToDevice(given, shape, segment);
  if (flags & 0x80 && vnet.gsoType != vnet::none) vnet.gsoType |= vnet::ecn;
  Segments segments;
  CHECK(segments.begin(given.data(), given.size(), vnet));
  std::vector<Bytes> slices;
  Bytes payload;
  uint8_t* at;
  size_t size;
  while (segments.next(at, size)) {
    slices.emplace_back(at, at + size);
    CHECK(isRight(slices.back()));
    CHECK(size > shape.headerBytes());
    payload.insert(payload.end(), at + shape.headerBytes(), at + size);
    if (shape.tcp) {
      const uint8_t* t = slices.back().data() + shape.ipBytes;
      const bool first = slices.size() == 1;
      const bool last = payload.size() == shape.payloadBytes;
      CHECK(load32(t + 4) == load32(original.data() + shape.ipBytes + 4) + payload.size() - (size - shape.headerBytes()));
      CHECK((t[13] & 0x09) == (last ? flags & 0x09 : 0));
      CHECK((t[13] & 0x80) == (first ? flags & 0x80 : 0));
    }
  }
  CHECK(payload == Bytes(original.begin() + static_cast<long>(shape.headerBytes()), original.end()));
  CHECK(slices.size() == (vnet.gsoType == vnet::none ? 1 : (shape.payloadBytes + segment - 1) / segment));

  Device device;
  Coalescer coalescer(device);
  coalescer.allow({true, true, true});
  std::vector<Bytes> kept = slices;
  for (Bytes& slice : kept) coalescer.add(slice.data(), slice.size());
  coalescer.flush();
  CHECK(device.packets.size() == slices.size());
  for (size_t i = 0; i < slices.size(); i++) CHECK(alike(device.packets[i], slices[i]));
  if (slices.size() > 1 && (flags & ~0x18) == 0) CHECK(device.writes < slices.size());
}

/// Several flows, some packets damaged or odd: each flow comes out as it went in, and nothing wrong is merged.
void coalescingKeepsFlows(Random& random) {
  struct Flow {
    Shape shape;
    uint32_t sequence;
    std::vector<Bytes> sent;
  };
  Device device;
  device.refusesMerged = random.once(10);
  Coalescer coalescer(device);
  coalescer.allow({!random.once(5), !random.once(5), !random.once(5)});
  std::map<uint8_t, Flow> flows;
  for (uint8_t name = 1; name <= 1 + random.below(11); name++) flows[name] = {someShape(random, 1400), 1, {}};
  std::vector<Bytes> buffers(1 + random.below(100));
  for (Bytes& buffer : buffers) {
    const uint8_t name = static_cast<uint8_t>(1 + random.below(flows.size()));
    Flow& flow = flows[name];
    Shape shape = flow.shape;
    if (random.once(6)) shape.payloadBytes = 1 + random.below(shape.payloadBytes);
    if (shape.tcp && random.once(12)) shape.payloadBytes = 0;
    const uint8_t flags = random.once(8) ? random.of<uint8_t>({0x18, 0x11, 0x02, 0x50, 0x30}) : uint8_t{0x10};
    buffer = makePacket(random, shape, name, flow.sequence, flags);
    flow.sequence += static_cast<uint32_t>(shape.payloadBytes) + (random.once(15) ? 1 : 0);
    if (random.once(10)) {
      // Damage that leaves the flow what it is: beyond addresses and ports.
      const size_t from = shape.ipBytes + 4;
      buffer[from + random.below(buffer.size() - from)] ^= static_cast<uint8_t>(1 << random.below(8));
    }
    if (shape.v4 && random.once(30)) buffer[8]--;  // hop limit, and so a wrong header checksum
    flow.sent.push_back(buffer);
    coalescer.add(buffer.data(), buffer.size());
    if (random.once(20)) coalescer.flush();
  }
  coalescer.flush();
  std::map<uint8_t, std::vector<Bytes>> came;
  for (Bytes& packet : device.packets) {
    const uint8_t name = packet[0] >> 4 == 4 ? packet[19] : packet[39];
    came[name].push_back(packet);
  }
  for (auto& [name, flow] : flows) {
    CHECK(came[name].size() == flow.sent.size());
    for (size_t i = 0; i < flow.sent.size(); i++) CHECK(alike(came[name][i], flow.sent[i]));
  }
}

/// Whatever a device says of whatever packet: no octet outside it is touched.
void segmentsStand(Random& random) {
  Bytes packet = random.once(3) ? random.bytes(random.below(200)) : makePacket(random, someShape(random, 3000), 1, 1);
  if (!packet.empty() && random.once(2)) packet[random.below(packet.size())] = static_cast<uint8_t>(random.next());
  Vnet vnet;
  vnet.flags = static_cast<uint8_t>(random.below(4));
  vnet.gsoType = random.of<uint8_t>({0, 1, 4, 5, 0x81, 0x84, 3, 0xff});
  vnet.headerBytes = static_cast<uint16_t>(random.below(100));
  vnet.segmentBytes = random.once(4) ? static_cast<uint16_t>(random.next()) : static_cast<uint16_t>(random.below(2000));
  vnet.checksumStart = random.of<uint16_t>({0, 20, 40, 60, 1000, 65535});
  vnet.checksumOffset = random.of<uint16_t>({6, 16, 0, 65535});
  Segments segments;
  if (!segments.begin(packet.data(), packet.size(), vnet)) return;
  uint8_t* at;
  size_t size;
  size_t total = 0;
  while (segments.next(at, size)) {
    CHECK(at >= packet.data() && at + size <= packet.data() + packet.size());
    total += size;
  }
  CHECK(total >= packet.size());
}

void coalescingStands(Random& random) {
  Device device;
  Coalescer coalescer(device);
  coalescer.allow({true, true, true});
  std::vector<Bytes> buffers(1 + random.below(20));
  for (Bytes& buffer : buffers) {
    buffer = random.once(2) ? random.bytes(random.below(100)) : makePacket(random, someShape(random, 200), 1, 1);
    if (!buffer.empty() && random.once(2)) buffer.resize(1 + random.below(buffer.size()));
    for (size_t i = random.below(4); i > 0 && !buffer.empty(); i--) {
      buffer[random.below(std::min<size_t>(buffer.size(), 60))] = static_cast<uint8_t>(random.next());
    }
    coalescer.add(buffer.data(), buffer.size());
  }
  coalescer.flush();
  size_t sent = 0;
  for (const Bytes& packet : device.packets) sent += packet.size();
  size_t put = 0;
  for (const Bytes& packet : buffers) put += packet.size();
  CHECK(sent == put);
}

/// A window and a set agree on every number.
void windowAgrees(Random& random) {
  const uint32_t size = random.of<uint32_t>({32, 64, 100, 4096});
  ReplayWindow window(size);
  std::set<uint64_t> seen;
  uint64_t top = 0;
  uint64_t base = random.once(2) ? 0 : (uint64_t{1} << 32) - 50;
  for (int i = 0; i < 300; i++) {
    uint64_t sequence = base + random.below(random.once(10) ? 20'000 : 2 * size);
    if (random.once(3)) base++;
    const bool fresh = sequence != 0 && seen.count(sequence) == 0 && sequence + size > top;
    CHECK(window.check(sequence) == fresh);
    uint64_t inferred = 0;
    // Wherever honest traffic can be, the low half tells the whole. RFC 4303 appendix A2
    if (sequence + size > top && sequence < top + (uint64_t{1} << 31)) {
      CHECK(window.infer(static_cast<uint32_t>(sequence), inferred) && inferred == sequence);
    }
    if (!fresh || random.once(4)) continue;
    window.accept(sequence);
    seen.insert(sequence);
    top = std::max(top, sequence);
  }
}

struct Suite {
  int encryption;
  size_t keyBits;
  size_t saltBytes;
  int integrity;
  size_t integrityBytes;
};
constexpr Suite kSuites[] = {{20, 128, 4, 0, 0}, {18, 256, 4, 0, 0},  {28, 256, 4, 0, 0}, {12, 128, 0, 12, 32},
                             {13, 192, 4, 2, 20}, {16, 128, 3, 0, 0}, {16, 192, 3, 0, 0}, {23, 256, 0, 5, 16},
                             {11, 0, 0, 14, 64},  {3, 192, 0, 1, 16}, {12, 256, 0, 8, 16}, {12, 192, 0, 13, 48}};

SelectorPair everything() {
  SelectorPair pair;
  for (const uint8_t version : {4, 6}) {
    Selector all{version, 0, 0, 65535, {}, {}};
    memset(all.end, 0xff, sizeof all.end);
    pair.local.push_back(all);
    pair.remote.push_back(all);
  }
  return pair;
}

/// Honest packets in batches, copies of them, damaged ones and noise: each honest one arrives once, nothing else does.
void openingStands(Random& random) {
  const Suite& suite = kSuites[random.below(sizeof kSuites / sizeof kSuites[0])];
  const Bytes key = random.bytes(suite.keyBits / 8 + suite.saltBytes);
  const Bytes integrityKey = random.bytes(suite.integrityBytes);
  const Algorithms algorithms{suite.encryption, suite.keyBits,       key.data(),          key.size(),
                              suite.integrity,  integrityKey.data(), integrityKey.size(), random.once(2)};
  const Limits limits{UINT64_MAX, UINT64_MAX, 0, UINT64_MAX, 4096};
  const auto backend = [&] { return random.once(2) ? Backend::fastest : Backend::libcrypto; };
  OutboundSa out(77, makeTransform(algorithms, Direction::seal, backend()), everything(), limits);
  const auto in =
      std::make_shared<InboundSa>(77, makeTransform(algorithms, Direction::open, backend()), everything(), limits);
  Plan plan;
  plan.accept({in});

  Counter failed;
  Counter strays;
  Sealer sealer(failed);
  std::vector<Bytes> sent;
  std::vector<Bytes> sealed;
  const size_t count = 1 + random.below(80);
  for (size_t i = 0; i < count; i++) {
    Bytes packet = makePacket(random, someShape(random, random.once(4) ? 1400 : 100), 1, static_cast<uint32_t>(i));
    sent.push_back(packet);
    packet.resize(packet.size() + kMaxTrailerBytes);
    InnerPacket inner;
    CHECK(parseInner(packet.data(), sent.back().size(), inner));
    sealed.emplace_back(sent.back().size() + kMaxOverhead);
    const size_t length = sealer.add(out, Payload::packet(packet.data(), inner), 1, sealed.back().data()).length;
    CHECK(length > 0);
    sealed.back().resize(length);
  }
  sealer.finish();

  Opener opener(strays);
  std::vector<Bytes> came;
  const auto take = [&](const Opened& opened) {
    if (opened.inner != nullptr) came.emplace_back(opened.inner, opened.inner + opened.length);
  };
  // They must stay where they are until `finish`.
  std::vector<std::unique_ptr<uint8_t[]>> buffers;
  const auto add = [&](const Bytes& packet) {
    // Exactly as long as the packet, so that a sanitizer sees every octet too far.
    buffers.emplace_back(new uint8_t[packet.size()]);
    std::copy(packet.begin(), packet.end(), buffers.back().get());
    opener.add(plan, {buffers.back().get(), packet.size()}, 1, take);
  };
  for (const Bytes& packet : sealed) {
    if (random.once(3)) {
      Bytes bad = packet;
      const size_t how = random.below(4);
      if (how == 0) bad.resize(random.below(bad.size()));
      else if (how == 1) bad.resize(bad.size() + 1 + random.below(random.once(4) ? 64'000 : 40), 7);
      else bad[random.below(bad.size())] ^= static_cast<uint8_t>(1 << random.below(8));
      add(bad);
    }
    if (random.once(10)) add(random.bytes(random.below(100)));
    add(packet);
    if (random.once(4)) add(packet);
    if (random.once(16)) opener.finish(1, take);
  }
  opener.finish(1, take);
  CHECK(came == sent);
  CHECK(in->packets.get() == sent.size());
  CHECK(failed.get() == 0);
}

/// A way for whole packets that nobody sends.
std::shared_ptr<Path> byHand(bool v4, Protocol protocol) {
  PathOptions options{Carries::ip};
  options.ends.addressBytes = v4 ? 4 : 16;
  options.ends.source[0] = options.ends.destination[0] = v4 ? 192 : 0xfd;
  options.ends.destination[3] = 1;
  options.protocol = protocol;
  return std::make_shared<Path>(1, -1, options);
}

Algorithms someAh(Random& random, Bytes& key) {
  struct Row {
    int integrity;
    size_t keyBytes;
  };
  const Row row = random.of<Row>({{1, 16}, {2, 20}, {5, 16}, {8, 16}, {12, 32}, {13, 48}, {14, 64}});
  key = random.bytes(row.keyBytes);
  return {0, 0, nullptr, 0, row.integrity, key.data(), key.size(), random.once(2)};
}

/// AH, and ESP in both modes, on whole packets: each honest one arrives once, nothing damaged behind the headers does, and
/// nothing hostile does harm.
void wholePacketsStand(Random& random) {
  Use use;
  use.protocol = random.once(3) ? Protocol::esp : Protocol::ah;
  use.transport = random.once(2);
  use.boundary = random.of<uint8_t>({0, 4, 8});
  Bytes key;
  Bytes espKey = random.bytes(20);
  Algorithms algorithms = someAh(random, key);
  if (use.protocol == Protocol::esp) algorithms = {20, 128, espKey.data(), espKey.size(), 0, nullptr, 0, random.once(2)};
  const Limits limits{UINT64_MAX, UINT64_MAX, 0, UINT64_MAX, 4096};
  const auto backend = [&] { return random.once(2) ? Backend::fastest : Backend::libcrypto; };
  Plan plan;
  plan.path = byHand(random.once(2), use.protocol);
  const auto out =
      std::make_shared<OutboundSa>(77, makeTransform(algorithms, Direction::seal, backend()), everything(), limits, use);
  const auto in =
      std::make_shared<InboundSa>(77, makeTransform(algorithms, Direction::open, backend()), everything(), limits, use);
  plan.outbound.push_back(out);
  plan.accept({in});

  Counter failed;
  Counter strays;
  Sealer sealer(failed);
  std::vector<Bytes> sent;
  std::vector<Bytes> sealed;
  const size_t count = 1 + random.below(60);
  std::vector<size_t> slack;
  for (size_t i = 0; i < count; i++) {
    Bytes packet = makePacket(random, someShape(random, random.once(4) ? 1400 : 100), 1, static_cast<uint32_t>(i));
    sent.push_back(packet);
    packet.resize(packet.size() + kMaxTrailerBytes);
    Flow flow;
    CHECK(findFlow(plan, packet.data(), sent.back().size(), flow));
    sealed.emplace_back(sent.back().size() + kMaxOverhead + kMaxOuterBytes);
    const Sealed done = protect(sealer, flow, plan.path.get(), packet.data(), 1, sealed.back().data());
    CHECK(done.length > 0);
    sealed.back().resize(done.length + done.slack);
    slack.push_back(done.slack);
  }
  sealer.finish();
  for (size_t i = 0; i < count; i++) sealed[i].resize(sealed[i].size() - slack[i]);
  CHECK(failed.get() == 0);

  Opener opener(strays);
  std::vector<Bytes> came;
  const auto take = [&](const Opened& opened) {
    if (opened.inner != nullptr) came.emplace_back(opened.inner, opened.inner + opened.length);
  };
  std::vector<std::unique_ptr<uint8_t[]>> buffers;
  const auto add = [&](const Bytes& packet) {
    // As long as the packet and what AH may use behind it, so that a sanitizer sees every octet too far.
    buffers.emplace_back(new uint8_t[packet.size() + 4]);
    std::copy(packet.begin(), packet.end(), buffers.back().get());
    Arrival arrival;
    if (arrive(buffers.back().get(), packet.size(), arrival)) opener.add(plan, arrival, 1, take);
  };
  for (const Bytes& packet : sealed) {
    if (random.once(3)) {
      Bytes bad = packet;
      Arrival arrival;
      CHECK(arrive(bad.data(), bad.size(), arrival));
      if (random.once(2)) bad.resize(random.below(bad.size()));
      else bad[arrival.aheadBytes + random.below(arrival.length)] ^= static_cast<uint8_t>(1 << random.below(8));
      add(bad);
    }
    add(packet);
    if (random.once(4)) add(packet);
    if (random.once(16)) opener.finish(1, take);
  }
  opener.finish(1, take);
  CHECK(came == sent);
  CHECK(in->packets.get() == sent.size());

  for (size_t i = 0; i < 40; i++) {
    Bytes bad = random.once(4) ? random.bytes(random.below(200)) : sealed[random.below(sealed.size())];
    for (size_t changes = random.below(4); changes > 0 && !bad.empty(); changes--) {
      bad[random.below(std::min<size_t>(bad.size(), 90))] = static_cast<uint8_t>(random.next());
    }
    add(bad);
  }
  opener.finish(1, take);

  // Whatever this machine's own programs send.
  for (size_t i = 0; i < 40; i++) {
    Bytes packet = random.once(4) ? random.bytes(random.below(200)) : makePacket(random, someShape(random, 100), 1, 1);
    for (size_t changes = random.below(4); changes > 0 && !packet.empty(); changes--) {
      packet[random.below(std::min<size_t>(packet.size(), 60))] = static_cast<uint8_t>(random.next());
    }
    const size_t length = packet.size();
    packet.resize(length + kMaxTrailerBytes);
    Flow flow;
    if (!findFlow(plan, packet.data(), length, flow)) continue;
    Bytes made(length + kMaxOverhead + kMaxOuterBytes);
    protect(sealer, flow, plan.path.get(), packet.data(), 1, made.data());
    sealer.finish();
    CHECK(failed.get() == 0);
  }
}

}  // namespace
}  // namespace culvert::check

int main(int count, char** values) {
  using namespace culvert::check;
  const uint64_t seconds = argument(count, values, "--seconds", 0);
  const uint64_t rounds = argument(count, values, "--rounds", seconds > 0 ? UINT64_MAX : 300);
  const uint64_t first = argument(count, values, "--seed", 1);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds > 0 ? seconds : 86'400);
  uint64_t done = 0;
  for (; done < rounds && std::chrono::steady_clock::now() < until; done++) {
    Random random(first + done);
    segmentsRoundTrip(random);
    coalescingKeepsFlows(random);
    for (int i = 0; i < 10; i++) segmentsStand(random);
    for (int i = 0; i < 5; i++) coalescingStands(random);
    windowAgrees(random);
    openingStands(random);
    wholePacketsStand(random);
  }
  printf("fuzz: %llu rounds from seed %llu, nothing found\n", static_cast<unsigned long long>(done),
         static_cast<unsigned long long>(first));
}
