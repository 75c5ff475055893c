// Which of the last sequence numbers have been seen: the ring of RFC 6479, and the half of an extended number that
// is not on the wire. The TypeScript ReplayWindow and inferSequence are the ones to read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace culvert::esp {

class ReplayWindow {
 public:
  /// `size`: in packets, at least 32. RFC 4303 §3.4.3
  explicit ReplayWindow(uint32_t size) : size_(size) {
    size_t words = 2;
    while (words * 64 < static_cast<size_t>(size) + 64) words *= 2;
    words_.assign(words, 0);
    mask_ = words - 1;
  }

  uint64_t top() const noexcept { return top_; }

  /// Whether `sequence` is new and not too old. Asked before the ICV is computed. RFC 4303 §3.4.3
  bool check(uint64_t sequence) const noexcept {
    if (sequence == 0) return false;  // the first packet of an SA has number 1, RFC 4303 §2.2
    if (sequence > top_) return true;
    if (top_ - sequence >= size_) return false;
    return (words_[(sequence >> 6) & mask_] >> (sequence & 63) & 1) == 0;
  }

  /// Remembers `sequence`. Called only after its ICV proved right, and after `check` said yes.
  void accept(uint64_t sequence) noexcept {
    if (sequence > top_) {
      const uint64_t from = top_ >> 6;
      const uint64_t steps = std::min<uint64_t>((sequence >> 6) - from, words_.size());
      for (uint64_t i = 1; i <= steps; i++) words_[(from + i) & mask_] = 0;
      top_ = sequence;
    }
    words_[(sequence >> 6) & mask_] |= uint64_t{1} << (sequence & 63);
  }

  /// The whole number of a packet that shows only its low half: the one nearest to the window, never below it.
  /// False when it would lie outside 0 … 2⁶⁴−1. RFC 4303 appendix A2
  bool infer(uint32_t low, uint64_t& sequence) const noexcept {
    const uint64_t topHigh = top_ >> 32;
    const int64_t bottom = static_cast<int64_t>(top_ & 0xffffffff) - static_cast<int64_t>(size_) + 1;
    uint64_t high = topHigh;
    if (bottom >= 0) {
      // The window lies within one subspace: what is below it belongs to the next one.
      if (low < bottom) {
        if (topHigh == 0xffffffff) return false;
        high = topHigh + 1;
      }
    } else if (low >= bottom + (int64_t{1} << 32)) {
      // It spans two: what is above its wrapped bottom belongs to the one before.
      if (topHigh == 0) return false;
      high = topHigh - 1;
    }
    sequence = high << 32 | low;
    return true;
  }

 private:
  const uint32_t size_;
  uint64_t mask_ = 0;
  uint64_t top_ = 0;
  std::vector<uint64_t> words_;
};

}  // namespace culvert::esp
