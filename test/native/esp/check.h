// The little that the checks have in common.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

/// Says what did not hold, and with which seed it can be seen again.
#define CHECK(condition)                                                                                     \
  do {                                                                                                       \
    if (!(condition)) {                                                                                      \
      fprintf(stderr, "%s:%d: %s does not hold (seed %llu)\n", __FILE__, __LINE__, #condition,               \
              static_cast<unsigned long long>(culvert::check::seed));                                        \
      abort();                                                                                               \
    }                                                                                                        \
  } while (false)

namespace culvert::check {

inline uint64_t seed = 0;

using Bytes = std::vector<uint8_t>;

/// splitmix64: the same seed, the same course of events.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) { check::seed = seed; }

  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// 0 … limit − 1
  size_t below(size_t limit) { return limit == 0 ? 0 : next() % limit; }
  bool once(size_t in) { return below(in) == 0; }
  template <class T, size_t n>
  T of(const T (&choices)[n]) {
    return choices[below(n)];
  }
  Bytes bytes(size_t count) {
    Bytes out(count);
    for (uint8_t& one : out) one = static_cast<uint8_t>(next());
    return out;
  }

 private:
  uint64_t state_;
};

/// A value after `--name`, or the default.
inline uint64_t argument(int count, char** values, const char* name, uint64_t otherwise) {
  for (int i = 1; i + 1 < count; i++) {
    if (std::string(values[i]) == name) return strtoull(values[i + 1], nullptr, 10);
  }
  return otherwise;
}

}  // namespace culvert::check
