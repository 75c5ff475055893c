// What the library computes with: function pointers for this processor, and lanes that hold keys while packets are in
// them.
#pragma once

#include <intel-ipsec-mb.h>

#include <memory>

#include "algorithms.h"

namespace culvert::esp::mb {

/// The one whose functions need no lanes; nullptr where the processor or the library's own test says no.
const IMB_MGR* shared() noexcept;

/// An SA's own. Its memory is wiped with it.
class Manager {
 public:
  /// Throws std::bad_alloc.
  Manager();
  ~Manager();
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  IMB_MGR* operator->() const noexcept { return manager_; }
  IMB_MGR* get() const noexcept { return manager_; }

  /// Runs `count` jobs: `fill(job, i)` describes one, `finish(i, ok)` hears of it.
  template <class Fill, class Finish>
  void run(size_t count, Fill&& fill, Finish&& finish) noexcept {
    const auto settle = [&](const IMB_JOB* job) {
      finish(reinterpret_cast<size_t>(job->user_data), job->status == IMB_STATUS_COMPLETED);
    };
    for (size_t i = 0; i < count; i++) {
      IMB_JOB* job = IMB_GET_NEXT_JOB(manager_);
      fill(*job, i);
      job->user_data = reinterpret_cast<void*>(i);
      for (job = IMB_SUBMIT_JOB(manager_); job != nullptr; job = IMB_GET_COMPLETED_JOB(manager_)) settle(job);
    }
    while (const IMB_JOB* job = IMB_FLUSH_JOB(manager_)) settle(job);
  }

 private:
  const size_t size_;
  void* memory_;
  IMB_MGR* manager_;
};

/// AES-GCM and ChaCha20-Poly1305.
std::unique_ptr<Transform> makeAead(const Encryption& encryption, const Shape& shape, const Algorithms& keys,
                                    Direction direction);
/// AES-CBC, AES-CTR or nothing with a MAC, and AES-CCM: many packets side by side.
std::unique_ptr<Transform> makeLanes(const Encryption& encryption, const Integrity* integrity, const Shape& shape,
                                     const Algorithms& keys, Direction direction);

constexpr const char* kName = "ipsec-mb";

}  // namespace culvert::esp::mb
