// One direction of the datapath on a thread of its own: work while there is any, sleep in poll when there is none.
// Nothing ticks: an idle tunnel wakes nobody.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "plan.h"

namespace culvert::esp {

/// What the two threads count together, each number written by one of them.
struct Totals {
  Counter noSa;         ///< from the network: no SA explains it
  Counter noSelector;   ///< from the device: no selector covers it
  Counter sent;         ///< ESP packets given to the socket
  Counter authentic;    ///< ESP packets whose ICV was right
  Counter unsent;       ///< sealed, but the socket would not take it
  Counter undelivered;  ///< opened, but the device would not take it
  Counter ikeDropped;   ///< IKE datagrams that came faster than they were fetched
};

/// Stands for an error number where a stream has come to its end.
constexpr int kEndOfFile = -1;

/// Milliseconds on the steady clock, cheap.
uint64_t steadyMs() noexcept;

class Worker {
 public:
  virtual ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Throws std::system_error when there can be no thread.
  void start(const char* name);
  /// Returns when the thread is gone. Harmless when it never was.
  void stop();
  /// Descriptors of the plan have changed.
  void nudge() noexcept;
  bool running() const noexcept { return thread_.joinable(); }

 protected:
  /// What poll said about a descriptor, by the owner's name for it: its number may since belong to another.
  struct Seen {
    uint32_t id;
    short events;
    bool trouble(uint32_t about) const noexcept;
    bool hungUp(uint32_t about) const noexcept;
  };

  /// What a turn came to.
  struct Turn {
    /// Descriptor to wait for, -1: only for a nudge.
    int fd;
    uint32_t id;
    /// There may be more at once.
    bool more;
  };
  static constexpr Turn kOnlyNudge{-1, 0, false};

  /// `reader`: which of the plans' readers this thread is.
  Worker(Plans& plans, size_t reader);
  /// Handles a bounded amount of what is there. `seen`: what ended the wait.
  virtual Turn turn(const Plan& plan, Seen seen) noexcept = 0;

 private:
  void run() noexcept;

  Plans& plans_;
  Turns& turns_;
  /// -1 until there is a thread to wake: an engine without descriptors needs none of its own.
  int wake_ = -1;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace culvert::esp
