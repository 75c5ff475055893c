#include "ip.h"

#include "checksum.h"
#include "octets.h"

namespace culvert::esp {
namespace {

constexpr uint8_t kHopByHop = 0, kTcp = 6, kUdp = 17, kRouting = 43, kFragment = 44, kIcmpv6 = 58,
                  kDestinationOptions = 60;

/// Ours: nobody honest sends more extension headers.
constexpr int kMostExtensions = 8;

/// RFC 791 §3.1
bool readIpv4(const uint8_t* packet, size_t available, IpHeaders& out) noexcept {
  if (available < 20) return false;
  const size_t at = (packet[0] & 0x0f) * size_t{4};
  const size_t length = load16(packet + 2);
  if (at < 20 || length < at || length > available) return false;
  // The third bit of the flags (more fragments), and the offset.
  out = {4, length, at, 9, packet[9], (load16(packet + 6) & 0x3fff) != 0};
  return true;
}

/// RFC 8200 §4; destination options belong behind the IPsec header unless a routing header follows them. RFC 4303 §3.1.1
bool readIpv6(const uint8_t* packet, size_t available, IpHeaders& out) noexcept {
  if (available < 40) return false;
  const size_t length = size_t{40} + load16(packet + 4);
  if (length > available) return false;
  struct Place {
    size_t at;
    size_t protocolAt;
    uint8_t protocol;
  };
  Place here{40, 6, packet[6]};
  Place before = here;
  bool waits = false;
  bool fragment = false;
  for (int count = 0; count < kMostExtensions; count++) {
    if (here.protocol == kDestinationOptions) {
      if (!waits) before = here;
      waits = true;
    } else if (here.protocol == kRouting) {
      waits = false;
    } else if (here.protocol == kFragment) {
      fragment = true;
    } else if (here.protocol != kHopByHop) {
      break;
    }
    if (here.at + 8 > length) return false;
    const size_t bytes = here.protocol == kFragment ? 8 : (packet[here.at + 1] + size_t{1}) * 8;
    if (here.at + bytes > length) return false;
    here = {here.at + bytes, here.at, packet[here.at]};
  }
  // An IPsec header that is there already says itself where it stands.
  const bool there =
      here.protocol == static_cast<uint8_t>(Protocol::ah) || here.protocol == static_cast<uint8_t>(Protocol::esp);
  const Place& found = waits && !there ? before : here;
  out = {6, length, found.at, found.protocolAt, found.protocol, fragment};
  return true;
}

}  // namespace

bool readIp(const uint8_t* packet, size_t available, IpHeaders& out) noexcept {
  if (available == 0) return false;
  switch (packet[0] >> 4) {
    case 4:
      return readIpv4(packet, available, out);
    case 6:
      return readIpv6(packet, available, out);
    default:
      return false;
  }
}

void settle(uint8_t* packet, size_t length) noexcept {
  if (packet[0] >> 4 == 6) {
    store16(packet + 4, static_cast<uint16_t>(length - 40));
    return;
  }
  store16(packet + 2, static_cast<uint16_t>(length));
  store16(packet + 10, 0);
  storeChecksum(packet + 10, sumOf(packet, (packet[0] & 0x0f) * size_t{4}));
}

void repairChecksum(uint8_t* packet, size_t length) noexcept {
  IpHeaders ip;
  if (!readIp(packet, length, ip) || ip.fragment) return;
  const size_t field = ip.protocol == kTcp ? 16 : ip.protocol == kUdp ? 6 : ip.protocol == kIcmpv6 ? 2 : 0;
  if (field == 0 || ip.at + field + 2 > ip.length) return;
  uint8_t* at = packet + ip.at + field;
  // A checksum of nothing is none. RFC 768
  if (ip.protocol == kUdp && rawAt(at) == 0) return;
  store16(at, 0);
  const size_t payload = ip.length - ip.at;
  storeChecksum(at, pseudoHeader(packet, ip.protocol, payload) + sumOf(packet + ip.at, payload));
  if (ip.protocol == kUdp && rawAt(at) == 0) store16(at, 0xffff);
}

}  // namespace culvert::esp
