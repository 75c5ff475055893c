// Unpacks arguments and packs results; the work is done in the other files. The shape is core/native/addon.ts.
#include <openssl/crypto.h>

#include <cstring>

#include "crypto.h"
#include "descriptors.h"
#include "esp_addon.h"

namespace culvert {

void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) {
    const napi_extended_error_info* info = nullptr;
    napi_get_last_error_info(env, &info);
    napi_throw_type_error(env, nullptr, info && info->error_message ? info->error_message : "wrong argument");
  }
  throw Pending{};
}

std::vector<napi_value> arguments(napi_env env, napi_callback_info info, size_t count) {
  std::vector<napi_value> values(count);
  size_t given = count;
  check(env, napi_get_cb_info(env, info, &given, values.data(), nullptr, nullptr));
  return values;
}

View toView(napi_env env, napi_value value) {
  bool typed = false;
  check(env, napi_is_typedarray(env, value, &typed));
  if (!typed) throw std::runtime_error("octets wanted");
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  check(env, napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr));
  if (type != napi_uint8_array) throw std::runtime_error("octets wanted");
  return {static_cast<const uint8_t*>(data), length};
}

int32_t toInt(napi_env env, napi_value value) {
  int32_t number = 0;
  check(env, napi_get_value_int32(env, value, &number));
  return number;
}

bool toBool(napi_env env, napi_value value) {
  bool flag = false;
  check(env, napi_get_value_bool(env, value, &flag));
  return flag;
}

std::string toText(napi_env env, napi_value value) {
  char text[128];
  size_t length = 0;
  check(env, napi_get_value_string_utf8(env, value, text, sizeof text, &length));
  return {text, length};
}

std::vector<int> toInts(napi_env env, napi_value value) {
  uint32_t length = 0;
  check(env, napi_get_array_length(env, value, &length));
  std::vector<int> numbers;
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    check(env, napi_get_element(env, value, i, &element));
    numbers.push_back(toInt(env, element));
  }
  return numbers;
}

napi_value fromBytes(napi_env env, const uint8_t* data, size_t length) {
  void* memory = nullptr;
  napi_value buffer;
  napi_value view;
  check(env, napi_create_arraybuffer(env, length, &memory, &buffer));
  if (length > 0) memcpy(memory, data, length);
  check(env, napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &view));
  return view;
}

napi_value fromText(napi_env env, const std::string& text) {
  napi_value value;
  check(env, napi_create_string_utf8(env, text.data(), text.size(), &value));
  return value;
}

napi_value fromInt(napi_env env, int64_t number) {
  napi_value value;
  check(env, napi_create_int64(env, number, &value));
  return value;
}

napi_value undefined(napi_env env) {
  napi_value value;
  check(env, napi_get_undefined(env, &value));
  return value;
}

void set(napi_env env, napi_value object, const char* name, napi_value value) {
  check(env, napi_set_named_property(env, object, name, value));
}

std::string errorCode(int number) {
  const char* name = strerrorname_np(number);
  return name ? name : "E" + std::to_string(number);
}

napi_value throwSystem(napi_env env, const SystemError& fault) {
  const std::string code = errorCode(fault.number);
  napi_throw_error(env, code.c_str(), (code + ": " + strerror(fault.number) + ", " + fault.call).c_str());
  return nullptr;
}

void callBack(napi_env env, napi_ref reference, size_t count, const napi_value* values) {
  napi_value function;
  check(env, napi_get_reference_value(env, reference, &function));
  const napi_status status = napi_call_function(env, undefined(env), function, count, values, nullptr);
  if (status != napi_pending_exception) return;
  napi_value exception;
  napi_get_and_clear_last_exception(env, &exception);
  napi_fatal_exception(env, exception);
}

namespace {

/// Gives `secret` to JavaScript and wipes our copy.
napi_value give(napi_env env, Bytes&& secret) {
  napi_value value = fromBytes(env, secret.data(), secret.size());
  OPENSSL_cleanse(secret.data(), secret.size());
  return value;
}

napi_value jsAeadSeal(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 6);
  return give(env, aeadSeal(toText(env, a[0]), toView(env, a[1]), toView(env, a[2]), toView(env, a[3]),
                            toView(env, a[4]), toInt(env, a[5])));
}

napi_value jsAeadOpen(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 6);
  Bytes out;
  const bool fits = aeadOpen(toText(env, a[0]), toView(env, a[1]), toView(env, a[2]), toView(env, a[3]),
                             toView(env, a[4]), toInt(env, a[5]), out);
  return fits ? give(env, std::move(out)) : undefined(env);
}

napi_value jsCipher(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 5);
  return give(env, cipher(toText(env, a[0]), toBool(env, a[1]), toView(env, a[2]), toView(env, a[3]),
                          toView(env, a[4])));
}

napi_value jsMd4(napi_env env, napi_callback_info info) {
  return give(env, md4(toView(env, arguments(env, info, 1)[0])));
}

napi_value jsRc4(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 2);
  return give(env, rc4(toView(env, a[0]), toView(env, a[1])));
}

