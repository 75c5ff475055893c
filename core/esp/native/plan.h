// What the two threads work by: one immutable object behind one atomic pointer. To change anything, the owner builds
// another and exchanges the pointer; the old one goes, and wipes and closes what only it held, as soon as neither
// thread can still be looking at it. Nobody waits for anybody.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "esp_sa.h"
#include "path.h"
#include "tun.h"

namespace culvert::esp {

class Plan {
 public:
  std::shared_ptr<Tun> tun;
  std::shared_ptr<Path> path;
  /// Of each CHILD_SA the newest, in order of their making.
  std::vector<std::shared_ptr<OutboundSa>> outbound;

  void accept(const std::vector<std::shared_ptr<InboundSa>>& sas);
  InboundSa* inbound(uint32_t spi) const noexcept;

 private:
  std::vector<std::shared_ptr<InboundSa>> inbound_;
  /// Open addressing: the peer's packets must not decide how long a look-up takes.
  std::vector<InboundSa*> slots_;
};

/// Says whether a thread is at work, and on which turn.
class Turns {
 public:
  void begin() noexcept { value_.store(value_.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst); }
  void end() noexcept { value_.store(value_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  uint64_t now() const noexcept { return value_.load(std::memory_order_seq_cst); }

  /// Whether a turn that was seen as `then` is over: between two turns the number is even.
  bool past(uint64_t then) const noexcept { return then % 2 == 0 || now() != then; }

 private:
  std::atomic<uint64_t> value_{0};
};

/// The pointer and what waits to be freed. All calls but `current` come from the owner's thread.
class Plans {
 public:
  static constexpr size_t kReaders = 2;

  Plans() : current_(new Plan) {}
  ~Plans() { delete current_.load(); }

  /// To be called between `begin` and `end` of a reader's turn, and not to be kept longer.
  const Plan& current() const noexcept { return *current_.load(std::memory_order_seq_cst); }
  Turns& reader(size_t which) noexcept { return readers_[which]; }

  /// The readers never wait. The owner does, for the moment a turn takes (and no longer than `kPatienceMs`), so that
  /// what it says next to the peer comes after the last packet of the old plan. RFC 7296 §2.8
  void publish(std::unique_ptr<const Plan> plan);
  /// Frees what nobody can see any more.
  void sweep();
  size_t retired() const noexcept { return retired_.size(); }

 private:
  /// Ours: a turn that lasts longer has been robbed of its processor.
  static constexpr int kPatienceMs = 20;

  struct Retired {
    std::unique_ptr<const Plan> plan;
    uint64_t turns[kReaders];
  };

  std::atomic<const Plan*> current_;
  Turns readers_[kReaders];
  std::vector<Retired> retired_;
};

}  // namespace culvert::esp
