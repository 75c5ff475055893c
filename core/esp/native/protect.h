// From a packet of this machine to what a path carries: which SA it belongs to, and what stands in front of the IPsec
// header. RFC 4301 §5.1
#pragma once

#include "seal.h"

namespace culvert::esp {

/// What the packets that were cut from one have in common.
struct Flow {
  OutboundSa* sa;
  InnerPacket inner;
  /// In transport mode: the packet's own headers, which stay in front.
  IpHeaders headers;
};

/// False when no SA is for the packet, or none may be: a fragment has to be put together before transport mode.
/// RFC 4303 §3.3.4
bool findFlow(const Plan& plan, const uint8_t* packet, size_t length, Flow& out) noexcept;

/// Writes the packet as `path` carries it (nullptr: by hand, from the SPI on). `packet` has the length `flow.inner` says;
/// both it and `out` are as `Sealer::add` wants them, with room for headers of the path or the packet.
Sealed protect(Sealer& sealer, const Flow& flow, Path* path, uint8_t* packet, uint64_t nowMs, uint8_t* out) noexcept;

}  // namespace culvert::esp
