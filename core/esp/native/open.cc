#include "open.h"

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

/// What stands inside an authentic packet.
Opened deliver(InboundSa& sa, uint8_t* plain, size_t plainBytes, uint64_t sequence, uint64_t nowMs) noexcept {
  const Opened useless{nullptr, 0, true, false};
  size_t payloadBytes;
  uint8_t nextHeader;
  if (!readTrailer(plain, plainBytes, payloadBytes, nextHeader)) {
    sa.malformed.add(1);
    return useless;
  }
  if (nextHeader == kNone) return useless;  // a dummy packet, RFC 4303 §2.6
  InnerPacket inner;
  const bool parsed = parseInner(plain, payloadBytes, inner);
  const int version = nextHeader == kIpv4 ? 4 : nextHeader == kIpv6 ? 6 : 0;
  if (!parsed || inner.version != version) {
    sa.malformed.add(1);
    return useless;
  }
  if (!coversInbound(sa.selectors, inner)) {
    sa.selectorMismatch.add(1);
    return useless;
  }
  const bool news = sa.count(inner.length, sequence, nowMs);
  // Whatever follows the inner packet hides its length from onlookers. RFC 4303 §2.7
  return {plain, inner.length, true, news};
}

}  // namespace

InboundSa* Opener::begin(const Plan& plan, uint8_t* packet, size_t length, Counter& strays, Opening& out) noexcept {
  InboundSa* sa = length < kHeaderBytes ? nullptr : plan.inbound(load32(packet));
  if (sa == nullptr) {
    strays.add(1);
    return nullptr;
  }
  const Shape& shape = sa->transform->shape;
  const size_t around = kHeaderBytes + shape.ivBytes + shape.icvBytes;
  const size_t cipherBytes = length < around ? 0 : length - around;
  if (cipherBytes < 2 || cipherBytes % shape.blockBytes != 0) {
    sa->malformed.add(1);
    return nullptr;
  }
  const uint32_t low = load32(packet + 4);
  uint64_t sequence = low;
  if ((sa->transform->esn && !sa->window.infer(low, sequence)) || !sa->window.check(sequence)) {
    sa->replayed.add(1);
    return nullptr;
  }
  out = {packet, cipherBytes, sequence, false};
  return sa;
}

Opened Opener::end(InboundSa& sa, const Opening& job, uint64_t nowMs) noexcept {
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
  return deliver(sa, job.packet + kHeaderBytes + sa.transform->shape.ivBytes, job.cipherBytes, job.sequence, nowMs);
}

Opened open(const Plan& plan, uint8_t* packet, size_t length, Counter& strays, uint64_t nowMs) noexcept {
  Opening job;
  InboundSa* sa = Opener::begin(plan, packet, length, strays, job);
  if (sa == nullptr) return kDropped;
  sa->transform->open(&job, 1);
  return Opener::end(*sa, job, nowMs);
}

}  // namespace culvert::esp
