// Routers on the way change parts of an IP header. Before the ICV of an Authentication Header is computed, those are taken
// as zero, and those whose end can be foretold as they will be. RFC 4302 §3.3.3.1. core/ipsec/mutable.ts is the one to read;
// a test holds the two together.
#pragma once

#include <cstddef>
#include <cstdint>

namespace culvert::esp {

/// Makes the headers in front of an AH as its ICV covers them. False when they cannot be foretold, or are not well-formed.
bool asIcvCovers(uint8_t* headers, size_t length) noexcept;

}  // namespace culvert::esp
