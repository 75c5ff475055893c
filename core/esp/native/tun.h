// A TUN device, and what its kernel does for us.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "coalesce.h"

namespace culvert::esp {

/// What stands before each packet on the descriptor.
enum class Framing {
  none,
  /// `Vnet`, IFF_VNET_HDR.
  virtio,
};

/// The descriptor belongs to whoever opened it.
class Tun {
 public:
  /// Asks the kernel what it can leave to us: segments (TSO, USO) and checksums, each as far as it goes.
  Tun(uint32_t id, int fd);

  const uint32_t id;
  const int fd;
  const Framing framing;
  std::atomic<bool> dead{false};

  Mergeable mergeable() const noexcept;
  /// What the kernel turned out not to take.
  void restrict(Mergeable still) noexcept;

  size_t headerBytes() const noexcept { return framing == Framing::virtio ? sizeof(Vnet) : 0; }

 private:
  std::atomic<uint8_t> merge_;
};

}  // namespace culvert::esp
