// From an ESP or AH packet to the packet it protects, in place. Nothing a forger sends moves the window. RFC 4303 §3.4,
// RFC 4302 §3.4
#pragma once

#include "plan.h"

namespace culvert::esp {

struct Opened {
  /// The packet inside the buffer, or nullptr: dropped, and counted where that belongs.
  uint8_t* inner;
  size_t length;
  /// The ICV was right: the peer is alive, whatever the content.
  bool authentic;
  /// A limit was reached for the first time.
  bool news;
};

/// A packet that came, from its IPsec header on. Four octets behind an AH packet may be written to.
struct Arrival {
  uint8_t* packet;
  size_t length;
  Protocol protocol = Protocol::esp;
  /// Octets of the IP headers in front of it; 0: it came without.
  size_t aheadBytes = 0;
  /// Where in them its protocol stands.
  size_t protocolAt = 0;
  /// Octets in front of `packet` that may be written to.
  size_t room = 0;
};

/// Reads the IP headers of a whole packet; false when they are not well-formed, or lead to no IPsec header.
bool arrive(uint8_t* packet, size_t length, Arrival& out) noexcept;

/// Opens packets, several of an SA together where the algorithms gain from it. `strays` counts what no SA explains.
class Opener {
 public:
  explicit Opener(Counter& strays) : strays_(strays) {}

  /// `each(Opened)` hears, in order, of packets that were taken before and of this one, now or at `finish`. Until that the
  /// plan must stay.
  template <class Each>
  void add(const Plan& plan, const Arrival& arrival, uint64_t nowMs, Each&& each) noexcept {
    Opening job;
    InboundSa* sa = begin(plan, arrival, strays_, job);
    if (sa == nullptr) return;
    if (sa != sa_) finish(nowMs, each);
    sa_ = sa;
    path_ = plan.path.get();
    arrivals_[count_] = arrival;
    waiting_[count_++] = job;
    if (count_ == sa->transform->batch) finish(nowMs, each);
  }

  template <class Each>
  void finish(uint64_t nowMs, Each&& each) noexcept {
    if (count_ > 0) sa_->transform->open(waiting_, count_);
    for (size_t i = 0; i < count_; i++) each(end(arrivals_[i], waiting_[i], nowMs));
    count_ = 0;
    sa_ = nullptr;
  }

 private:
  /// What can be said before the ICV is computed; nullptr: dropped, and counted.
  static InboundSa* begin(const Plan& plan, const Arrival& arrival, Counter& strays, Opening& out) noexcept;
  Opened end(const Arrival& arrival, const Opening& job, uint64_t nowMs) noexcept;
  Opened unwrap(const Arrival& arrival, uint8_t* payload, size_t bytes, uint8_t nextHeader, uint64_t sequence,
                uint64_t nowMs) noexcept;
  Opened deliver(uint8_t* packet, size_t length, uint8_t version, uint64_t sequence, uint64_t nowMs) noexcept;
  uint8_t* putHeadersBack(const Arrival& arrival, uint8_t* payload, size_t bytes, uint8_t protocol) noexcept;

  Counter& strays_;
  InboundSa* sa_ = nullptr;
  const Path* path_ = nullptr;
  Arrival arrivals_[Transform::kMostPackets];
  Opening waiting_[Transform::kMostPackets];
  size_t count_ = 0;
};

}  // namespace culvert::esp