napi_value jsSha1Compress(napi_env env, napi_callback_info info) {
  return give(env, sha1Compress(toView(env, arguments(env, info, 1)[0])));
}

napi_value jsModpPublic(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 2);
  return give(env, modpPublic(toInt(env, a[0]), toView(env, a[1])));
}

napi_value jsModpShared(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 3);
  Bytes out;
  return modpShared(toInt(env, a[0]), toView(env, a[1]), toView(env, a[2]), out) ? give(env, std::move(out))
                                                                                 : undefined(env);
}

napi_value jsEcPublic(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 2);
  return give(env, ecPublic(toText(env, a[0]), toView(env, a[1])));
}

napi_value jsEcShared(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 3);
  Bytes out;
  return ecShared(toText(env, a[0]), toView(env, a[1]), toView(env, a[2]), out) ? give(env, std::move(out))
                                                                                : undefined(env);
}

napi_value jsX448Public(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 1);
  return give(env, x448Public(toView(env, a[0])));
}

napi_value jsX448Shared(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 2);
  Bytes out;
  return x448Shared(toView(env, a[0]), toView(env, a[1]), out) ? give(env, std::move(out)) : undefined(env);
}

napi_value jsSocketpair(napi_env env, napi_callback_info) {
  int pair[2];
  socketPair(pair);
  napi_value list;
  check(env, napi_create_array_with_length(env, 2, &list));
  check(env, napi_set_element(env, list, 0, fromInt(env, pair[0])));
  check(env, napi_set_element(env, list, 1, fromInt(env, pair[1])));
  return list;
}

napi_value jsSendMessage(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 3);
  sendMessage(toInt(env, a[0]), toView(env, a[1]), toInts(env, a[2]));
  return undefined(env);
}

napi_value jsCloseFd(napi_env env, napi_callback_info info) {
  closeDescriptor(toInt(env, arguments(env, info, 1)[0]));
  return undefined(env);
}

napi_value jsBindUdp(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 2);
  return fromInt(env, bindUdp(toText(env, a[0]), toInt(env, a[1])));
}

napi_value jsWatchNetwork(napi_env env, napi_callback_info) { return fromInt(env, watchNetwork()); }

napi_value fromEndpoint(napi_env env, const Endpoint& endpoint) {
  napi_value object;
  check(env, napi_create_object(env, &object));
  set(env, object, "address", fromText(env, endpoint.address));
  set(env, object, "port", fromInt(env, endpoint.port));
  return object;
}

napi_value jsSocketNames(napi_env env, napi_callback_info info) {
  const int fd = toInt(env, arguments(env, info, 1)[0]);
  napi_value object;
  check(env, napi_create_object(env, &object));
  set(env, object, "local", fromEndpoint(env, socketName(fd, false)));
  set(env, object, "remote", fromEndpoint(env, socketName(fd, true)));
  return object;
}

napi_value jsWritePacket(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 2);
  napi_value sent;
  check(env, napi_get_boolean(env, writePacket(toInt(env, a[0]), toView(env, a[1])), &sent));
  return sent;
}

napi_value jsReadPackets(napi_env env, napi_callback_info info) {
  const auto a = arguments(env, info, 3);
  return readPackets(env, toInt(env, a[0]), a[1], a[2]);
}

napi_value init(napi_env env, napi_value exports) {
  // No configuration of this machine's OpenSSL, and no end-of-process handlers in a library that may be unloaded.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, nullptr);
  set(env, exports, "cryptoVersion", fromText(env, OpenSSL_version(OPENSSL_VERSION)));
  define<jsAeadSeal>(env, exports, "aeadSeal");
  define<jsAeadOpen>(env, exports, "aeadOpen");
  define<jsCipher>(env, exports, "cipher");
  define<jsMd4>(env, exports, "md4");
  define<jsRc4>(env, exports, "rc4");
  define<jsSha1Compress>(env, exports, "sha1Compress");
  define<jsModpPublic>(env, exports, "modpPublic");
  define<jsModpShared>(env, exports, "modpShared");
  define<jsEcPublic>(env, exports, "ecPublic");
  define<jsEcShared>(env, exports, "ecShared");
  define<jsX448Public>(env, exports, "x448Public");
  define<jsX448Shared>(env, exports, "x448Shared");
  define<jsSocketpair>(env, exports, "socketpair");
  define<jsSendMessage>(env, exports, "sendMessage");
  define<jsCloseFd>(env, exports, "closeFd");
  define<jsBindUdp>(env, exports, "bindUdp");
  define<jsWatchNetwork>(env, exports, "watchNetwork");
  define<jsSocketNames>(env, exports, "socketNames");
  define<jsWritePacket>(env, exports, "writePacket");
  define<jsReadPackets>(env, exports, "readPackets");
  esp::addTo(env, exports);
  return exports;
}

}  // namespace
}  // namespace culvert

NAPI_MODULE_INIT() {
  try {
    return culvert::init(env, exports);
  } catch (const culvert::Pending&) {
    return nullptr;
  }
}
