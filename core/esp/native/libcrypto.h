// The backend that has everything, on every processor: the addon's own libcrypto.
#pragma once

#include <openssl/evp.h>

#include <memory>

#include "algorithms.h"

namespace culvert::esp {

struct FreeCrypto {
  void operator()(EVP_CIPHER* c) const { EVP_CIPHER_free(c); }
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
  void operator()(EVP_MAC* m) const { EVP_MAC_free(m); }
  void operator()(EVP_MAC_CTX* m) const { EVP_MAC_CTX_free(m); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeCrypto>;

std::unique_ptr<Transform> libcryptoTransform(const Encryption& encryption, const Integrity* integrity,
                                              const Shape& shape, const Algorithms& keys, Direction direction);

/// A keyed context without padding. `name`: as libcrypto calls the algorithm. Throws std::runtime_error.
CipherContext cipherContext(const char* name, bool encrypt, const uint8_t* key, size_t keyBytes);
/// E.g. `aes-128-cbc`.
std::string blockCipherName(Block block, size_t keyBytes, const char* mode);

/// A message authentication code with its key. Used by one thread at a time.
class Mac {
 public:
  virtual ~Mac() = default;
  /// Writes the whole code, at most 64 octets. False when libcrypto failed.
  virtual bool compute(const uint8_t* data, size_t length, uint8_t* out) noexcept = 0;
};
std::unique_ptr<Mac> makeMac(MacKind kind, const uint8_t* key, size_t keyBytes);

}  // namespace culvert::esp
