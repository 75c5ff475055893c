// From an ESP packet to the inner packet, in place. Nothing a forger sends moves the window. RFC 4303 §3.4
#pragma once

#include "plan.h"

namespace culvert::esp {

struct Opened {
  /// The inner packet inside the buffer, or nullptr: dropped, and counted where that belongs.
  uint8_t* inner;
  size_t length;
  /// The ICV was right: the peer is alive, whatever the content.
  bool authentic;
  /// A limit was reached for the first time.
  bool news;
};

/// Opens one ESP packet, from the SPI on. `strays` counts what no SA explains.
Opened open(const Plan& plan, uint8_t* packet, size_t length, Counter& strays, uint64_t nowMs) noexcept;

/// Opens as `open` does, several packets of an SA together where the algorithms gain from it.
class Opener {
 public:
  explicit Opener(Counter& strays) : strays_(strays) {}

  /// `each(Opened)` hears, in order, of packets that were taken before and of this one, now or at `finish`.
  template <class Each>
  void add(const Plan& plan, uint8_t* packet, size_t length, uint64_t nowMs, Each&& each) noexcept {
    Opening job;
    InboundSa* sa = begin(plan, packet, length, strays_, job);
    if (sa == nullptr) return;
    if (sa != sa_) finish(nowMs, each);
    sa_ = sa;
    waiting_[count_++] = job;
    if (count_ == sa->transform->batch) finish(nowMs, each);
  }

  template <class Each>
  void finish(uint64_t nowMs, Each&& each) noexcept {
    if (count_ > 0) sa_->transform->open(waiting_, count_);
    for (size_t i = 0; i < count_; i++) each(end(*sa_, waiting_[i], nowMs));
    count_ = 0;
    sa_ = nullptr;
  }

 private:
  friend Opened open(const Plan&, uint8_t*, size_t, Counter&, uint64_t) noexcept;

  /// What can be said before the ICV is computed; nullptr: dropped, and counted.
  static InboundSa* begin(const Plan& plan, uint8_t* packet, size_t length, Counter& strays, Opening& out) noexcept;
  static Opened end(InboundSa& sa, const Opening& job, uint64_t nowMs) noexcept;

  Counter& strays_;
  InboundSa* sa_ = nullptr;
  Opening waiting_[Transform::kMostPackets];
  size_t count_ = 0;
};

}  // namespace culvert::esp
