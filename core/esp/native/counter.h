// Numbers one thread writes and others read.
#pragma once

#include <atomic>
#include <cstdint>

namespace culvert::esp {

/// No lock prefix: there is one writer.
class Counter {
 public:
  void add(uint64_t amount) noexcept { set(get() + amount); }
  void set(uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace culvert::esp
