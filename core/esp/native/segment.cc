#include "segment.h"

#include <algorithm>
#include <cstring>

#include "checksum.h"
#include "octets.h"

namespace culvert::esp {
namespace {

constexpr uint8_t kFin = 0x01, kPsh = 0x08, kCwr = 0x80;
constexpr size_t kTcpChecksumAt = 16, kUdpChecksumAt = 6;

/// A checksum that came out as nothing is sent as its other zero: for UDP nothing means none. RFC 768
void finishChecksum(uint8_t* at, uint64_t sum) noexcept {
  storeChecksum(at, sum);
  if (rawAt(at) == 0) at[0] = at[1] = 0xff;
}

}  // namespace

bool Segments::begin(uint8_t* packet, size_t length, const Vnet& vnet) noexcept {
  packet_ = packet;
  length_ = length;
  at_ = 0;
  segmentBytes_ = 0;
  done_ = false;
  const bool partial = (vnet.flags & vnet::needsChecksum) != 0;
  const size_t start = vnet.checksumStart;
  const size_t field = start + vnet.checksumOffset;
  if (partial && field + 2 > length) return false;
  const uint8_t type = vnet.gsoType & static_cast<uint8_t>(~vnet::ecn);
  if (type == vnet::none) {
    if (partial) finishChecksum(packet + field, sumOf(packet + start, length - start));
    return true;
  }

  const uint8_t version = length > 0 ? packet[0] >> 4 : 0;
  tcp_ = type == vnet::tcp4 || type == vnet::tcp6;
  if (!tcp_ && type != vnet::udp) return false;
  if (version != 4 && version != 6) return false;
  if (type == vnet::tcp4 && version != 4) return false;
  if (type == vnet::tcp6 && version != 6) return false;
  // A kernel that asks for segments asks for their checksums too.
  if (!partial || vnet.checksumOffset != (tcp_ ? kTcpChecksumAt : kUdpChecksumAt)) return false;
  transportAt_ = start;
  if (start < (version == 4 ? 20u : 40u) || start + (tcp_ ? 20u : 8u) > length) return false;
  headerBytes_ = start + (tcp_ ? (packet[start + 12] >> 4) * 4u : 8u);
  if (headerBytes_ > kMostHeaderBytes || headerBytes_ >= length) return false;
  if (tcp_ && headerBytes_ < start + 20) return false;
  if (version == 4 && (packet[0] & 0x0f) * 4u != start) return false;
  segmentBytes_ = vnet.segmentBytes;
  if (segmentBytes_ == 0) return false;
  memcpy(header_, packet, headerBytes_);
  const size_t transportBytes = length - start;
  seed_ = rawAt(packet + field) + static_cast<uint16_t>(~sumOf16(static_cast<uint16_t>(transportBytes)));
  sequence_ = tcp_ ? load32(packet + start + 4) : 0;
  tcpFlags_ = tcp_ ? packet[start + 13] : 0;
  identification_ = version == 4 ? load16(packet + 4) : 0;
  return true;
}

bool Segments::next(uint8_t*& packet, size_t& length) noexcept {
  if (done_) return false;
  if (segmentBytes_ == 0) {
    packet = packet_;
    length = length_;
    done_ = true;
    return true;
  }
  const bool first = at_ == 0;
  const size_t payload = std::min(segmentBytes_, length_ - headerBytes_ - at_);
  packet = packet_ + at_;
  length = headerBytes_ + payload;
  if (!first) memcpy(packet, header_, headerBytes_);
  done_ = headerBytes_ + at_ + payload == length_;
  writeIp(packet, length);
  writeTransport(packet, length, first, done_);
  at_ += payload;
  return true;
}

void Segments::writeIp(uint8_t* packet, size_t length) noexcept {
  if (packet[0] >> 4 == 6) {
    store16(packet + 4, static_cast<uint16_t>(length - 40));
    return;
  }
  store16(packet + 2, static_cast<uint16_t>(length));
  store16(packet + 4, identification_++);
  packet[10] = packet[11] = 0;
  storeChecksum(packet + 10, sumOf(packet, transportAt_));
}

void Segments::writeTransport(uint8_t* packet, size_t length, bool first, bool last) noexcept {
  uint8_t* transport = packet + transportAt_;
  const size_t transportBytes = length - transportAt_;
  uint8_t* field = transport + (tcp_ ? kTcpChecksumAt : kUdpChecksumAt);
  if (tcp_) {
    store32(transport + 4, sequence_ + static_cast<uint32_t>(at_));
    // What ends the stream or hurries it belongs to the last, what answers congestion to the first. RFC 3168 §6.1.2
    uint8_t flags = tcpFlags_;
    if (!last) flags &= static_cast<uint8_t>(~(kFin | kPsh));
    if (!first) flags &= static_cast<uint8_t>(~kCwr);
    transport[13] = flags;
  } else {
    store16(transport + 4, static_cast<uint16_t>(transportBytes));
  }
  field[0] = field[1] = 0;
  const uint64_t pseudo = seed_ + sumOf16(static_cast<uint16_t>(transportBytes));
  const uint64_t sum = pseudo + sumOf(transport, transportBytes);
  // For TCP no octets are special.
  if (tcp_) storeChecksum(field, sum);
  else finishChecksum(field, sum);
}

}  // namespace culvert::esp
