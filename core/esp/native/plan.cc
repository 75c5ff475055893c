#include "plan.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace culvert::esp {

namespace {
size_t slotOf(uint32_t spi) noexcept { return spi * 0x9e3779b1u >> 12; }
}  // namespace

void Plan::accept(const std::vector<std::shared_ptr<InboundSa>>& sas) {
  inbound_ = sas;
  size_t size = 4;
  while (size < 2 * sas.size()) size *= 2;
  slots_.assign(size, nullptr);
  for (const auto& sa : sas) {
    size_t at = slotOf(sa->spi) & (size - 1);
    while (slots_[at] != nullptr) at = (at + 1) & (size - 1);
    slots_[at] = sa.get();
  }
}

InboundSa* Plan::inbound(uint32_t spi) const noexcept {
  if (slots_.empty()) return nullptr;
  const size_t mask = slots_.size() - 1;
  for (size_t at = slotOf(spi) & mask; slots_[at] != nullptr; at = (at + 1) & mask) {
    if (slots_[at]->spi == spi) return slots_[at];
  }
  return nullptr;
}

void Plans::publish(std::unique_ptr<const Plan> plan) {
  Retired old{std::unique_ptr<const Plan>(current_.exchange(plan.release(), std::memory_order_seq_cst)), {}};
  // Read after the exchange: a turn that begins later sees the new plan.
  for (size_t i = 0; i < kReaders; i++) old.turns[i] = readers_[i].now();
  retired_.push_back(std::move(old));
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  for (sweep(); !retired_.empty() && std::chrono::steady_clock::now() < until; sweep()) {
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
}

void Plans::sweep() {
  const auto gone = [this](const Retired& old) {
    for (size_t i = 0; i < kReaders; i++) {
      if (!readers_[i].past(old.turns[i])) return false;
    }
    return true;
  };
  retired_.erase(std::remove_if(retired_.begin(), retired_.end(), gone), retired_.end());
}

}  // namespace culvert::esp
