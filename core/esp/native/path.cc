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

/// Ours, and what IANA recommends. RFC 1700
constexpr uint8_t kHops = 64;

/// Where numbers begin that must differ for a while only.
uint64_t steadySeed() noexcept {
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

bool accepts(int fd, int option, int value) noexcept {
  return setsockopt(fd, IPPROTO_UDP, option, &value, sizeof value) == 0;
}

/// Without length and checksum.
void writeHeader(uint8_t* at, const uint8_t* source, const uint8_t* destination, size_t addressBytes, uint8_t protocol,
                 uint8_t service) noexcept {
  if (addressBytes == 16) {
    at[0] = static_cast<uint8_t>(0x60 | service >> 4);
    at[1] = static_cast<uint8_t>(service << 4);
    memset(at + 2, 0, 4);
    at[6] = protocol;
    at[7] = kHops;
    memcpy(at + 8, source, 16);
    memcpy(at + 24, destination, 16);
    return;
  }
  at[0] = 0x45;
  at[1] = service;
  memset(at + 2, 0, 6);
  at[8] = kHops;
  at[9] = protocol;
  store16(at + 10, 0);
  memcpy(at + 12, source, 4);
  memcpy(at + 16, destination, 4);
}

}  // namespace

// 0: no segmentation unless a message asks for it.
Path::Path(uint32_t id, int fd, const PathOptions& options)
    : id(id),
      fd(fd),
      carries(options.carries),
      protocol(options.protocol),
      ends_(options.ends),
      identification_(static_cast<uint16_t>(steadySeed())),
      largestSegment_(carries == Carries::espInUdp && accepts(fd, UDP_SEGMENT, 0) ? 65535 : 0),
      gathers_(carries == Carries::espInUdp && !options.separately && accepts(fd, UDP_GRO, 1)) {}

Path::~Path() {
  if (fd >= 0) close(fd);
}

uint16_t Path::nextIdentification() noexcept {
  // Zero would be filled in by the kernel, behind the back of an ICV.
  if (++identification_ == 0) identification_ = 1;
  return identification_;
}

void Path::writeOuter(uint8_t* at, size_t payloadBytes, uint8_t trafficClass) noexcept {
  // Congestion marks of the outer header are not brought back in, so none may be set there. RFC 6040 §4.1
  writeHeader(at, ends_.source, ends_.destination, ends_.addressBytes, static_cast<uint8_t>(protocol),
              trafficClass & 0xfc);
  // Routers may fragment: no flag forbids it, as with ESP in UDP.
  if (v4()) store16(at + 4, nextIdentification());
  settle(at, headerBytes() + payloadBytes);
}

void Path::writeReceived(uint8_t* at, size_t payloadBytes, uint8_t protocol) const noexcept {
  writeHeader(at, ends_.destination, ends_.source, ends_.addressBytes, protocol, 0);
  if (v4()) store16(at + 4, 1);
  settle(at, headerBytes() + payloadBytes);
}

}  // namespace culvert::esp
