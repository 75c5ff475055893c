#include "esp_sa.h"

#include <algorithm>

namespace culvert::esp {

EspSa::EspSa(uint32_t spi, std::unique_ptr<Transform> transform, SelectorPair selectors, const Limits& limits,
             const Use& use)
    : spi(spi),
      use(use),
      selectors(std::move(selectors)),
      transform(std::move(transform)),
      limits_(limits),
      softSequence_(limits.softSequence != 0 ? limits.softSequence : lastSequence() / 4 * 3) {}

bool EspSa::count(size_t innerBytes, uint64_t sequence, uint64_t nowMs) noexcept {
  bytes.add(innerBytes);
  packets.add(1);
  lastAtMs.set(nowMs);
  bool news = false;
  if (bytes.get() >= limits_.softBytes) news |= reach(kSoftBytes);
  if (packets.get() >= limits_.softPackets) news |= reach(kSoftPackets);
  if (sequence >= softSequence_) news |= reach(kSoftSequence);
  return news;
}

bool EspSa::reach(uint8_t limit) noexcept {
  const uint8_t before = reached_.load(std::memory_order_relaxed);
  if (before & limit) return false;
  reached_.store(before | limit, std::memory_order_release);
  return true;
}

InboundSa::InboundSa(uint32_t spi, std::unique_ptr<Transform> transform, SelectorPair selectors, const Limits& limits,
                     const Use& use)
    : EspSa(spi, std::move(transform), std::move(selectors), limits, use), window(limits.replayWindow) {}

OutboundSa::OutboundSa(uint32_t spi, std::unique_ptr<Transform> transform, SelectorPair selectors, const Limits& limits,
                       const Use& use)
    : EspSa(spi, std::move(transform), std::move(selectors), limits, use),
      last_(std::min(limits.hardSequence, lastSequence())) {}

bool OutboundSa::next(uint64_t& sequence, bool& announce) noexcept {
  const uint64_t used = sequence_.get();
  if (used >= last_) {
    announce = reach(kHardSequence);
    return false;
  }
  sequence = used + 1;
  sequence_.set(sequence);
  return true;
}

}  // namespace culvert::esp
