// The headers of IP packets, as far as IPsec has to do with them. core/wire/ip-packet.ts is the one to read; a test holds
// the two together.
#pragma once

#include <cstddef>
#include <cstdint>

namespace culvert::esp {

/// As they stand in IP headers.
enum class Protocol : uint8_t { esp = 50, ah = 51 };

/// An IP packet with the place where IPsec headers stand, or would stand.
struct IpHeaders {
  uint8_t version;
  /// Octets of the whole packet, as its header says.
  size_t length;
  /// Where the IPsec header begins: behind everything that routers on the way read. RFC 4303 §3.1.1
  size_t at;
  /// Where the number of the protocol at `at` stands.
  size_t protocolAt;
  uint8_t protocol;
  /// IPsec is for whole packets. RFC 4303 §3.3.4
  bool fragment;
};

/// False when they are not well-formed.
bool readIp(const uint8_t* packet, size_t available, IpHeaders& out) noexcept;

/// Differentiated services and congestion marks, of a packet that was read already. RFC 791 §3.1, RFC 8200 §3
inline uint8_t trafficClassOf(const uint8_t* packet) noexcept {
  return packet[0] >> 4 == 4 ? packet[1] : static_cast<uint8_t>(packet[0] << 4 | packet[1] >> 4);
}

/// Writes what changed with the length of a packet: its length, and IPv4's header checksum.
void settle(uint8_t* packet, size_t length) noexcept;

/// Transport mode through a NAT: the sender computed its checksum over addresses that are not those of the packet we have.
/// What came out of ESP is authentic, so it is computed anew. RFC 3948 §3.1.2
void repairChecksum(uint8_t* packet, size_t length) noexcept;

}  // namespace culvert::esp
