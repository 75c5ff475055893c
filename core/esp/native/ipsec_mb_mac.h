// What a MAC was keyed with, for jobs of the library.
#pragma once

#include "ipsec_mb_manager.h"

namespace culvert::esp::mb {

class MacKey {
 public:
  MacKey(IMB_MGR* manager, const Integrity& integrity, const uint8_t* key);
  ~MacKey();

  /// Algorithm and key; what is covered is the caller's to say.
  void describe(IMB_JOB& job) const noexcept;

 private:
  IMB_HASH_ALG algorithm() const noexcept;
  /// The hash of the padded key, from where each packet starts. RFC 2104 §4
  void pad(IMB_MGR* manager, const uint8_t* key, size_t keyBytes, uint8_t with, uint8_t* out) const;

  const MacKind kind_;
  alignas(64) uint8_t schedule_[16 * 11];
  alignas(64) uint8_t first_[64];
  alignas(64) uint8_t second_[64];
};

}  // namespace culvert::esp::mb
