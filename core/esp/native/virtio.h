// The header the kernel puts before a packet on a TUN device opened with IFF_VNET_HDR: what it left undone, or what
// it need not do again.
#pragma once

#include <cstdint>

namespace culvert::esp {

/// `struct virtio_net_hdr`, in the machine's byte order. (The kernel's own declaration is no C++.)
struct Vnet {
  uint8_t flags;
  uint8_t gsoType;
  uint16_t headerBytes;
  uint16_t segmentBytes;
  uint16_t checksumStart;
  uint16_t checksumOffset;
};
static_assert(sizeof(Vnet) == 10, "as the kernel has it");

namespace vnet {
/// `checksumStart` and `checksumOffset` say where a checksum is missing; the sum of the pseudo header stands there.
constexpr uint8_t needsChecksum = 1;
constexpr uint8_t none = 0, tcp4 = 1, tcp6 = 4, udp = 5;
/// A bit beside the type: TCP with congestion window reduced, RFC 3168 §6.1.2
constexpr uint8_t ecn = 0x80;
}  // namespace vnet

}  // namespace culvert::esp
