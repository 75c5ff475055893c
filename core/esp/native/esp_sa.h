// One direction of a CHILD_SA. What was negotiated never changes; the rest is written by the one thread that carries
// its packets, and read by anybody.
#pragma once

#include <atomic>
#include <memory>

#include "counter.h"
#include "ip.h"
#include "replay_window.h"
#include "selectors.h"
#include "transform.h"

namespace culvert::esp {

/// When an SA asks to be replaced, and how much it remembers. Each is for one SA.
struct Limits {
  uint64_t softBytes;     ///< octets of inner packets
  uint64_t softPackets;
  uint64_t softSequence;  ///< 0: three quarters of the numbers there are
  uint64_t hardSequence;  ///< last sequence number ever used
  uint32_t replayWindow;  ///< places
};

/// Limits reached, as bits of `EspSa::reached`.
constexpr uint8_t kSoftBytes = 1, kSoftPackets = 2, kSoftSequence = 4, kHardSequence = 8;

/// What an SA does to a packet, apart from its algorithms.
struct Use {
  Protocol protocol = Protocol::esp;
  /// Around what the packet carries instead of around the packet. RFC 4301 §3.2
  bool transport = false;
  /// Octets an AH is a multiple of; 0: 4 in IPv4 and 8 in IPv6. RFC 4302 §3.3.3.2.1
  uint8_t boundary = 0;
};

class EspSa {
 public:
  EspSa(uint32_t spi, std::unique_ptr<Transform> transform, SelectorPair selectors, const Limits& limits,
        const Use& use);

  const uint32_t spi;
  const Use use;
  const SelectorPair selectors;
  const std::unique_ptr<Transform> transform;

  Counter bytes;
  Counter packets;
  /// Milliseconds on the steady clock; 0: never.
  Counter lastAtMs;

  /// Counts a packet. True when that reached a limit for the first time.
  bool count(size_t innerBytes, uint64_t sequence, uint64_t nowMs) noexcept;
  uint8_t reached() const noexcept { return reached_.load(std::memory_order_acquire); }

 protected:
  bool reach(uint8_t limit) noexcept;
  uint64_t lastSequence() const noexcept { return transform->esn ? UINT64_MAX : UINT32_MAX; }

  const Limits limits_;

 private:
  const uint64_t softSequence_;
  std::atomic<uint8_t> reached_{0};
};

class InboundSa : public EspSa {
 public:
  InboundSa(uint32_t spi, std::unique_ptr<Transform> transform, SelectorPair selectors, const Limits& limits,
            const Use& use = {});

  ReplayWindow window;
  Counter replayed;
  Counter failedIcv;
  Counter malformed;
  Counter selectorMismatch;
};

class OutboundSa : public EspSa {
 public:
  OutboundSa(uint32_t spi, std::unique_ptr<Transform> transform, SelectorPair selectors, const Limits& limits,
             const Use& use = {});

  /// Last sequence number used.
  uint64_t sequence() const noexcept { return sequence_.get(); }
  /// Counts up; false at the last one, for good: a number used twice breaks replay protection and counter modes.
  /// `announce` becomes true when that is news. RFC 4303 §3.3.3
  bool next(uint64_t& sequence, bool& announce) noexcept;

 private:
  const uint64_t last_;
  Counter sequence_;
};

}  // namespace culvert::esp
