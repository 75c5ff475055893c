// The datapath as JavaScript sees it; the shape is `openEsp` in core/native/addon.ts.
#pragma once

#include <node_api.h>

namespace culvert::esp {

void addTo(napi_env env, napi_value exports);

}  // namespace culvert::esp
