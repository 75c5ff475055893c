// Packets of the right shape with nothing done to them, to measure what all but cryptography costs. Compiled only into
// the binary that the benchmark builds for itself; what people run does not have it.
#pragma once

#include <cstring>

#include "transform.h"

namespace culvert::esp {

class NullTransform final : public Transform {
 public:
  NullTransform(const Shape& shape, bool esn) : Transform(shape, esn, "none") {}

  void seal(Sealing* packets, size_t count) noexcept override {
    for (Sealing* one = packets; one < packets + count; one++) {
      uint8_t* body = one->packet + kHeaderBytes + shape.ivBytes;
      if (one->plain != body) memmove(body, one->plain, one->plainBytes);
      memset(body + one->plainBytes, 0, shape.icvBytes);
      one->done = true;
    }
  }

  void open(Opening* packets, size_t count) noexcept override {
    for (Opening* one = packets; one < packets + count; one++) one->fits = true;
  }
};

inline std::unique_ptr<Transform> nullTransform(const Shape& shape, bool esn) {
  return std::make_unique<NullTransform>(shape, esn);
}

}  // namespace culvert::esp
