// The fast backend on x86-64: Intel's ipsec-mb. It has most of what ESP uses, not all, and is trusted for nothing it did
// not compute as libcrypto does, here and now.
#pragma once

#include <memory>

#include "algorithms.h"

namespace culvert::esp {

/// nullptr: not for this algorithm, or not on this machine; libcrypto serves the SA then.
std::unique_ptr<Transform> ipsecMbTransform(const Encryption& encryption, const Integrity* integrity,
                                            const Shape& shape, const Algorithms& keys, Direction direction);

/// The same for AH.
std::unique_ptr<Transform> ipsecMbAh(const Integrity& integrity, const Shape& shape, const Algorithms& keys);

/// Version of the library, or why there is none.
const char* ipsecMbVersion() noexcept;

}  // namespace culvert::esp
