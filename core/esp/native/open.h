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

}  // namespace culvert::esp
