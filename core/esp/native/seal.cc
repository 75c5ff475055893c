#include "seal.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "ah.h"
#include "octets.h"

namespace culvert::esp {

bool IvSource::draw(uint8_t* out, size_t length) noexcept {
  if (left_ < length) {
    if (RAND_bytes(pool_, kPool) <= 0) return false;
    left_ = kPool;
  }
  left_ -= length;
  memcpy(out, pool_ + left_, length);
  return true;
}

OutboundSa* findOutbound(const Plan& plan, const InnerPacket& inner) noexcept {
  for (const auto& sa : plan.outbound) {
    if (coversOutbound(sa->selectors, inner)) return sa.get();
  }
  return nullptr;
}

namespace {

/// Padding 1, 2, 3 …, its length and Next Header; returns the octets of all plaintext. RFC 4303 §2.4
size_t writeTrailer(uint8_t* end, size_t payloadBytes, size_t blockBytes, uint8_t nextHeader) noexcept {
  const size_t unit = std::max<size_t>(4, blockBytes);
  const size_t plainBytes = (payloadBytes + 2 + unit - 1) / unit * unit;
  const size_t padBytes = plainBytes - payloadBytes - 2;
  for (size_t i = 0; i < padBytes; i++) end[i] = static_cast<uint8_t>(i + 1);
  end[padBytes] = static_cast<uint8_t>(padBytes);
  end[padBytes + 1] = nextHeader;
  return plainBytes;
}

/// A counter mode's IV is the sequence number, which cannot repeat. RFC 4106 §3.1, RFC 3602 §3
bool writeIv(const Shape& shape, uint64_t sequence, IvSource& ivs, uint8_t* iv) noexcept {
  if (shape.ivBytes == 0) return true;
  if (shape.unpredictableIv) return ivs.draw(iv, shape.ivBytes);
  store64(iv, sequence);
  return true;
}

/// Number, SPI and IV of the next packet; false when there is none.
bool begin(OutboundSa& sa, IvSource& ivs, uint8_t* out, uint64_t& sequence, bool& news) noexcept {
  if (!sa.next(sequence, news)) return false;
  store32(out, sa.spi);
  store32(out + 4, static_cast<uint32_t>(sequence));
  return writeIv(sa.transform->shape, sequence, ivs, out + kHeaderBytes);
}

}  // namespace

Sealed Sealer::sealNow(OutboundSa& sa, const Payload& payload, uint64_t nowMs, uint8_t* out) noexcept {
  uint64_t sequence;
  bool news = false;
  if (!begin(sa, ivs_, out, sequence, news)) return {0, news};
  const Shape& shape = sa.transform->shape;
  uint8_t* end = payload.at + payload.bytes;
  uint8_t saved[kMaxTrailerBytes];
  memcpy(saved, end, sizeof saved);
  const size_t plainBytes = writeTrailer(end, payload.bytes, shape.blockBytes, payload.nextHeader);
  Sealing job{out, payload.at, plainBytes, sequence, false};
  sa.transform->seal(&job, 1);
  memcpy(end, saved, sizeof saved);
  if (!job.done) {
    failed_.add(1);
    return {0, false};
  }
  news = sa.count(payload.counted, sequence, nowMs);
  return {kHeaderBytes + shape.ivBytes + plainBytes + shape.icvBytes, news};
}

Sealed Sealer::add(OutboundSa& sa, const Payload& payload, uint64_t nowMs, uint8_t* out) noexcept {
  if (sa_ != &sa) finish();
  if (sa.transform->batch == 1) return sealNow(sa, payload, nowMs, out);
  uint64_t sequence;
  bool news = false;
  if (!begin(sa, ivs_, out, sequence, news)) return {0, news};
  const Shape& shape = sa.transform->shape;
  uint8_t* body = out + kHeaderBytes + shape.ivBytes;
  memcpy(body, payload.at, payload.bytes);
  const size_t plainBytes = writeTrailer(body + payload.bytes, payload.bytes, shape.blockBytes, payload.nextHeader);
  sa_ = &sa;
  waiting_[count_++] = {out, body, plainBytes, sequence, false};
  if (count_ == sa.transform->batch) finish();
  news = sa.count(payload.counted, sequence, nowMs);
  return {kHeaderBytes + shape.ivBytes + plainBytes + shape.icvBytes, news};
}

Sealed Sealer::addAh(OutboundSa& sa, const Payload& payload, size_t ahBytes, size_t aheadBytes, uint64_t nowMs,
                     uint8_t* out) noexcept {
  if (sa_ != &sa) finish();
  uint64_t sequence;
  bool news = false;
  if (!sa.next(sequence, news)) return {0, news};
  memset(out, 0, ahBytes);
  out[0] = payload.nextHeader;
  out[1] = static_cast<uint8_t>(ahBytes / 4 - 2);
  store32(out + 4, sa.spi);
  store32(out + 8, static_cast<uint32_t>(sequence));
  memcpy(out + ahBytes, payload.at, payload.bytes);
  sa_ = &sa;
  waiting_[count_++] = {out, out + ahBytes, payload.bytes, sequence, false, aheadBytes};
  if (count_ == sa.transform->batch) finish();
  news = sa.count(payload.counted, sequence, nowMs);
  return {ahBytes + payload.bytes, news, sa.transform->esn ? size_t{4} : 0};
}

void Sealer::finish() noexcept {
  if (count_ > 0) sa_->transform->seal(waiting_, count_);
  for (size_t i = 0; i < count_; i++) {
    if (waiting_[i].done) continue;
    // It has its place among the others and must not leave as it is: an SPI nobody has, and nothing else.
    const Shape& shape = sa_->transform->shape;
    const size_t around = sa_->use.protocol == Protocol::ah ? ahBytesOf(waiting_[i].packet)
                                                            : kHeaderBytes + shape.ivBytes + shape.icvBytes;
    memset(waiting_[i].packet, 0xff, around + waiting_[i].plainBytes);
    failed_.add(1);
  }
  count_ = 0;
  sa_ = nullptr;
}

}  // namespace culvert::esp
