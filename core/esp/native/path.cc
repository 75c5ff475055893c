#include "path.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "octets.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace culvert::esp {
namespace {

constexpr uint8_t kEsp = 50;
/// Ours, and what IANA recommends. RFC 1700
constexpr uint8_t kHops = 64;

/// Where numbers begin that must differ for a while only.
uint64_t steadySeed() noexcept {
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

bool accepts(int fd, int option, int value) noexcept {
  return setsockopt(fd, IPPROTO_UDP, option, &value, sizeof value) == 0;
}

}  // namespace

// 0: no segmentation unless a message asks for it.
Path::Path(uint32_t id, int fd, Carries carries, const Ends& ends)
    : id(id),
      fd(fd),
      carries(carries),
      ends_(ends),
      identification_(static_cast<uint16_t>(steadySeed())),
      largestSegment_(carries == Carries::espInUdp && accepts(fd, UDP_SEGMENT, 0) ? 65535 : 0),
      gathers_(carries == Carries::espInUdp && accepts(fd, UDP_GRO, 1)) {}

Path::~Path() { close(fd); }

void Path::writeHeader(uint8_t* at, size_t payloadBytes, uint8_t trafficClass) noexcept {
  // Congestion marks of the outer header are not brought back in, so none may be set there. RFC 6040 §4.1
  const uint8_t service = trafficClass & 0xfc;
  if (!v4()) {
    at[0] = static_cast<uint8_t>(0x60 | service >> 4);
    at[1] = static_cast<uint8_t>(service << 4);
    at[2] = at[3] = 0;
    store16(at + 4, static_cast<uint16_t>(payloadBytes));
    at[6] = kEsp;
    at[7] = kHops;
    memcpy(at + 8, ends_.source, 16);
    memcpy(at + 24, ends_.destination, 16);
    return;
  }
  // Zero would be filled in by the kernel. Routers may fragment: no flag forbids it, as with ESP in UDP.
  if (++identification_ == 0) identification_ = 1;
  at[0] = 0x45;
  at[1] = service;
  store16(at + 2, static_cast<uint16_t>(20 + payloadBytes));
  store16(at + 4, identification_);
  store16(at + 6, 0);
  at[8] = kHops;
  at[9] = kEsp;
  store16(at + 10, 0);
  memcpy(at + 12, ends_.source, 4);
  memcpy(at + 16, ends_.destination, 4);
  // The kernel writes the checksum. raw(7)
}

bool Path::skipHeader(uint8_t*& packet, size_t& length) const noexcept {
  if (!v4()) return true;
  if (length < 20 || packet[0] >> 4 != 4) return false;
  const size_t header = size_t{packet[0] & 0x0fu} * 4;
  const size_t whole = load16(packet + 2);
  if (header < 20 || whole < header || whole > length || packet[9] != kEsp) return false;
  packet += header;
  length = whole - header;
  return true;
}

}  // namespace culvert::esp
