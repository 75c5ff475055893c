#include "selectors.h"

#include <cstring>

#include "octets.h"

namespace culvert::esp {
namespace {

namespace protocol {
constexpr uint8_t hopByHop = 0, icmp = 1, tcp = 6, udp = 17, dccp = 33, routing = 43, fragment = 44, icmpv6 = 58,
                  destinationOptions = 60, sctp = 132, mobility = 135, udpLite = 136;
}

/// Ours: no sender needs more, and a chain of thousands would cost more to walk than to drop.
constexpr int kExtensionHeaders = 8;

bool isExtension(uint8_t value) noexcept {
  return value == protocol::hopByHop || value == protocol::routing || value == protocol::fragment ||
         value == protocol::destinationOptions;
}

void showProtocol(InnerPacket& out, uint8_t value) noexcept {
  out.hasProtocol = true;
  out.protocol = value;
}

/// ICMP type and code (or the type of a Mobility Header) are one value. RFC 4301 §4.4.1.3
void showPorts(InnerPacket& out, const uint8_t* header, size_t length) noexcept {
  switch (out.protocol) {
    case protocol::tcp:
    case protocol::udp:
    case protocol::dccp:
    case protocol::sctp:
    case protocol::udpLite:
      if (length < 4) return;
      out.ports = 2;
      out.sourcePort = load16(header);
      out.destinationPort = load16(header + 2);
      return;
    case protocol::icmp:
    case protocol::icmpv6:
      if (length < 2) return;
      out.ports = 1;
      out.sourcePort = load16(header);
      return;
    case protocol::mobility:
      // RFC 7296 §3.13.1: the MH type stands in the upper octet of the port.
      if (length < 3) return;
      out.ports = 1;
      out.sourcePort = static_cast<uint16_t>(header[2] << 8);
      return;
    default:
      return;
  }
}

/// RFC 791 §3.1
bool parseIpv4(const uint8_t* packet, size_t available, InnerPacket& out) noexcept {
  if (available < 20) return false;
  const size_t headerBytes = (packet[0] & 0x0f) * 4u;
  out.length = load16(packet + 2);
  if (headerBytes < 20 || out.length < headerBytes || out.length > available) return false;
  out.source = packet + 12;
  out.destination = packet + 16;
  showProtocol(out, packet[9]);
  const bool firstFragment = (load16(packet + 6) & 0x1fff) == 0;
  if (firstFragment) showPorts(out, packet + headerBytes, out.length - headerBytes);
  return true;
}

/// RFC 8200 §3, §4; walks extension headers up to the protocol selectors speak of. AH and ESP count as such.
bool parseIpv6(const uint8_t* packet, size_t available, InnerPacket& out) noexcept {
  if (available < 40) return false;
  out.length = 40u + load16(packet + 4);
  if (out.length > available) return false;
  out.source = packet + 8;
  out.destination = packet + 24;
  const uint8_t* payload = packet + 40;
  const size_t length = out.length - 40;
  uint8_t next = packet[6];
  size_t at = 0;
  for (int headers = 0; headers <= kExtensionHeaders; headers++) {
    if (!isExtension(next)) {
      showProtocol(out, next);
      showPorts(out, payload + at, length - at);
      return true;
    }
    if (length - at < 8) return false;
    const uint8_t following = payload[at];
    if (next == protocol::fragment) {
      const bool later = (load16(payload + at + 2) & 0xfff8) != 0;
      if (later) {
        if (!isExtension(following)) showProtocol(out, following);
        return true;
      }
      at += 8;
    } else {
      at += (payload[at + 1] + 1u) * 8u;
    }
    if (at > length) return false;
    next = following;
  }
  return false;
}

bool fits(const Selector& ts, const InnerPacket& packet, const uint8_t* address) noexcept {
  if (ts.version != packet.version) return false;
  if (ts.protocol != 0 && !(packet.hasProtocol && ts.protocol == packet.protocol)) return false;
  if (ts.version == 4) {
    const uint32_t value = load32(address);
    return load32(ts.start) <= value && value <= load32(ts.end);
  }
  return memcmp(ts.start, address, 16) <= 0 && memcmp(address, ts.end, 16) <= 0;
}

/// A port that cannot be seen fits ANY (0 … 65535) and OPAQUE (65535 … 0) alone. RFC 7296 §3.13.1, RFC 4301 §4.4.1.1
bool fitsPort(const Selector& ts, bool seen, uint16_t port) noexcept {
  if (ts.startPort == 0 && ts.endPort == 0xffff) return true;
  if (!seen) return ts.startPort == 0xffff && ts.endPort == 0;
  return ts.startPort <= port && port <= ts.endPort;
}

bool covers(const std::vector<Selector>& senders, const std::vector<Selector>& receivers,
            const InnerPacket& packet) noexcept {
  bool sender = false;
  for (const Selector& ts : senders) {
    sender = fits(ts, packet, packet.source) && fitsPort(ts, packet.ports > 0, packet.sourcePort);
    if (sender) break;
  }
  if (!sender) return false;
  for (const Selector& ts : receivers) {
    if (!fits(ts, packet, packet.destination)) continue;
    if (packet.ports == 1 || fitsPort(ts, packet.ports == 2, packet.destinationPort)) return true;
  }
  return false;
}

}  // namespace

bool parseInner(const uint8_t* packet, size_t length, InnerPacket& out) noexcept {
  if (length == 0) return false;
  out = InnerPacket{};
  out.version = packet[0] >> 4;
  switch (out.version) {
    case 4:
      return parseIpv4(packet, length, out);
    case 6:
      return parseIpv6(packet, length, out);
    default:
      return false;
  }
}

bool coversOutbound(const SelectorPair& selectors, const InnerPacket& packet) noexcept {
  return covers(selectors.local, selectors.remote, packet);
}

bool coversInbound(const SelectorPair& selectors, const InnerPacket& packet) noexcept {
  return covers(selectors.remote, selectors.local, packet);
}

}  // namespace culvert::esp
