#include "algorithms.h"

#include <stdexcept>
#include <string>

#include "ah.h"
#include "ipsec_mb.h"
#include "libcrypto.h"
#include "octets.h"
#if defined(CULVERT_NULL_CRYPTO)
#include "null_crypto.h"
#endif

namespace culvert::esp {
namespace {

constexpr Encryption kEncryptions[] = {
    //  id  mode              block             salt iv block icv
    {2, Mode::cbc, Block::des, 0, 8, 8, 0},                 // ENCR_DES, RFC 2405
    {3, Mode::cbc, Block::tripleDes, 0, 8, 8, 0},           // ENCR_3DES, RFC 2451
    {11, Mode::null, Block::none, 0, 0, 1, 0},              // ENCR_NULL, RFC 2410
    {12, Mode::cbc, Block::aes, 0, 16, 16, 0},              // ENCR_AES_CBC, RFC 3602
    {13, Mode::ctr, Block::aes, 4, 8, 1, 0},                // ENCR_AES_CTR, RFC 3686
    {14, Mode::ccm, Block::aes, 3, 8, 1, 8},                // ENCR_AES_CCM_8, RFC 4309
    {15, Mode::ccm, Block::aes, 3, 8, 1, 12},               // ENCR_AES_CCM_12
    {16, Mode::ccm, Block::aes, 3, 8, 1, 16},               // ENCR_AES_CCM_16
    {18, Mode::gcm, Block::aes, 4, 8, 1, 8},                // ENCR_AES_GCM_8, RFC 4106
    {19, Mode::gcm, Block::aes, 4, 8, 1, 12},               // ENCR_AES_GCM_12
    {20, Mode::gcm, Block::aes, 4, 8, 1, 16},               // ENCR_AES_GCM_16
    {23, Mode::cbc, Block::camellia, 0, 16, 16, 0},         // ENCR_CAMELLIA_CBC, RFC 5529
    {24, Mode::ctr, Block::camellia, 4, 8, 1, 0},           // ENCR_CAMELLIA_CTR
    {25, Mode::ccm, Block::camellia, 3, 8, 1, 8},           // ENCR_CAMELLIA_CCM_8
    {26, Mode::ccm, Block::camellia, 3, 8, 1, 12},          // ENCR_CAMELLIA_CCM_12
    {27, Mode::ccm, Block::camellia, 3, 8, 1, 16},          // ENCR_CAMELLIA_CCM_16
    {28, Mode::chachaPoly, Block::none, 4, 8, 1, 16},       // ENCR_CHACHA20_POLY1305, RFC 7634
};

constexpr Integrity kIntegrities[] = {
    {1, MacKind::hmacMd5, 16, 12},      // AUTH_HMAC_MD5_96, RFC 2403
    {2, MacKind::hmacSha1, 20, 12},     // AUTH_HMAC_SHA1_96, RFC 2404
    {5, MacKind::aesXcbc, 16, 12},      // AUTH_AES_XCBC_96, RFC 3566
    {6, MacKind::hmacMd5, 16, 16},      // AUTH_HMAC_MD5_128, RFC 4595
    {7, MacKind::hmacSha1, 20, 20},     // AUTH_HMAC_SHA1_160, RFC 4595
    {8, MacKind::aesCmac, 16, 12},      // AUTH_AES_CMAC_96, RFC 4494
    {12, MacKind::hmacSha256, 32, 16},  // AUTH_HMAC_SHA2_256_128, RFC 4868
    {13, MacKind::hmacSha384, 48, 24},  // AUTH_HMAC_SHA2_384_192
    {14, MacKind::hmacSha512, 64, 32},  // AUTH_HMAC_SHA2_512_256
};

}  // namespace

const Encryption* findEncryption(int id) noexcept {
  for (const Encryption& row : kEncryptions) {
    if (row.id == id) return &row;
  }
  return nullptr;
}

const Integrity* findIntegrity(int id) noexcept {
  for (const Integrity& row : kIntegrities) {
    if (row.id == id) return &row;
  }
  return nullptr;
}

bool takesKeyBits(const Encryption& encryption, size_t keyBits) noexcept {
  switch (encryption.block) {
    case Block::aes:
    case Block::camellia:
      return keyBits == 128 || keyBits == 192 || keyBits == 256;
    case Block::des:
      return keyBits == 64;
    case Block::tripleDes:
      return keyBits == 192;
    case Block::none:
      return keyBits == (encryption.mode == Mode::chachaPoly ? 256u : 0u);
  }
  return false;
}

size_t aadOf(const uint8_t* packet, uint64_t sequence, bool esn, uint8_t aad[12]) noexcept {
  if (!esn) {
    memcpy(aad, packet, kHeaderBytes);
    return kHeaderBytes;
  }
  memcpy(aad, packet, 4);
  store64(aad + 4, sequence);
  return 12;
}

namespace {

/// Of an SA that has a key for it.
const Integrity& integrityOf(const Algorithms& wanted) {
  const Integrity* integrity = findIntegrity(wanted.integrity);
  if (!integrity) throw std::invalid_argument("integrity " + std::to_string(wanted.integrity) + " is not available");
  if (wanted.integrityKeyBytes != integrity->keyBytes) {
    throw std::invalid_argument("an integrity key has " + std::to_string(integrity->keyBytes) + " octets");
  }
  return *integrity;
}

std::unique_ptr<Transform> makeAh(const Algorithms& wanted, Backend backend) {
  const Integrity& integrity = integrityOf(wanted);
  const Shape shape{0, 0, integrity.icvBytes, 1, false};
  if (backend == Backend::fastest) {
    if (auto fast = ipsecMbAh(integrity, shape, wanted)) return fast;
  }
  return libcryptoAh(integrity, shape, wanted);
}

}  // namespace

std::unique_ptr<Transform> makeTransform(const Algorithms& wanted, Direction direction, Backend backend) {
  if (wanted.encryption == 0) return makeAh(wanted, backend);
  const Encryption* encryption = findEncryption(wanted.encryption);
  if (!encryption) throw std::invalid_argument("encryption " + std::to_string(wanted.encryption) + " is not available");
  const size_t keyBits = wanted.keyBytes < encryption->saltBytes ? 0 : (wanted.keyBytes - encryption->saltBytes) * 8;
  // A cipher with one key length is negotiated without naming it, RFC 7296 §3.3.5.
  const bool named = encryption->block == Block::aes || encryption->block == Block::camellia;
  if (wanted.keyBytes < encryption->saltBytes || !takesKeyBits(*encryption, keyBits) ||
      (named && keyBits != wanted.keyBits)) {
    throw std::invalid_argument("a key length nobody agreed on");
  }
  const Integrity* integrity = nullptr;
  if (encryption->icvBytes == 0) {
    // Encryption without integrity is open to chosen-ciphertext attacks, RFC 4303 §1: not offered at all.
    integrity = &integrityOf(wanted);
  }
  const Shape shape{
      encryption->saltBytes, encryption->ivBytes, integrity ? integrity->icvBytes : encryption->icvBytes,
      encryption->blockBytes, encryption->mode == Mode::cbc};
#if defined(CULVERT_NULL_CRYPTO)
  (void)backend;
  return nullTransform(shape, wanted.esn);
#else
  if (backend == Backend::fastest) {
    if (auto fast = ipsecMbTransform(*encryption, integrity, shape, wanted, direction)) return fast;
  }
  return libcryptoTransform(*encryption, integrity, shape, wanted, direction);
#endif
}

}  // namespace culvert::esp
