#include "protect.h"

#include <cstring>

namespace culvert::esp {

bool findFlow(const Plan& plan, const uint8_t* packet, size_t length, Flow& out) noexcept {
  if (!parseInner(packet, length, out.inner)) return false;
  out.sa = findOutbound(plan, out.inner);
  if (out.sa == nullptr) return false;
  const Path* path = plan.path.get();
  if (path != nullptr && path->whole() && path->protocol != out.sa->use.protocol) return false;
  if (!out.sa->use.transport) return true;
  return readIp(packet, out.inner.length, out.headers) && !out.headers.fragment;
}

Sealed protect(Sealer& sealer, const Flow& flow, Path* path, uint8_t* packet, uint64_t nowMs, uint8_t* out) noexcept {
  const bool transport = flow.sa->use.transport;
  const bool whole = path != nullptr && path->whole();
  const IpHeaders& own = flow.headers;
  const size_t ahead = !whole ? 0 : transport ? own.at : path->headerBytes();
  const Payload payload = transport
                              ? Payload{packet + own.at, flow.inner.length - own.at, own.protocol, flow.inner.length}
                              : Payload::packet(packet, flow.inner);
  Sealed sealed = sealer.add(*flow.sa, payload, nowMs, out + ahead);
  if (sealed.length == 0 || !whole) return sealed;
  if (transport) {
    memcpy(out, packet, ahead);
    out[own.protocolAt] = static_cast<uint8_t>(flow.sa->use.protocol);
    settle(out, ahead + sealed.length);
  } else {
    path->writeOuter(out, sealed.length, trafficClassOf(packet));
  }
  sealed.length += ahead;
  return sealed;
}

}  // namespace culvert::esp
