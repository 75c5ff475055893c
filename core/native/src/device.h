// TUN devices as the helper opens them: each packet has a header of the kernel's before it (IFF_VNET_HDR). Whoever asks
// the kernel for no offloads finds it empty, and may leave it empty.
#pragma once

#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <cstddef>
#include <cstring>

namespace culvert {

constexpr size_t kVnetBytes = 10;

/// Octets before each packet on this descriptor; 0 also for what is no TUN device.
inline size_t deviceHeaderBytes(int fd) {
  ifreq request;
  memset(&request, 0, sizeof request);
  if (ioctl(fd, TUNGETIFF, &request) != 0 || (request.ifr_flags & IFF_VNET_HDR) == 0) return 0;
  int size = static_cast<int>(kVnetBytes);
  return ioctl(fd, TUNGETVNETHDRSZ, &size) == 0 ? static_cast<size_t>(size) : kVnetBytes;
}

}  // namespace culvert
