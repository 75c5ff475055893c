// Inner packets, and the checksum once more in its plainest form: nothing of the datapath's own arithmetic.
#pragma once

#include <algorithm>
#include <cstring>

#include "check.h"
#include "octets.h"
#include "virtio.h"

namespace culvert::check {

/// RFC 1071, two octets at a time.
inline uint16_t plainChecksum(const uint8_t* data, size_t length, uint32_t sum = 0) {
  for (size_t i = 0; i < length; i++) sum += i % 2 == 0 ? data[i] << 8 : data[i];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

inline uint32_t plainPseudo(const uint8_t* packet, uint8_t protocol, size_t transportBytes) {
  const bool v4 = packet[0] >> 4 == 4;
  uint32_t sum = protocol + static_cast<uint32_t>(transportBytes);
  const uint8_t* at = packet + (v4 ? 12 : 8);
  for (size_t i = 0; i < (v4 ? 8u : 32u); i++) sum += i % 2 == 0 ? at[i] << 8 : at[i];
  return sum;
}

struct Shape {
  bool v4 = true;
  bool tcp = true;
  size_t ipBytes = 20;
  size_t transportHeaderBytes = 20;
  size_t payloadBytes = 100;

  size_t headerBytes() const { return ipBytes + transportHeaderBytes; }
  size_t length() const { return headerBytes() + payloadBytes; }
  uint8_t protocol() const { return tcp ? 6 : 17; }
};

inline Shape someShape(Random& random, size_t mostPayload) {
  Shape shape;
  shape.v4 = random.once(2);
  shape.tcp = random.once(2);
  shape.ipBytes = shape.v4 ? 20 : 40;
  shape.transportHeaderBytes = shape.tcp ? 20 + 4 * random.below(11) : 8;
  shape.payloadBytes = 1 + random.below(mostPayload);
  return shape;
}

/// Whole and right; the flow is told by `flow`, the place in the stream by `sequence`.
inline Bytes makePacket(Random& random, const Shape& shape, uint8_t flow, uint32_t sequence, uint8_t tcpFlags = 0x10) {
  Bytes packet(shape.length(), 0);
  uint8_t* p = packet.data();
  if (shape.v4) {
    p[0] = 0x45;
    esp::store16(p + 2, static_cast<uint16_t>(shape.length()));
    p[6] = 0x40;
    p[8] = 64;
    p[9] = shape.protocol();
    const uint8_t addresses[8] = {10, 0, 0, 1, 10, 0, 0, flow};
    memcpy(p + 12, addresses, sizeof addresses);
    esp::store16(p + 10, plainChecksum(p, 20));
  } else {
    p[0] = 0x60;
    esp::store16(p + 4, static_cast<uint16_t>(shape.length() - 40));
    p[6] = shape.protocol();
    p[7] = 64;
    p[8] = p[24] = 0xfd;
    p[23] = 1;
    p[39] = flow;
  }
  uint8_t* t = p + shape.ipBytes;
  const size_t transportBytes = shape.length() - shape.ipBytes;
  esp::store16(t, 1000);
  esp::store16(t + 2, static_cast<uint16_t>(2000 + flow));
  if (shape.tcp) {
    esp::store32(t + 4, sequence);
    t[11] = 7;
    t[12] = static_cast<uint8_t>(shape.transportHeaderBytes / 4 << 4);
    t[13] = tcpFlags;
    t[14] = 1;
    for (size_t i = 20; i < shape.transportHeaderBytes; i++) t[i] = 1;  // no-operation options
  } else {
    esp::store16(t + 4, static_cast<uint16_t>(transportBytes));
  }
  for (size_t i = shape.headerBytes(); i < packet.size(); i++) p[i] = static_cast<uint8_t>(random.next());
  const size_t field = shape.tcp ? 16 : 6;
  uint16_t sum = plainChecksum(t, transportBytes, plainPseudo(p, shape.protocol(), transportBytes));
  if (sum == 0 && !shape.tcp) sum = 0xffff;
  esp::store16(t + field, sum);
  return packet;
}

/// Every checksum in it is right.
inline bool isRight(const Bytes& packet) {
  const uint8_t* p = packet.data();
  const bool v4 = p[0] >> 4 == 4;
  const size_t ipBytes = v4 ? 20 : 40;
  const uint8_t protocol = v4 ? p[9] : p[6];
  if (v4 && plainChecksum(p, 20) != 0) return false;
  const size_t transportBytes = packet.size() - ipBytes;
  return plainChecksum(p + ipBytes, transportBytes, plainPseudo(p, protocol, transportBytes)) == 0;
}

/// The header a kernel puts before a packet it wants cut every `segment` octets; the packet loses its checksum to it.
inline esp::Vnet leaveToDevice(Bytes& packet, const Shape& shape, size_t segment) {
  uint8_t* t = packet.data() + shape.ipBytes;
  const size_t field = shape.tcp ? 16 : 6;
  uint16_t seed = static_cast<uint16_t>(
      ~plainChecksum(nullptr, 0, plainPseudo(packet.data(), shape.protocol(), packet.size() - shape.ipBytes)));
  esp::store16(t + field, seed);
  esp::Vnet vnet{};
  vnet.flags = esp::vnet::needsChecksum;
  vnet.checksumStart = static_cast<uint16_t>(shape.ipBytes);
  vnet.checksumOffset = static_cast<uint16_t>(field);
  if (segment == 0 || segment >= shape.payloadBytes) return vnet;
  vnet.gsoType = !shape.tcp ? esp::vnet::udp : shape.v4 ? esp::vnet::tcp4 : esp::vnet::tcp6;
  vnet.segmentBytes = static_cast<uint16_t>(segment);
  vnet.headerBytes = static_cast<uint16_t>(shape.headerBytes());
  return vnet;
}

}  // namespace culvert::check
