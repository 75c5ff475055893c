#include "open.h"

#include <cstring>

#include "ah.h"
#include "octets.h"

namespace culvert::esp {
namespace {

constexpr Opened kDropped{nullptr, 0, false, false};
constexpr uint8_t kIpv4 = 4, kIpv6 = 41, kNone = 59;

/// Takes the trailer off; false when it is not what RFC 4303 §2.4 – §2.6 describe.
bool readTrailer(const uint8_t* plain, size_t plainBytes, size_t& payloadBytes, uint8_t& nextHeader) noexcept {
  const size_t trailerAt = plainBytes - 2;
  const size_t padBytes = plain[trailerAt];
  if (padBytes > trailerAt) return false;
  payloadBytes = trailerAt - padBytes;
  for (size_t i = 0; i < padBytes; i++) {
    if (plain[payloadBytes + i] != i + 1) return false;
  }
  nextHeader = plain[trailerAt + 1];
  return true;
}

constexpr Opened kUseless{nullptr, 0, true, false};

}  // namespace

bool arrive(uint8_t* packet, size_t length, Arrival& out) noexcept {
  IpHeaders ip;
  if (!readIp(packet, length, ip) || ip.fragment) return false;
  const auto protocol = static_cast<Protocol>(ip.protocol);
  if (protocol != Protocol::esp && protocol != Protocol::ah) return false;
  out = {packet + ip.at, ip.length - ip.at, protocol, ip.at, ip.protocolAt, ip.at};
  return true;
}

namespace {

/// What of an ESP packet is ciphertext; 0: it is no such packet. RFC 4303 §2
size_t cipherBytesOf(const Shape& shape, size_t length) noexcept {
  const size_t around = kHeaderBytes + shape.ivBytes + shape.icvBytes;
  const size_t bytes = length < around ? 0 : length - around;
  return bytes < 2 || bytes % shape.blockBytes != 0 ? 0 : bytes;
}

/// Whether an AH that was looked at already has room for the ICV. RFC 4302 §2.2
bool hasIcv(const Shape& shape, const Arrival& arrival) noexcept {
  return ahBytesOf(arrival.packet) >= kAhFixedBytes + shape.ivBytes + shape.icvBytes &&
         arrival.aheadBytes <= kMostAheadBytes;
}

}  // namespace

InboundSa* Opener::begin(const Plan& plan, const Arrival& arrival, Counter& strays, Opening& out) noexcept {
  uint8_t* const packet = arrival.packet;
  const size_t length = arrival.length;
  const bool ah = arrival.protocol == Protocol::ah;
  const bool readable = ah ? length >= kAhFixedBytes && ahBytesOf(packet) >= kAhFixedBytes && ahBytesOf(packet) <= length
                           : length >= kHeaderBytes;
  // AH has four octets of its own first. RFC 4302 §2
  const uint8_t* const spi = packet + (ah ? 4 : 0);
  InboundSa* sa = readable ? plan.inbound(load32(spi)) : nullptr;
  if (sa == nullptr || sa->use.protocol != arrival.protocol) {
    strays.add(1);
    return nullptr;
  }
  const Shape& shape = sa->transform->shape;
  const size_t bytes = ah ? length - ahBytesOf(packet) : cipherBytesOf(shape, length);
  if (ah ? !hasIcv(shape, arrival) : bytes == 0) {
    sa->malformed.add(1);
    return nullptr;
  }
  const uint32_t low = load32(spi + 4);
  uint64_t sequence = low;
  if ((sa->transform->esn && !sa->window.infer(low, sequence)) || !sa->window.check(sequence)) {
    sa->replayed.add(1);
    return nullptr;
  }
  out = {packet, bytes, sequence, false, arrival.aheadBytes};
  return sa;
}

Opened Opener::end(const Arrival& arrival, const Opening& job, uint64_t nowMs) noexcept {
  InboundSa& sa = *sa_;
  if (!job.fits) {
    sa.failedIcv.add(1);
    return kDropped;
  }
  // The one before it in the batch may have been its copy.
  if (!sa.window.check(job.sequence)) {
    sa.replayed.add(1);
    return kDropped;
  }
  sa.window.accept(job.sequence);
  sa.lastAtMs.set(nowMs);
  if (arrival.protocol == Protocol::ah) {
    return unwrap(arrival, job.packet + ahBytesOf(job.packet), job.cipherBytes, job.packet[0], job.sequence, nowMs);
  }
  uint8_t* plain = job.packet + kHeaderBytes + sa.transform->shape.ivBytes;
  size_t bytes;
  uint8_t nextHeader;
  if (!readTrailer(plain, job.cipherBytes, bytes, nextHeader)) {
    sa.malformed.add(1);
    return kUseless;
  }
  if (nextHeader == kNone) return kUseless;  // a dummy packet, RFC 4303 §2.6
  return unwrap(arrival, plain, bytes, nextHeader, job.sequence, nowMs);
}

/// What an authentic packet carries.
Opened Opener::unwrap(const Arrival& arrival, uint8_t* payload, size_t bytes, uint8_t nextHeader, uint64_t sequence,
                      uint64_t nowMs) noexcept {
  if (!sa_->use.transport) {
    const uint8_t version = nextHeader == kIpv4 ? 4 : nextHeader == kIpv6 ? 6 : 0;
    return deliver(payload, bytes, version, sequence, nowMs);
  }
  uint8_t* packet = putHeadersBack(arrival, payload, bytes, nextHeader);
  if (packet == nullptr) {
    sa_->malformed.add(1);
    return kUseless;
  }
  return deliver(packet, static_cast<size_t>(payload - packet) + bytes, packet[0] >> 4, sequence, nowMs);
}

/// In transport mode a packet's own headers go in front of what they were in front of; where they did not come along, some
/// that may have been it. nullptr: there are none. RFC 4303 §3.4.4.2, RFC 3948 §3.2
uint8_t* Opener::putHeadersBack(const Arrival& arrival, uint8_t* payload, size_t bytes, uint8_t protocol) noexcept {
  const size_t ahead = arrival.aheadBytes;
  if (ahead > 0) {
    uint8_t* packet = payload - ahead;
    memmove(packet, arrival.packet - ahead, ahead);
    packet[arrival.protocolAt] = protocol;
    settle(packet, ahead + bytes);
    return packet;
  }
  if (path_ == nullptr || !path_->knowsEnds()) return nullptr;
  const size_t wanted = path_->headerBytes();
  if (wanted > arrival.room + static_cast<size_t>(payload - arrival.packet)) return nullptr;
  uint8_t* packet = payload - wanted;
  path_->writeReceived(packet, bytes, protocol);
  repairChecksum(packet, wanted + bytes);
  return packet;
}

/// `version`: what the packet was said to be.
Opened Opener::deliver(uint8_t* packet, size_t length, uint8_t version, uint64_t sequence, uint64_t nowMs) noexcept {
  InboundSa& sa = *sa_;
  InnerPacket inner;
  if (!parseInner(packet, length, inner) || inner.version != version) {
    sa.malformed.add(1);
    return kUseless;
  }
  if (!coversInbound(sa.selectors, inner)) {
    sa.selectorMismatch.add(1);
    return kUseless;
  }
  const bool news = sa.count(inner.length, sequence, nowMs);
  // Whatever follows the inner packet hides its length from onlookers. RFC 4303 §2.7
  return {packet, inner.length, true, news};
}

}  // namespace culvert::esp
