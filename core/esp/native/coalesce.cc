#include "coalesce.h"

#include <cstring>

#include "checksum.h"
#include "octets.h"

namespace culvert::esp {
namespace {

constexpr uint8_t kTcp = 6, kUdp = 17;
constexpr uint8_t kPsh = 0x08, kAck = 0x10;
constexpr size_t kUdpHeaderBytes = 8;
/// The longest IP packet.
constexpr size_t kMostBytes = 65535;

size_t checksumAt(uint8_t protocol) noexcept { return protocol == kTcp ? 16 : 6; }

}  // namespace

bool Coalescer::Seen::tcp() const noexcept { return protocol == kTcp; }

/// To be merged: plain headers, some payload, no flags but ACK and PSH, as a kernel would do it too.
Coalescer::Kind Coalescer::look(uint8_t* packet, size_t length, Seen& out) const noexcept {
  if (length < 20) return Kind::stranger;
  out.packet = packet;
  out.length = length;
  if (out.v4()) {
    // No options, no fragment.
    if (packet[0] != 0x45 || (load16(packet + 6) & 0x3fff) != 0 || load16(packet + 2) != length) return Kind::stranger;
    out.ipBytes = 20;
    out.protocol = packet[9];
  } else {
    if (packet[0] >> 4 != 6 || length < 40 || load16(packet + 4) + 40u != length) return Kind::stranger;
    out.ipBytes = 40;
    out.protocol = packet[6];
  }
  const uint8_t* transport = out.transport();
  const size_t left = length - out.ipBytes;
  if (out.protocol == kTcp) {
    if (left < 20) return Kind::stranger;
    const size_t bytes = (transport[12] >> 4) * 4u;
    if (bytes < 20 || bytes >= left || (transport[13] & ~kPsh) != kAck) return Kind::alone;
    out.headerBytes = out.ipBytes + bytes;
    return (out.v4() ? allowed_.tcp4 : allowed_.tcp6) ? Kind::mergeable : Kind::alone;
  }
  if (out.protocol != kUdp || left < kUdpHeaderBytes) return Kind::stranger;
  // Without a checksum nobody could tell whether it is right.
  if (load16(transport + 4) != left || left == kUdpHeaderBytes || rawAt(transport + 6) == 0) return Kind::alone;
  out.headerBytes = out.ipBytes + kUdpHeaderBytes;
  return allowed_.udp ? Kind::mergeable : Kind::alone;
}

bool Coalescer::sameFlow(const Seen& a, const Seen& b) noexcept {
  if (a.packet[0] >> 4 != b.packet[0] >> 4 || a.protocol != b.protocol) return false;
  const size_t from = a.v4() ? 12 : 8;
  return memcmp(a.packet + from, b.packet + from, a.ipBytes - from) == 0 &&
         memcmp(a.transport(), b.transport(), 4) == 0;
}

/// All that the headers of a merged packet say once must be the same for each. (The first packet's total length and
/// checksums are still its own.)
bool Coalescer::follows(const Flow& flow, const Seen& next) noexcept {
  const Seen& first = flow.first;
  const uint8_t* a = first.packet;
  const uint8_t* b = next.packet;
  if (flow.closed || flow.packets == kMostPackets || next.headerBytes != first.headerBytes) return false;
  if (next.payloadBytes() > first.payloadBytes() || flow.totalBytes + next.payloadBytes() > kMostBytes) return false;
  // Type of service and hop limit; DF; the flow label.
  const bool ip = first.v4() ? a[1] == b[1] && a[8] == b[8] && ((a[6] ^ b[6]) & 0xc0) == 0
                             : memcmp(a, b, 4) == 0 && a[7] == b[7];
  if (!ip) return false;
  if (!first.tcp()) return true;
  const uint8_t* s = first.transport();
  const uint8_t* t = next.transport();
  return load32(t + 4) == flow.nextSequence && memcmp(s + 8, t + 8, 5) == 0 && memcmp(s + 14, t + 14, 2) == 0 &&
         memcmp(s + 20, t + 20, first.headerBytes - first.ipBytes - 20) == 0;
}

bool Coalescer::verify(const Seen& seen) noexcept {
  const size_t left = seen.length - seen.ipBytes;
  if (seen.v4() && fold(sumOf(seen.packet, seen.ipBytes)) != 0xffff) return false;
  return fold(pseudoHeader(seen.packet, seen.protocol, left) + sumOf(seen.transport(), left)) == 0xffff;
}

void Coalescer::add(uint8_t* packet, size_t length) noexcept {
  Seen seen;
  const Kind kind = look(packet, length, seen);
  if (kind == Kind::stranger) {
    // It may belong to a flow that waits (a fragment), and must not overtake it.
    flush();
    return giveSingle(packet, length);
  }
  for (size_t i = 0; i < used_; i++) {
    if (!sameFlow(flows_[i].first, seen)) continue;
    if (kind == Kind::mergeable && append(flows_[i], seen)) return;
    giveAll(i);
    break;
  }
  if (kind == Kind::mergeable) open(seen);
  else giveSingle(packet, length);
}

bool Coalescer::append(Flow& flow, const Seen& next) noexcept {
  if (!follows(flow, next)) return false;
  if (!flow.verified) {
    flow.verified = verify(flow.first);
    flow.closed = !flow.verified;
  }
  if (flow.closed || !verify(next)) return false;
  flow.parts[1 + flow.packets++] = {next.packet + next.headerBytes, next.payloadBytes()};
  flow.totalBytes += next.payloadBytes();
  flow.nextSequence += static_cast<uint32_t>(next.payloadBytes());
  flow.pushed = next.tcp() && (next.transport()[13] & kPsh) != 0;
  flow.closed = flow.pushed || next.payloadBytes() < flow.first.payloadBytes();
  return true;
}

void Coalescer::open(const Seen& first) noexcept {
  if (used_ == kFlows) giveAll(0);
  Flow& flow = flows_[used_++];
  flow.first = first;
  flow.parts[1] = {first.packet, first.length};
  flow.packets = 1;
  flow.totalBytes = first.length;
  flow.nextSequence = first.tcp() ? load32(first.transport() + 4) + static_cast<uint32_t>(first.payloadBytes()) : 0;
  flow.pushed = first.tcp() && (first.transport()[13] & kPsh) != 0;
  flow.closed = flow.pushed;
  flow.verified = false;
}

void Coalescer::flush() noexcept {
  for (size_t i = 0; i < used_; i++) giveMerged(flows_[i]);
  used_ = 0;
}

void Coalescer::giveAll(size_t index) noexcept {
  giveMerged(flows_[index]);
  // The last takes its place: between flows there is no order to keep.
  if (index != --used_) flows_[index] = flows_[used_];
}

void Coalescer::giveMerged(Flow& flow) noexcept {
  const Seen& first = flow.first;
  if (flow.packets == 1) return giveSingle(first.packet, first.length);
  uint8_t kept[kMostHeaderBytes + 20];
  memcpy(kept, first.packet, first.headerBytes);
  uint8_t* transport = first.packet + first.ipBytes;
  const size_t transportBytes = flow.totalBytes - first.ipBytes;
  if (first.v4()) {
    store16(first.packet + 2, static_cast<uint16_t>(flow.totalBytes));
    first.packet[10] = first.packet[11] = 0;
    storeChecksum(first.packet + 10, sumOf(first.packet, first.ipBytes));
  } else {
    store16(first.packet + 4, static_cast<uint16_t>(transportBytes));
  }
  if (first.tcp()) {
    if (flow.pushed) transport[13] |= kPsh;
  } else {
    store16(transport + 4, static_cast<uint16_t>(transportBytes));
  }
  const uint16_t seed = fold(pseudoHeader(first.packet, first.protocol, transportBytes));
  memcpy(transport + checksumAt(first.protocol), &seed, sizeof seed);

  Vnet header{};
  header.flags = vnet::needsChecksum;
  header.gsoType = !first.tcp() ? vnet::udp : first.v4() ? vnet::tcp4 : vnet::tcp6;
  header.headerBytes = static_cast<uint16_t>(first.headerBytes);
  header.segmentBytes = static_cast<uint16_t>(first.payloadBytes());
  header.checksumStart = static_cast<uint16_t>(first.ipBytes);
  header.checksumOffset = static_cast<uint16_t>(checksumAt(first.protocol));
  flow.parts[0] = {&header, sizeof header};
  if (sink_.write(flow.parts, 1 + flow.packets)) return;

  // The device will have none of it: each by itself, and from now on.
  refuse(first);
  memcpy(first.packet, kept, first.headerBytes);
  giveSingle(first.packet, first.length);
  for (size_t i = 1; i < flow.packets; i++) {
    const iovec& part = flow.parts[1 + i];
    giveSingle(static_cast<uint8_t*>(part.iov_base) - first.headerBytes, part.iov_len + first.headerBytes);
  }
}

void Coalescer::giveSingle(uint8_t* packet, size_t length) noexcept {
  Vnet header{};
  const iovec parts[2] = {{&header, sizeof header}, {packet, length}};
  sink_.write(parts, 2);
}

void Coalescer::refuse(const Seen& seen) noexcept {
  if (!seen.tcp()) allowed_.udp = false;
  else if (seen.v4()) allowed_.tcp4 = false;
  else allowed_.tcp6 = false;
}

}  // namespace culvert::esp
