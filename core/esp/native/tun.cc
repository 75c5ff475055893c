#include "tun.h"

#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

// Since Linux 6.2; the headers of the build may be older than the kernel.
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace culvert::esp {
namespace {

constexpr uint8_t kTcp4 = 1, kTcp6 = 2, kUdp = 4;

Framing framingOf(int fd) noexcept {
  ifreq request{};
  // What is no TUN device (a socket that stands for one) has nothing before its packets.
  if (ioctl(fd, TUNGETIFF, &request) != 0 || (request.ifr_flags & IFF_VNET_HDR) == 0) return Framing::none;
  return Framing::virtio;
}

uint8_t negotiate(int fd) noexcept {
  int header = sizeof(Vnet);
  if (ioctl(fd, TUNSETVNETHDRSZ, &header) != 0) return 0;
  constexpr unsigned long tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  constexpr struct {
    unsigned long asked;
    uint8_t merge;
  } choices[] = {
      {tcp | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6, kTcp4 | kTcp6 | kUdp},
      {tcp | TUN_F_TSO_ECN, kTcp4 | kTcp6},
      {tcp, kTcp4 | kTcp6},
      {TUN_F_CSUM, 0},
  };
  for (const auto& choice : choices) {
    if (ioctl(fd, TUNSETOFFLOAD, choice.asked) == 0) return choice.merge;
  }
  return 0;
}

}  // namespace

Tun::Tun(uint32_t id, int fd)
    : id(id), fd(fd), framing(framingOf(fd)), merge_(framing == Framing::virtio ? negotiate(fd) : uint8_t{0}) {}

Mergeable Tun::mergeable() const noexcept {
  const uint8_t bits = merge_.load(std::memory_order_relaxed);
  return {(bits & kTcp4) != 0, (bits & kTcp6) != 0, (bits & kUdp) != 0};
}

void Tun::restrict(Mergeable still) noexcept {
  merge_.store(static_cast<uint8_t>((still.tcp4 ? kTcp4 : 0) | (still.tcp6 ? kTcp6 : 0) | (still.udp ? kUdp : 0)),
               std::memory_order_relaxed);
}

}  // namespace culvert::esp
