// Unpacks arguments and packs results; `Engine` does the work.
#include <atomic>
#include <cstring>
#include <memory>

#include "engine.h"
#include "esp_addon.h"
#include "ipsec_mb.h"
#include "napi.h"
#include "octets.h"

namespace culvert::esp {
namespace {

/// What lives on the JavaScript side. Shared by the object, the notifier and the environment's end.
struct Session {
  std::unique_ptr<Engine> engine;
  napi_threadsafe_function notify = nullptr;
  napi_ref onIke = nullptr;
  napi_ref onError = nullptr;
  napi_ref onLimit = nullptr;
  /// A notification is on its way: more would say nothing new.
  std::atomic<bool> notified{false};
};
using Shared = std::shared_ptr<Session>;

void shutDown(const Shared& session) {
  if (!session->engine) return;
  session->engine.reset();
  napi_release_threadsafe_function(session->notify, napi_tsfn_abort);
}

void atExit(void* data) { shutDown(*static_cast<Shared*>(data)); }

void onGone(napi_env env, void* data, void*) {
  auto* session = static_cast<Shared*>(data);
  napi_remove_env_cleanup_hook(env, atExit, data);
  for (const napi_ref reference : {(*session)->onIke, (*session)->onError, (*session)->onLimit}) {
    napi_delete_reference(env, reference);
  }
  delete session;
}

const char* nameOf(uint8_t limit) {
  switch (limit) {
    case kSoftBytes:
      return "bytes";
    case kSoftPackets:
      return "packets";
    case kSoftSequence:
      return "sequence";
    default:
      return "end";
  }
}

void tellError(napi_env env, const Shared& session, const char* where, int number) {
  if (number == 0) return;
  const napi_value values[2] = {fromText(env, where), fromText(env, number < 0 ? "EOF" : errorCode(number))};
  callBack(env, session->onError, 2, values);
}

/// Whatever is called back may close the engine.
void tellAll(napi_env env, const Shared& session) {
  std::vector<uint8_t> message;
  uint32_t path = 0;
  while (session->engine && session->engine->takeIke(path, message)) {
    const napi_value values[2] = {fromBytes(env, message.data(), message.size()), fromInt(env, path)};
    callBack(env, session->onIke, 2, values);
  }
  if (!session->engine) return;
  for (const Engine::Reached& reached : session->engine->takeReached()) {
    const napi_value values[2] = {fromInt(env, reached.spi), fromText(env, nameOf(reached.limit))};
    if (session->engine) callBack(env, session->onLimit, 2, values);
  }
  if (session->engine) tellError(env, session, "send", session->engine->takeSendError());
  if (session->engine) tellError(env, session, "path", session->engine->takePathError());
  if (session->engine) tellError(env, session, "tun", session->engine->takeTunError());
  if (session->engine) session->engine->sweep();
}

void onNotify(napi_env env, napi_value, void* context, void*) {
  if (env == nullptr) return;
  const Shared session = *static_cast<Shared*>(context);
  // An exchange, not a store: what was pushed before a notification we swallow here must be seen below.
  session->notified.exchange(false);
  try {
    tellAll(env, session);
  } catch (const Pending&) {
    napi_value exception;
    if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
  }
}

Session& sessionOf(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  check(env, napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data));
  return **static_cast<Shared*>(data);
}

Engine& engineOf(napi_env env, napi_callback_info info) {
  Session& session = sessionOf(env, info);
  if (!session.engine) throw std::runtime_error("this datapath is closed");
  return *session.engine;
}

uint32_t toUint(napi_env env, napi_value value) {
  uint32_t number = 0;
  check(env, napi_get_value_uint32(env, value, &number));
  return number;
}

uint64_t toUint64(napi_env env, napi_value value) {
  uint64_t number = 0;
  bool lossless = false;
  check(env, napi_get_value_bigint_uint64(env, value, &number, &lossless));
  if (!lossless) throw std::runtime_error("a number of 64 bits wanted");
  return number;
}

/// One selector: version, protocol, ports (2 × 2 octets), addresses (2 × 16 octets).
constexpr size_t kSelectorBytes = 38;

std::vector<Selector> toSelectors(View octets) {
  if (octets.length % kSelectorBytes != 0) throw std::runtime_error("not whole selectors");
  std::vector<Selector> list;
  for (const uint8_t* at = octets.data; at < octets.data + octets.length; at += kSelectorBytes) {
    Selector one{at[0], at[1], load16(at + 2), load16(at + 4), {}, {}};
    memcpy(one.start, at + 6, 16);
    memcpy(one.end, at + 22, 16);
    list.push_back(one);
  }
  return list;
}

/// (encryption, keyBits, key, integrity, integrityKey, esn)
Algorithms toAlgorithms(napi_env env, const napi_value* a) {
  const View key = toView(env, a[2]);
  const View integrityKey = toView(env, a[4]);
  return {toInt(env, a[0]),  toUint(env, a[1]),   key.data,           key.length,
          toInt(env, a[3]), integrityKey.data, integrityKey.length, toBool(env, a[5])};
}

/// (transport, boundary)
Use toUse(napi_env env, const Algorithms& algorithms, const napi_value* a) {
  Use use;
  if (algorithms.encryption == 0) use.protocol = Protocol::ah;
  use.transport = toBool(env, a[0]);
  const uint32_t boundary = toUint(env, a[1]);
  if (boundary != 0 && boundary != 4 && boundary != 8) throw std::runtime_error("a boundary of 4 or 8 wanted");
  use.boundary = static_cast<uint8_t>(boundary);
  return use;
}

/// (spi, …algorithms, local, remote, …use)
napi_value jsAddInbound(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 11);
  const Algorithms algorithms = toAlgorithms(env, &a[1]);
  engineOf(env, info).addInbound(toUint(env, a[0]), algorithms,
                                 {toSelectors(toView(env, a[7])), toSelectors(toView(env, a[8]))},
                                 toUse(env, algorithms, &a[9]));
  return undefined(env);
}

