// In place of the fast backend where there is none: another processor, or a machine without the library.
#include "ipsec_mb.h"

namespace culvert::esp {

std::unique_ptr<Transform> ipsecMbTransform(const Encryption&, const Integrity*, const Shape&, const Algorithms&,
                                            Direction) {
  return nullptr;
}

std::unique_ptr<Transform> ipsecMbAh(const Integrity&, const Shape&, const Algorithms&) { return nullptr; }

const char* ipsecMbVersion() noexcept { return "not built in"; }

}  // namespace culvert::esp
