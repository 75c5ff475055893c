// Primitives of libcrypto that no JavaScript runtime offers everywhere. Bad arguments throw; a wrong ICV or an
// unacceptable public value is `false`.
#pragma once

#include "napi.h"

namespace culvert {

Bytes aeadSeal(const std::string& algorithm, View key, View nonce, View aad, View plaintext, int tagBytes);
bool aeadOpen(const std::string& algorithm, View key, View nonce, View aad, View ciphertext, int tagBytes, Bytes& out);
Bytes cipher(const std::string& algorithm, bool encrypt, View key, View iv, View data);

Bytes modpPublic(int group, View exponent);
bool modpShared(int group, View exponent, View peer, Bytes& out);
Bytes ecPublic(const std::string& curve, View scalar);
bool ecShared(const std::string& curve, View scalar, View peer, Bytes& out);
Bytes x448Public(View scalar);
bool x448Shared(View scalar, View peer, Bytes& out);

}  // namespace culvert
