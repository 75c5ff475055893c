#include "protect.h"

#include <cstring>

#include "ah.h"
#include "octets.h"

namespace culvert::esp {

bool findFlow(const Plan& plan, const uint8_t* packet, size_t length, Flow& out) noexcept {
  if (!parseInner(packet, length, out.inner)) return false;
  out.sa = findOutbound(plan, out.inner);
  if (out.sa == nullptr) return false;
  const Path* path = plan.path.get();
  const bool whole = path != nullptr && path->whole();
  const Use& use = out.sa->use;
  // AH is over the headers too: it has to see them. RFC 4302 §3.3.3
  if (whole ? path->protocol != use.protocol : use.protocol == Protocol::ah) return false;
  if (!use.transport) return true;
  if (!readIp(packet, out.inner.length, out.headers) || out.headers.fragment) return false;
  // What cannot be protected must not cost a number.
  return use.protocol == Protocol::esp || canCover(packet, out.headers.at);
}

namespace {

/// The packet's own headers in front of `bytes` of IPsec.
void writeOwn(const Flow& flow, Path& path, const uint8_t* packet, size_t bytes, uint8_t* out) noexcept {
  const IpHeaders& own = flow.headers;
  memcpy(out, packet, own.at);
  out[own.protocolAt] = static_cast<uint8_t>(flow.sa->use.protocol);
  // What may be in fragments has a number, or the kernel gives it one behind the back of the ICV. raw(7)
  const bool numberless = own.version == 4 && load16(out + 4) == 0 && (out[6] & 0x40) == 0;
  if (numberless && flow.sa->use.protocol == Protocol::ah) store16(out + 4, path.nextIdentification());
  settle(out, own.at + bytes);
}

}  // namespace

Sealed protect(Sealer& sealer, const Flow& flow, Path* path, uint8_t* packet, uint64_t nowMs, uint8_t* out) noexcept {
  const Use& use = flow.sa->use;
  const bool whole = path != nullptr && path->whole();
  const IpHeaders& own = flow.headers;
  const size_t ahead = !whole ? 0 : use.transport ? own.at : path->headerBytes();
  const Payload payload = use.transport
                              ? Payload{packet + own.at, flow.inner.length - own.at, own.protocol, flow.inner.length}
                              : Payload::packet(packet, flow.inner);
  const auto writeHeaders = [&](size_t bytes) {
    if (use.transport) writeOwn(flow, *path, packet, bytes, out);
    else path->writeOuter(out, bytes, trafficClassOf(packet));
  };
  Sealed sealed;
  if (use.protocol == Protocol::ah) {
    const bool v4 = use.transport ? own.version == 4 : path->headerBytes() == 20;
    const size_t ahBytes = ahBytesFor(flow.sa->transform->shape, use.boundary != 0 ? use.boundary : v4 ? 4 : 8);
    // They are covered, and so have to stand there first.
    writeHeaders(ahBytes + payload.bytes);
    sealed = sealer.addAh(*flow.sa, payload, ahBytes, ahead, nowMs, out + ahead);
  } else {
    sealed = sealer.add(*flow.sa, payload, nowMs, out + ahead);
    if (whole && sealed.length > 0) writeHeaders(sealed.length);
  }
  if (sealed.length > 0) sealed.length += ahead;
  return sealed;
}

}  // namespace culvert::esp
