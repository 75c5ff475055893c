// IKE datagrams on their way from the receiving thread to JavaScript. One writer, one reader, no lock, and a bound:
// what does not fit is dropped, as a full socket would.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace culvert::esp {

class IkeRing {
 public:
  static constexpr size_t kCapacity = 256 * 1024;

  /// `path`: which socket it came from. False when there is no room.
  bool push(uint32_t path, const uint8_t* data, size_t length) noexcept {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    const uint32_t stated[2] = {path, static_cast<uint32_t>(length)};
    const uint64_t needed = sizeof stated + length;
    if (kCapacity - (head - tail_.load(std::memory_order_acquire)) < needed) return false;
    write(head, reinterpret_cast<const uint8_t*>(stated), sizeof stated);
    write(head + sizeof stated, data, length);
    head_.store(head + needed, std::memory_order_release);
    return true;
  }

  bool pop(uint32_t& path, std::vector<uint8_t>& out) {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) return false;
    uint32_t stated[2];
    read(tail, reinterpret_cast<uint8_t*>(stated), sizeof stated);
    path = stated[0];
    out.resize(stated[1]);
    read(tail + sizeof stated, out.data(), out.size());
    tail_.store(tail + sizeof stated + out.size(), std::memory_order_release);
    return true;
  }

 private:
  void write(uint64_t at, const uint8_t* data, size_t length) noexcept {
    if (length == 0) return;
    const size_t from = at % kCapacity;
    const size_t first = length < kCapacity - from ? length : kCapacity - from;
    memcpy(&octets_[from], data, first);
    if (first < length) memcpy(&octets_[0], data + first, length - first);
  }

  void read(uint64_t at, uint8_t* data, size_t length) const noexcept {
    if (length == 0) return;
    const size_t from = at % kCapacity;
    const size_t first = length < kCapacity - from ? length : kCapacity - from;
    memcpy(data, &octets_[from], first);
    if (first < length) memcpy(data + first, &octets_[0], length - first);
  }

  std::atomic<uint64_t> head_{0};
  std::atomic<uint64_t> tail_{0};
  // Not zeroed: pages that no message has needed cost no memory.
  const std::unique_ptr<uint8_t[]> octets_{new uint8_t[kCapacity]};
};

}  // namespace culvert::esp
