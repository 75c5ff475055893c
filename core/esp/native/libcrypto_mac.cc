#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include <cstring>
#include <stdexcept>
#include <string>

#include "libcrypto.h"

namespace culvert::esp {
namespace {

/// HMAC and CMAC: keyed once, started again for every packet.
class LibcryptoMac final : public Mac {
 public:
  LibcryptoMac(const char* name, const char* parameter, const char* value, const uint8_t* key, size_t keyBytes) {
    const std::unique_ptr<EVP_MAC, FreeCrypto> kind(EVP_MAC_fetch(nullptr, name, nullptr));
    if (!kind) throw std::runtime_error(std::string("libcrypto has no ") + name);
    context_.reset(EVP_MAC_CTX_new(kind.get()));
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(parameter, const_cast<char*>(value), 0), OSSL_PARAM_construct_end()};
    if (!context_ || EVP_MAC_init(context_.get(), key, keyBytes, parameters) <= 0) {
      throw std::runtime_error(std::string("libcrypto refused ") + name + " " + value);
    }
  }

  bool compute(const uint8_t* data, size_t length, uint8_t* out) noexcept override {
    size_t written = 0;
    return EVP_MAC_init(context_.get(), nullptr, 0, nullptr) > 0 && EVP_MAC_update(context_.get(), data, length) > 0 &&
           EVP_MAC_final(context_.get(), out, &written, 64) > 0;
  }

 private:
  std::unique_ptr<EVP_MAC_CTX, FreeCrypto> context_;
};

/// AES-XCBC-MAC, which libcrypto lacks: a CBC chain under K1, its last block mixed with K2 or K3. RFC 3566 §4
class Xcbc final : public Mac {
 public:
  explicit Xcbc(const uint8_t* key) {
    const CipherContext derive = cipherContext("aes-128-ecb", true, key, 16);
    uint8_t keys[48];
    uint8_t constants[48];
    for (size_t i = 0; i < sizeof constants; i++) constants[i] = static_cast<uint8_t>(1 + i / 16);
    int written = 0;
    if (EVP_CipherUpdate(derive.get(), keys, &written, constants, sizeof constants) <= 0) {
      throw std::runtime_error("libcrypto refused aes-128-ecb");
    }
    chain_ = cipherContext("aes-128-cbc", true, keys, 16);
    memcpy(k2_, keys + 16, 16);
    memcpy(k3_, keys + 32, 16);
    OPENSSL_cleanse(keys, sizeof keys);
  }

  ~Xcbc() override {
    OPENSSL_cleanse(k2_, sizeof k2_);
    OPENSSL_cleanse(k3_, sizeof k3_);
  }

  bool compute(const uint8_t* data, size_t length, uint8_t* out) noexcept override {
    const uint8_t zero[16] = {0};
    if (EVP_CipherInit_ex2(chain_.get(), nullptr, nullptr, zero, -1, nullptr) <= 0) return false;
    const size_t before = length == 0 ? 0 : (length - 1) / 16 * 16;
    uint8_t scratch[1024];
    int written = 0;
    for (size_t at = 0; at < before;) {
      const size_t part = before - at < sizeof scratch ? before - at : sizeof scratch;
      if (EVP_CipherUpdate(chain_.get(), scratch, &written, data + at, static_cast<int>(part)) <= 0) return false;
      at += part;
    }
    const size_t left = length - before;
    uint8_t last[16] = {0};
    memcpy(last, data + before, left);
    if (left < 16) last[left] = 0x80;
    const uint8_t* mix = left == 16 ? k2_ : k3_;
    for (size_t i = 0; i < 16; i++) last[i] ^= mix[i];
    return EVP_CipherUpdate(chain_.get(), out, &written, last, sizeof last) > 0;
  }

 private:
  CipherContext chain_;
  uint8_t k2_[16];
  uint8_t k3_[16];
};

}  // namespace

std::unique_ptr<Mac> makeMac(MacKind kind, const uint8_t* key, size_t keyBytes) {
  const auto hmac = [&](const char* digest) {
    return std::make_unique<LibcryptoMac>("HMAC", OSSL_MAC_PARAM_DIGEST, digest, key, keyBytes);
  };
  switch (kind) {
    case MacKind::hmacMd5:
      return hmac("MD5");
    case MacKind::hmacSha1:
      return hmac("SHA1");
    case MacKind::hmacSha256:
      return hmac("SHA256");
    case MacKind::hmacSha384:
      return hmac("SHA384");
    case MacKind::hmacSha512:
      return hmac("SHA512");
    case MacKind::aesCmac:
      return std::make_unique<LibcryptoMac>("CMAC", OSSL_MAC_PARAM_CIPHER, "AES-128-CBC", key, keyBytes);
    case MacKind::aesXcbc:
      return std::make_unique<Xcbc>(key);
  }
  throw std::runtime_error("integrity is not known here");
}

}  // namespace culvert::esp
