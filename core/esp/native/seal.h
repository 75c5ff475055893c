// From an inner packet to an ESP packet. RFC 4303 §3.3
#pragma once

#include "plan.h"

namespace culvert::esp {

/// IVs nobody can guess, drawn from libcrypto's generator many at a time.
class IvSource {
 public:
  bool draw(uint8_t* out, size_t length) noexcept;

 private:
  static constexpr size_t kPool = 4096;
  uint8_t pool_[kPool];
  size_t left_ = 0;
};

struct Sealed {
  /// Octets written; 0: nothing to send.
  size_t length;
  /// A limit was reached for the first time.
  bool news;
  /// Octets behind them that are used until `finish`.
  size_t slack = 0;
};

/// The first child whose selectors fit; of it the newest SA. RFC 4301 §5.1
OutboundSa* findOutbound(const Plan& plan, const InnerPacket& inner) noexcept;

/// What goes into a packet.
struct Payload {
  uint8_t* at;
  size_t bytes;
  uint8_t nextHeader;
  /// Octets of the inner packet, for the counters.
  size_t counted;

  /// A whole packet: tunnel mode.
  static Payload packet(uint8_t* packet, const InnerPacket& inner) noexcept {
    return {packet, inner.length, static_cast<uint8_t>(inner.version == 4 ? 4 : 41), inner.length};
  }
};

/// Writes ESP and AH, at once or, where the algorithms gain from it, several together.
class Sealer {
 public:
  explicit Sealer(Counter& failed) : failed_(failed) {}

  /// `out` has room for `payload.bytes + kMaxOverhead` and does not overlap the payload. The octets behind the payload
  /// (`kMaxTrailerBytes` of them, the caller's) are used and put back. Until `finish`, the SA must stay and `out` must stay
  /// where it is.
  Sealed add(OutboundSa& sa, const Payload& payload, uint64_t nowMs, uint8_t* out) noexcept;
  /// The same with an AH of `ahBytes`. The `aheadBytes` in front of `out` are the headers as they will leave.
  Sealed addAh(OutboundSa& sa, const Payload& payload, size_t ahBytes, size_t aheadBytes, uint64_t nowMs,
               uint8_t* out) noexcept;
  void finish() noexcept;

 private:
  Sealed sealNow(OutboundSa& sa, const Payload& payload, uint64_t nowMs, uint8_t* out) noexcept;

  IvSource ivs_;
  Counter& failed_;
  OutboundSa* sa_ = nullptr;
  Sealing waiting_[Transform::kMostPackets];
  size_t count_ = 0;
};

}  // namespace culvert::esp