/// (child, spi, …algorithms, local, remote, …use)
napi_value jsUseOutbound(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 12);
  const Algorithms algorithms = toAlgorithms(env, &a[2]);
  engineOf(env, info).useOutbound(toText(env, a[0]), toUint(env, a[1]), algorithms,
                                  {toSelectors(toView(env, a[8])), toSelectors(toView(env, a[9]))},
                                  toUse(env, algorithms, &a[10]));
  return undefined(env);
}

napi_value jsRemoveInbound(napi_env env, napi_callback_info info) {
  engineOf(env, info).removeInbound(toUint(env, arguments(env, info, 1)[0]));
  return undefined(env);
}

napi_value jsRemoveOutbound(napi_env env, napi_callback_info info) {
  engineOf(env, info).removeOutbound(toUint(env, arguments(env, info, 1)[0]));
  return undefined(env);
}

napi_value fromCounter(napi_env env, uint64_t number) { return fromInt(env, static_cast<int64_t>(number)); }

napi_value usedOf(napi_env env, const EspSa& sa) {
  napi_value object;
  check(env, napi_create_object(env, &object));
  set(env, object, "bytes", fromCounter(env, sa.bytes.get()));
  set(env, object, "packets", fromCounter(env, sa.packets.get()));
  const uint64_t last = sa.lastAtMs.get();
  set(env, object, "backend", fromText(env, sa.transform->backend));
  set(env, object, "idleMs", last == 0 ? undefined(env) : fromCounter(env, steadyMs() - last));
  return object;
}

napi_value jsInbound(napi_env env, napi_callback_info info) {
  const InboundSa* sa = engineOf(env, info).inbound(toUint(env, arguments(env, info, 1)[0]));
  if (sa == nullptr) return undefined(env);
  const napi_value object = usedOf(env, *sa);
  set(env, object, "replayed", fromCounter(env, sa->replayed.get()));
  set(env, object, "failedIcv", fromCounter(env, sa->failedIcv.get()));
  set(env, object, "malformed", fromCounter(env, sa->malformed.get()));
  set(env, object, "selectorMismatch", fromCounter(env, sa->selectorMismatch.get()));
  return object;
}

