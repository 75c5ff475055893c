// Packets as the kernel hands them over on a device that does without checksums and segmentation: completes the one and
// cuts the other, in place. Each slice gets its headers in front of it, over octets of the slice before: a slice must
// have been used up before the next one is asked for.
#pragma once

#include <cstddef>
#include <cstdint>

#include "virtio.h"

namespace culvert::esp {

class Segments {
 public:
  /// False when this is not what a kernel can mean: nothing is to be sent then.
  bool begin(uint8_t* packet, size_t length, const Vnet& vnet) noexcept;
  /// The next packet, whole; false when there is none.
  bool next(uint8_t*& packet, size_t& length) noexcept;

 private:
  static constexpr size_t kMostHeaderBytes = 256;

  void writeIp(uint8_t* packet, size_t length) noexcept;
  void writeTransport(uint8_t* packet, size_t length, bool first, bool last) noexcept;

  uint8_t* packet_;
  size_t length_;
  size_t at_;
  size_t headerBytes_;
  /// Payload of a slice, 0: there is one packet, and it is finished.
  size_t segmentBytes_;
  size_t transportAt_;
  bool tcp_;
  bool done_;
  /// The kernel's sum of the pseudo header without its length.
  uint64_t seed_;
  uint32_t sequence_;
  uint16_t identification_;
  uint8_t tcpFlags_;
  uint8_t header_[kMostHeaderBytes];
};

}  // namespace culvert::esp
