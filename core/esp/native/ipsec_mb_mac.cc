#include "ipsec_mb_mac.h"

#include <openssl/crypto.h>

#include <cstring>

namespace culvert::esp::mb {

MacKey::MacKey(IMB_MGR* manager, const Integrity& integrity, const uint8_t* key) : kind_(integrity.mac) {
  switch (kind_) {
    case MacKind::aesXcbc:
      manager->xcbc_keyexp(key, schedule_, first_, second_);
      return;
    case MacKind::aesCmac: {
      alignas(64) uint8_t unused[16 * 15];
      manager->keyexp_128(key, schedule_, unused);
      manager->cmac_subkey_gen_128(schedule_, first_, second_);
      OPENSSL_cleanse(unused, sizeof unused);
      return;
    }
    default:
      pad(manager, key, integrity.keyBytes, 0x36, first_);
      pad(manager, key, integrity.keyBytes, 0x5c, second_);
  }
}

MacKey::~MacKey() { OPENSSL_cleanse(this, sizeof *this); }

void MacKey::describe(IMB_JOB& job) const noexcept {
  job.hash_alg = algorithm();
  switch (kind_) {
    case MacKind::aesXcbc:
      job.u.XCBC._k1_expanded = reinterpret_cast<const uint32_t*>(schedule_);
      job.u.XCBC._k2 = first_;
      job.u.XCBC._k3 = second_;
      return;
    case MacKind::aesCmac:
      job.u.CMAC._key_expanded = schedule_;
      job.u.CMAC._skey1 = first_;
      job.u.CMAC._skey2 = second_;
      return;
    default:
      job.u.HMAC._hashed_auth_key_xor_ipad = first_;
      job.u.HMAC._hashed_auth_key_xor_opad = second_;
  }
}

IMB_HASH_ALG MacKey::algorithm() const noexcept {
  switch (kind_) {
    case MacKind::hmacMd5:
      return IMB_AUTH_MD5;
    case MacKind::hmacSha1:
      return IMB_AUTH_HMAC_SHA_1;
    case MacKind::hmacSha256:
      return IMB_AUTH_HMAC_SHA_256;
    case MacKind::hmacSha384:
      return IMB_AUTH_HMAC_SHA_384;
    case MacKind::hmacSha512:
      return IMB_AUTH_HMAC_SHA_512;
    case MacKind::aesXcbc:
      return IMB_AUTH_AES_XCBC;
    case MacKind::aesCmac:
      return IMB_AUTH_AES_CMAC;
  }
  return IMB_AUTH_NULL;
}

void MacKey::pad(IMB_MGR* manager, const uint8_t* key, size_t keyBytes, uint8_t with, uint8_t* out) const {
  uint8_t block[128];
  memset(block, with, sizeof block);
  for (size_t i = 0; i < keyBytes; i++) block[i] ^= key[i];
  switch (kind_) {
    case MacKind::hmacMd5:
      manager->md5_one_block(block, out);
      break;
    case MacKind::hmacSha1:
      manager->sha1_one_block(block, out);
      break;
    case MacKind::hmacSha256:
      manager->sha256_one_block(block, out);
      break;
    case MacKind::hmacSha384:
      manager->sha384_one_block(block, out);
      break;
    default:
      manager->sha512_one_block(block, out);
  }
  OPENSSL_cleanse(block, sizeof block);
}

}  // namespace culvert::esp::mb
