// Primitives of libcrypto that no JavaScript runtime offers everywhere. Bad arguments throw; a wrong ICV or an
// unacceptable public value is `false`.
#pragma once

#include "napi.h"

namespace culvert {

Bytes aeadSeal(const std::string& algorithm, View key, View nonce, View aad, View plaintext, int tagBytes);
bool aeadOpen(const std::string& algorithm, View key, View nonce, View aad, View ciphertext, int tagBytes, Bytes& out);
Bytes cipher(const std::string& algorithm, bool encrypt, View key, View iv, View data);

/// RFC 1320. For MS-CHAP alone.
Bytes md4(View data);
/// For the change of a password by MS-CHAP alone.
Bytes rc4(View key, View data);
/// One run of SHA-1's compression from its initial value over 64 octets, without padding: G of FIPS 186-2 App. 3.3.
Bytes sha1Compress(View block);

Bytes modpPublic(int group, View exponent);
bool modpShared(int group, View exponent, View peer, Bytes& out);
Bytes ecPublic(const std::string& curve, View scalar);
bool ecShared(const std::string& curve, View scalar, View peer, Bytes& out);
Bytes x448Public(View scalar);
bool x448Shared(View scalar, View peer, Bytes& out);

}  // namespace culvert
