// Which inner packets belong to a CHILD_SA. core/esp/selectors.ts is the one to read; a test holds the two together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace culvert::esp {

/// A range of addresses, ports and one protocol (0: any). RFC 7296 §3.13.1
struct Selector {
  uint8_t version;  ///< 4 or 6
  uint8_t protocol;
  uint16_t startPort;
  uint16_t endPort;
  /// IPv4 addresses stand in the first four octets.
  uint8_t start[16];
  uint8_t end[16];
};

struct SelectorPair {
  std::vector<Selector> local;
  std::vector<Selector> remote;
};

/// What selectors look at in an IP packet. RFC 4301 §4.4.1.1
struct InnerPacket {
  uint8_t version;
  /// Absent in an IPv6 fragment that does not show it.
  bool hasProtocol;
  uint8_t protocol;
  /// How many port-like values the packet shows: none, one (ICMP, MH: seen as the sender's), or two.
  uint8_t ports;
  uint16_t sourcePort;
  uint16_t destinationPort;
  /// Octets the header says the packet has; anything beyond is padding.
  size_t length;
  const uint8_t* source;
  const uint8_t* destination;
};

/// False when the packet is not well-formed.
bool parseInner(const uint8_t* packet, size_t length, InnerPacket& out) noexcept;

/// A packet that leaves this end belongs to the SA. RFC 4301 §5.1
bool coversOutbound(const SelectorPair& selectors, const InnerPacket& packet) noexcept;
/// A packet that came out of the SA was allowed in it. RFC 4301 §5.2 step 4
bool coversInbound(const SelectorPair& selectors, const InnerPacket& packet) noexcept;

}  // namespace culvert::esp
