// A thin layer over Node-API: arguments in, values out. Functions report faults by throwing the C++ types below;
// `guarded` turns them into JavaScript errors, so nothing else touches napi_throw.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace culvert {

using Bytes = std::vector<uint8_t>;

/// Octets that belong to JavaScript, valid during the call.
struct View {
  const uint8_t* data;
  size_t length;
};

/// A failed system call; becomes an Error with `code`.
struct SystemError {
  std::string call;
  int number;
};

/// A pending JavaScript exception, or a failed Node-API call that left one.
struct Pending {};

void check(napi_env env, napi_status status);

std::vector<napi_value> arguments(napi_env env, napi_callback_info info, size_t count);
View toView(napi_env env, napi_value value);
int32_t toInt(napi_env env, napi_value value);
bool toBool(napi_env env, napi_value value);
std::string toText(napi_env env, napi_value value);
std::vector<int> toInts(napi_env env, napi_value value);

napi_value fromBytes(napi_env env, const uint8_t* data, size_t length);
napi_value fromText(napi_env env, const std::string& text);
napi_value fromInt(napi_env env, int64_t value);
napi_value undefined(napi_env env);
void set(napi_env env, napi_value object, const char* name, napi_value value);

/// `EAGAIN` for 11, and so on; `E11` where the name is not known.
std::string errorCode(int number);

using Body = napi_value (*)(napi_env, napi_callback_info);

napi_value throwSystem(napi_env env, const SystemError& fault);
/// Calls back; what it throws is an uncaught exception of the program, as with any other event.
void callBack(napi_env env, napi_ref function, size_t count, const napi_value* values);

template <Body body>
napi_value guarded(napi_env env, napi_callback_info info) {
  try {
    return body(env, info);
  } catch (const SystemError& fault) {
    return throwSystem(env, fault);
  } catch (const Pending&) {
    return nullptr;
  } catch (const std::system_error& fault) {
    return throwSystem(env, {fault.what(), fault.code().value()});
  } catch (const std::invalid_argument& fault) {
    napi_throw_range_error(env, nullptr, fault.what());
    return nullptr;
  } catch (const std::exception& fault) {
    napi_throw_error(env, nullptr, fault.what());
    return nullptr;
  }
}

/// Adds a function to an object.
template <Body body>
void define(napi_env env, napi_value object, const char* name) {
  napi_value function;
  check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, guarded<body>, nullptr, &function));
  set(env, object, name, function);
}

}  // namespace culvert
