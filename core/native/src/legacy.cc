// What old EAP methods stand on and libcrypto keeps only in its deprecated functions: the providers that would offer
// them otherwise are modules on disk, which a library that carries itself along cannot rely on.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/md4.h>
#include <openssl/rc4.h>
#include <openssl/sha.h>

#include <climits>

#include "crypto.h"

namespace culvert {

Bytes md4(View data) {
  MD4_CTX context;
  Bytes out(MD4_DIGEST_LENGTH);
  MD4_Init(&context);
  if (data.length > 0) MD4_Update(&context, data.data, data.length);
  MD4_Final(out.data(), &context);
  OPENSSL_cleanse(&context, sizeof context);
  return out;
}

Bytes rc4(View key, View data) {
  if (key.length == 0 || key.length > 256) throw std::runtime_error("an RC4 key has 1 … 256 octets");
  RC4_KEY schedule;
  Bytes out(data.length);
  RC4_set_key(&schedule, static_cast<int>(key.length), key.data);
  if (data.length > 0) RC4(&schedule, data.length, data.data, out.data());
  OPENSSL_cleanse(&schedule, sizeof schedule);
  return out;
}

Bytes sha1Compress(View block) {
  if (block.length != SHA_CBLOCK) throw std::runtime_error("one block of 64 octets wanted");
  SHA_CTX context;
  SHA1_Init(&context);
  SHA1_Transform(&context, block.data);
  Bytes out;
  for (const SHA_LONG word : {context.h0, context.h1, context.h2, context.h3, context.h4}) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(word >> shift));
  }
  OPENSSL_cleanse(&context, sizeof context);
  return out;
}

}  // namespace culvert
