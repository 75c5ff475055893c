#include "mutable.h"

#include <algorithm>
#include <cstring>

namespace culvert::esp {
namespace {

constexpr uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kDestinationOptions = 60;

/// IPv4 options that nobody changes on the way. RFC 4302 Appendix A1
bool isFixed(uint8_t type) noexcept {
  return type == 130 ||  // Security
         type == 133 ||  // Extended Security
         type == 134 ||  // Commercial Security
         type == 148 ||  // Router Alert
         type == 149;    // Sender Directed Multi-Destination Delivery
}

/// Loose and strict: the destination changes at every stop.
bool isSourceRoute(uint8_t type) noexcept { return type == 131 || type == 137; }

bool ipv4(uint8_t* headers, size_t length) noexcept {
  constexpr uint8_t kEnd = 0, kNoOperation = 1;
  headers[1] = 0;               // DSCP and ECN
  memset(headers + 6, 0, 3);    // flags, fragment offset, time to live
  memset(headers + 10, 0, 2);   // header checksum
  for (size_t at = 20; at < length;) {
    const uint8_t type = headers[at];
    if (type == kEnd) return true;
    if (type == kNoOperation) {
      at++;
      continue;
    }
    const size_t bytes = at + 1 < length ? headers[at + 1] : 0;
    if (bytes < 2 || at + bytes > length) return false;
    // At its end a packet carries the last stop as its destination. RFC 791 §3.1
    const size_t pointer = at + 2 < length ? headers[at + 2] : 0;
    if (isSourceRoute(type) && pointer <= bytes && bytes >= 7) memcpy(headers + 16, headers + at + bytes - 4, 4);
    if (!isFixed(type)) memset(headers + at, 0, bytes);
    at += bytes;
  }
  return true;
}

bool options(uint8_t* extension, size_t length) noexcept {
  constexpr uint8_t kPad1 = 0;
  /// Of the type of an option: its data may change on the way. RFC 8200 §4.2
  constexpr uint8_t kMayChange = 0x20;
  for (size_t at = 2; at < length;) {
    const uint8_t type = extension[at];
    if (type == kPad1) {
      at++;
      continue;
    }
    if (at + 1 >= length) return false;
    const size_t bytes = extension[at + 1];
    if (at + 2 + bytes > length) return false;
    if (type & kMayChange) memset(extension + at + 2, 0, bytes);
    at += 2 + bytes;
  }
  return true;
}

/// At every stop the destination and the next address change places; at the end none is left. RFC 8200 §4.4
bool arriveByRouting(uint8_t* headers, uint8_t* extension, size_t length) noexcept {
  const size_t left = extension[3];
  if (left == 0) return true;
  // The source route of old (RFC 8200 lists it, RFC 5095 ended it), and Mobile IPv6's.
  if (extension[2] != 0 && extension[2] != 2) return false;
  if ((length - 8) % 16 != 0) return false;
  const size_t addresses = (length - 8) / 16;
  if (left > addresses) return false;
  for (size_t stop = addresses - left; stop < addresses; stop++) {
    uint8_t* next = extension + 8 + 16 * stop;
    std::swap_ranges(next, next + 16, headers + 24);
  }
  extension[3] = 0;
  return true;
}

bool ipv6(uint8_t* headers, size_t length) noexcept {
  headers[0] = 0x60;          // traffic class
  memset(headers + 1, 0, 3);  // and flow label
  headers[7] = 0;             // hop limit
  uint8_t protocol = headers[6];
  for (size_t at = 40; at < length;) {
    const size_t bytes = protocol == kFragment ? 8 : ((at + 1 < length ? headers[at + 1] : 0) + size_t{1}) * 8;
    if (at + bytes > length) return false;
    uint8_t* extension = headers + at;
    if (protocol == kRouting) {
      if (!arriveByRouting(headers, extension, bytes)) return false;
    } else if (protocol == kHopByHop || protocol == kDestinationOptions) {
      if (!options(extension, bytes)) return false;
    }
    protocol = headers[at];
    at += bytes;
  }
  return true;
}

}  // namespace

bool asIcvCovers(uint8_t* headers, size_t length) noexcept {
  return headers[0] >> 4 == 4 ? ipv4(headers, length) : ipv6(headers, length);
}

}  // namespace culvert::esp