napi_value jsOutbound(napi_env env, napi_callback_info info) {
  const OutboundSa* sa = engineOf(env, info).outbound(toUint(env, arguments(env, info, 1)[0]));
  if (sa == nullptr) return undefined(env);
  const napi_value object = usedOf(env, *sa);
  napi_value sequence;
  check(env, napi_create_bigint_uint64(env, sa->sequence(), &sequence));
  set(env, object, "sequence", sequence);
  return object;
}

napi_value jsTotals(napi_env env, napi_callback_info info) {
  Engine& engine = engineOf(env, info);
  engine.sweep();
  const Totals& totals = engine.totals();
  napi_value object;
  check(env, napi_create_object(env, &object));
  set(env, object, "noSa", fromCounter(env, totals.noSa.get()));
  set(env, object, "noSelector", fromCounter(env, totals.noSelector.get()));
  set(env, object, "sent", fromCounter(env, totals.sent.get()));
  set(env, object, "authentic", fromCounter(env, totals.authentic.get()));
  set(env, object, "unsent", fromCounter(env, totals.unsent.get()));
  set(env, object, "undelivered", fromCounter(env, totals.undelivered.get()));
  set(env, object, "ikeDropped", fromCounter(env, totals.ikeDropped.get()));
  return object;
}

napi_value fromBool(napi_env env, bool flag) {
  napi_value value;
  check(env, napi_get_boolean(env, flag, &value));
  return value;
}

napi_value jsOffloads(napi_env env, napi_callback_info info) {
  const Engine::Offloads offloads = engineOf(env, info).offloads();
  napi_value object;
  check(env, napi_create_object(env, &object));
  set(env, object, "tcp4", fromBool(env, offloads.device.tcp4));
  set(env, object, "tcp6", fromBool(env, offloads.device.tcp6));
  set(env, object, "udp", fromBool(env, offloads.device.udp));
  set(env, object, "largestSegment", fromInt(env, static_cast<int64_t>(offloads.largestSegment)));
  set(env, object, "gathers", fromBool(env, offloads.gathers));
  return object;
}

napi_value jsAttachTun(napi_env env, napi_callback_info info) {
  engineOf(env, info).attachTun(toInt(env, arguments(env, info, 1)[0]));
  return undefined(env);
}

Ends toEnds(napi_env env, const napi_value* a) {
  const View source = toView(env, a[0]);
  const View destination = toView(env, a[1]);
  const size_t bytes = source.length;
  if (bytes != destination.length || (bytes != 0 && bytes != 4 && bytes != 16)) {
    throw std::runtime_error("two addresses of one family wanted");
  }
  Ends ends{{}, {}, source.length};
  memcpy(ends.source, source.data, source.length);
  memcpy(ends.destination, destination.data, destination.length);
  return ends;
}

/// (id, fd, marked, source, destination, separately)
napi_value jsUsePath(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 6);
  PathOptions options{toBool(env, a[2]) ? Carries::espInUdp : Carries::ike};
  options.ends = toEnds(env, &a[3]);
  options.separately = toBool(env, a[5]);
  engineOf(env, info).usePath(toUint(env, a[0]), toInt(env, a[1]), options);
  return undefined(env);
}

/// (id, fd, protocol, source, destination)
napi_value jsUseRawPath(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 5);
  PathOptions options{Carries::ip};
  const uint32_t protocol = toUint(env, a[2]);
  if (protocol != static_cast<uint8_t>(Protocol::esp) && protocol != static_cast<uint8_t>(Protocol::ah)) {
    throw std::runtime_error("protocol 50 or 51 wanted");
  }
  options.protocol = static_cast<Protocol>(protocol);
  options.ends = toEnds(env, &a[3]);
  if (options.ends.addressBytes == 0) throw std::runtime_error("addresses wanted");
  engineOf(env, info).usePath(toUint(env, a[0]), toInt(env, a[1]), options);
  return undefined(env);
}

napi_value jsSendIke(napi_env env, napi_callback_info info) {
  const View message = toView(env, arguments(env, info, 1)[0]);
  return fromBool(env, engineOf(env, info).sendIke(message.data, message.length));
}

napi_value jsSendKeepalive(napi_env env, napi_callback_info info) {
  return fromBool(env, engineOf(env, info).sendKeepalive());
}

