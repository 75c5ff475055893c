// Packets on their way to a device that takes several of one flow at once: they are given as one large packet whose
// parts stay where they are. What is merged has been verified, because the device will not look again: that the peer
// is who it says does not make its sender's checksums right.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

#include "virtio.h"

namespace culvert::esp {

/// What takes the packets.
class Sink {
 public:
  virtual ~Sink() = default;
  /// One packet: its header of the device first, then its parts. False: refused as it is, but its pieces may do.
  virtual bool write(const iovec* parts, size_t count) noexcept = 0;
};

/// Which packets may be merged.
struct Mergeable {
  bool tcp4;
  bool tcp6;
  bool udp;
};

class Coalescer {
 public:
  explicit Coalescer(Sink& sink) : sink_(sink) {}

  void allow(Mergeable which) noexcept { allowed_ = which; }
  Mergeable allowed() const noexcept { return allowed_; }

  /// A whole IP packet of exactly this length. It may wait until `flush` and must stay there; its headers are changed.
  void add(uint8_t* packet, size_t length) noexcept;
  void flush() noexcept;

 private:
  /// Ours: connections that a batch of datagrams is likely to hold.
  static constexpr size_t kFlows = 8;
  /// What older kernels take at most, and enough.
  static constexpr size_t kMostPackets = 64;
  static constexpr size_t kMostHeaderBytes = 20 + 60;

  /// What decides whether a packet goes with others.
  struct Seen {
    uint8_t* packet;
    size_t length;
    size_t ipBytes;
    size_t headerBytes;
    uint8_t protocol;

    size_t payloadBytes() const noexcept { return length - headerBytes; }
    bool v4() const noexcept { return packet[0] >> 4 == 4; }
    bool tcp() const noexcept;
    const uint8_t* transport() const noexcept { return packet + ipBytes; }
  };

  struct Flow {
    Seen first;
    iovec parts[1 + kMostPackets];
    size_t packets;
    size_t totalBytes;
    uint32_t nextSequence;
    bool pushed;
    /// Nothing can follow: the last one was shorter, or said push.
    bool closed;
    bool verified;
  };

  /// What may be done with a packet: its flow cannot be told, it goes by itself in its flow, it goes with others.
  enum class Kind { stranger, alone, mergeable };

  Kind look(uint8_t* packet, size_t length, Seen& out) const noexcept;
  static bool sameFlow(const Seen& a, const Seen& b) noexcept;
  static bool follows(const Flow& flow, const Seen& next) noexcept;
  static bool verify(const Seen& seen) noexcept;
  bool append(Flow& flow, const Seen& next) noexcept;
  void open(const Seen& first) noexcept;
  void giveAll(size_t index) noexcept;
  void giveMerged(Flow& flow) noexcept;
  void giveSingle(uint8_t* packet, size_t length) noexcept;
  void refuse(const Seen& seen) noexcept;

  Sink& sink_;
  Mergeable allowed_{false, false, false};
  Flow flows_[kFlows];
  size_t used_ = 0;
};

}  // namespace culvert::esp
