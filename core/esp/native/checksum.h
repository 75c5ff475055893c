// The Internet checksum, RFC 1071, over numbers in the machine's byte order: its sums may be added in any order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace culvert::esp {

/// Partial sum of octets that begin at an even place.
uint64_t sumOf(const uint8_t* data, size_t length) noexcept;

inline uint16_t fold(uint64_t sum) noexcept {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

/// A number as it stands in a packet.
inline uint64_t sumOf16(uint16_t value) noexcept { return __builtin_bswap16(value); }

/// The 16 octets of two bytes each at `at`, for adding up.
inline uint16_t rawAt(const uint8_t* at) noexcept {
  uint16_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

/// Writes the complement of a sum.
inline void storeChecksum(uint8_t* at, uint64_t sum) noexcept {
  const uint16_t value = static_cast<uint16_t>(~fold(sum));
  memcpy(at, &value, sizeof value);
}

/// Source, destination, protocol and length as TCP and UDP cover them. RFC 9293 §3.1, RFC 8200 §8.1
inline uint64_t pseudoHeader(const uint8_t* packet, uint8_t protocol, size_t payloadBytes) noexcept {
  const bool v4 = packet[0] >> 4 == 4;
  return sumOf(packet + (v4 ? 12 : 8), v4 ? 8 : 32) + sumOf16(protocol) +
         sumOf16(static_cast<uint16_t>(payloadBytes)) + sumOf16(static_cast<uint16_t>(payloadBytes >> 16));
}

}  // namespace culvert::esp