/// One packet by hand; limits it reached are told before this returns.
template <bool (Engine::*work)(const uint8_t*, size_t, std::vector<uint8_t>&)>
napi_value jsByHand(napi_env env, napi_callback_info info) {
  const View packet = toView(env, arguments(env, info, 1)[0]);
  Engine& engine = engineOf(env, info);
  std::vector<uint8_t> out;
  const bool came = (engine.*work)(packet.data, packet.length, out);
  const napi_value value = came ? fromBytes(env, out.data(), out.size()) : undefined(env);
  void* data = nullptr;
  check(env, napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data));
  const Shared session = *static_cast<Shared*>(data);
  tellAll(env, session);
  return value;
}

napi_value jsClose(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  check(env, napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data));
  shutDown(*static_cast<Shared*>(data));
  return undefined(env);
}

/// Every function holds the session itself: it may outlive the object it was taken from.
template <Body body>
void method(napi_env env, napi_value object, const char* name, const Shared& session) {
  auto* owned = new Shared(session);
  napi_value function;
  check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, guarded<body>, owned, &function));
  check(env, napi_add_finalizer(
                 env, function, owned, [](napi_env, void* data, void*) { delete static_cast<Shared*>(data); }, nullptr,
                 nullptr));
  set(env, object, name, function);
}

/// (softBytes, softPackets, softSequence, hardSequence, replayWindow, libcryptoOnly, onIke, onError, onLimit)
napi_value jsOpenEsp(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 9);
  const Limits limits{toUint64(env, a[0]), toUint64(env, a[1]), toUint64(env, a[2]), toUint64(env, a[3]),
                      toUint(env, a[4])};
  const Shared session = std::make_shared<Session>();
  Session* bare = session.get();  // the engine's threads end before the session does
  const Backend backend = toBool(env, a[5]) ? Backend::libcrypto : Backend::fastest;
  session->engine = std::make_unique<Engine>(limits, backend, [bare] {
    if (!bare->notified.exchange(true)) {
      napi_call_threadsafe_function(bare->notify, nullptr, napi_tsfn_nonblocking);
    }
  });
  check(env, napi_create_reference(env, a[6], 1, &session->onIke));
  check(env, napi_create_reference(env, a[7], 1, &session->onError));
  check(env, napi_create_reference(env, a[8], 1, &session->onLimit));
  auto* held = new Shared(session);
  check(env, napi_create_threadsafe_function(env, nullptr, nullptr, fromText(env, "culvert datapath"), 0, 1, held,
                                             onGone, held, onNotify, &session->notify));
  // Added after the notifier, so that it runs before the notifier's own end.
  check(env, napi_add_env_cleanup_hook(env, atExit, held));

  napi_value object;
  check(env, napi_create_object(env, &object));
  method<jsAddInbound>(env, object, "addInbound", session);
  method<jsUseOutbound>(env, object, "useOutbound", session);
  method<jsRemoveInbound>(env, object, "removeInbound", session);
  method<jsRemoveOutbound>(env, object, "removeOutbound", session);
  method<jsInbound>(env, object, "inbound", session);
  method<jsOutbound>(env, object, "outbound", session);
  method<jsTotals>(env, object, "totals", session);
  method<jsOffloads>(env, object, "offloads", session);
  method<jsAttachTun>(env, object, "attachTun", session);
  method<jsUsePath>(env, object, "usePath", session);
  method<jsUseRawPath>(env, object, "useRawPath", session);
  method<jsSendIke>(env, object, "sendIke", session);
  method<jsSendKeepalive>(env, object, "sendKeepalive", session);
  method<jsByHand<&Engine::fromTun>>(env, object, "fromTun", session);
  method<jsByHand<&Engine::fromNetwork>>(env, object, "fromNetwork", session);
  method<jsClose>(env, object, "close", session);
  return object;
}

}  // namespace

void addTo(napi_env env, napi_value exports) {
  define<jsOpenEsp>(env, exports, "openEsp");
  set(env, exports, "ipsecMbVersion", fromText(env, ipsecMbVersion()));
}

}  // namespace culvert::esp
