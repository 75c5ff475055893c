#include <openssl/crypto.h>

#include <cstring>

#include "ipsec_mb_mac.h"
#include "octets.h"

namespace culvert::esp::mb {
namespace {

/// Ours: enough to fill the lanes twice on the widest processor.
constexpr size_t kBatch = Transform::kMostPackets;

/// An AES key schedule, as all modes use it.
struct AesKey {
  alignas(64) uint8_t encrypt[16 * 15];
  alignas(64) uint8_t decrypt[16 * 15];

  void expand(const IMB_MGR* manager, const uint8_t* key, size_t keyBytes) {
    if (keyBytes == 16) manager->keyexp_128(key, encrypt, decrypt);
    else if (keyBytes == 24) manager->keyexp_192(key, encrypt, decrypt);
    else manager->keyexp_256(key, encrypt, decrypt);
  }
  ~AesKey() { OPENSSL_cleanse(this, sizeof *this); }
};

/// A job as both directions have it: in place, `body` being what is ciphered.
void place(IMB_JOB& job, uint8_t* packet, size_t bodyAt, size_t bodyBytes) noexcept {
  job.src = packet;
  job.dst = packet + bodyAt;
  job.cipher_start_src_offset_in_bytes = bodyAt;
  job.msg_len_to_cipher_in_bytes = bodyBytes;
}

/// A cipher and a MAC: the ICV covers SPI … ciphertext, then the half of the number that is not sent.
/// RFC 4303 §3.3.2.1
class CipherAndMac final : public Transform {
 public:
  CipherAndMac(const Encryption& encryption, const Integrity& integrity, const Shape& shape, const Algorithms& keys)
      : Transform(shape, keys.esn, kName, kBatch),
        mode_(encryption.mode),
        keyBytes_(keys.keyBytes - shape.saltBytes),
        mac_(manager_.get(), integrity, keys.integrityKey) {
    if (mode_ != Mode::null) cipher_.expand(manager_.get(), keys.key, keyBytes_);
    if (shape.saltBytes > 0) memcpy(salt_, keys.key + keyBytes_, shape.saltBytes);
  }

  ~CipherAndMac() override {
    OPENSSL_cleanse(salt_, sizeof salt_);
    OPENSSL_cleanse(counters_, sizeof counters_);
  }

  void seal(Sealing* packets, size_t count) noexcept override {
    const size_t bodyAt = kHeaderBytes + shape.ivBytes;
    for (size_t done = 0; done < count; done += kBatch) {
      Sealing* batch = packets + done;
      const size_t size = count - done < kBatch ? count - done : kBatch;
      for (size_t i = 0; i < size; i++) {
        uint8_t* body = batch[i].packet + bodyAt;
        if (batch[i].plain != body) memmove(body, batch[i].plain, batch[i].plainBytes);
        writeHighHalf(body + batch[i].plainBytes, batch[i].sequence);
      }
      manager_.run(
          size,
          [&](IMB_JOB& job, size_t i) {
            describe(job, i, batch[i].packet, batch[i].plainBytes, IMB_DIR_ENCRYPT);
            job.auth_tag_output = batch[i].packet + bodyAt + batch[i].plainBytes;
          },
          [&](size_t i, bool ok) { batch[i].done = ok; });
    }
  }

  void open(Opening* packets, size_t count) noexcept override {
    const size_t bodyAt = kHeaderBytes + shape.ivBytes;
    for (size_t done = 0; done < count; done += kBatch) {
      Opening* batch = packets + done;
      const size_t size = count - done < kBatch ? count - done : kBatch;
      uint8_t stated[kBatch][kMaxIcvBytes];
      uint8_t computed[kBatch][64];
      for (size_t i = 0; i < size; i++) {
        uint8_t* icv = batch[i].packet + bodyAt + batch[i].cipherBytes;
        memcpy(stated[i], icv, shape.icvBytes);
        writeHighHalf(icv, batch[i].sequence);
      }
      manager_.run(
          size,
          [&](IMB_JOB& job, size_t i) {
            describe(job, i, batch[i].packet, batch[i].cipherBytes, IMB_DIR_DECRYPT);
            job.auth_tag_output = computed[i];
          },
          [&](size_t i, bool ok) {
            batch[i].fits = ok && CRYPTO_memcmp(stated[i], computed[i], shape.icvBytes) == 0;
          });
    }
  }

 private:
  /// Where the ICV will stand, so that one pass covers it.
  void writeHighHalf(uint8_t* at, uint64_t sequence) const noexcept {
    if (esn) store32(at, static_cast<uint32_t>(sequence >> 32));
  }

  void describe(IMB_JOB& job, size_t i, uint8_t* packet, size_t bodyBytes, IMB_CIPHER_DIRECTION direction) noexcept {
    const size_t bodyAt = kHeaderBytes + shape.ivBytes;
    place(job, packet, bodyAt, bodyBytes);
    job.cipher_direction = direction;
    job.chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
    job.enc_keys = cipher_.encrypt;
    job.dec_keys = cipher_.decrypt;
    job.key_len_in_bytes = keyBytes_;
    job.iv = packet + kHeaderBytes;
    job.iv_len_in_bytes = 16;
    switch (mode_) {
      case Mode::cbc:
        job.cipher_mode = IMB_CIPHER_CBC;
        break;
      case Mode::ctr:
        job.cipher_mode = IMB_CIPHER_CNTR;
        // RFC 3686 §4: counter block = nonce (4, from KEYMAT) ‖ IV (8) ‖ 1.
        memcpy(counters_[i], salt_, 4);
        memcpy(counters_[i] + 4, packet + kHeaderBytes, 8);
        store32(counters_[i] + 12, 1);
        job.iv = counters_[i];
        break;
      default:
        job.cipher_mode = IMB_CIPHER_NULL;
        job.msg_len_to_cipher_in_bytes = 0;
    }
    mac_.describe(job);
    job.hash_start_src_offset_in_bytes = 0;
    job.msg_len_to_hash_in_bytes = bodyAt + bodyBytes + (esn ? 4 : 0);
    job.auth_tag_output_len_in_bytes = shape.icvBytes;
  }

  const Mode mode_;
  const size_t keyBytes_;
  Manager manager_;
  MacKey mac_;
  AesKey cipher_;
  uint8_t salt_[4] = {0};
  uint8_t counters_[kBatch][16];
};

/// AES-CCM with 128 or 256 bits. RFC 4309
class Ccm final : public Transform {
 public:
  Ccm(const Shape& shape, const Algorithms& keys)
      : Transform(shape, keys.esn, kName, kBatch), keyBytes_(keys.keyBytes - shape.saltBytes) {
    key_.expand(manager_.get(), keys.key, keyBytes_);
    memcpy(salt_, keys.key + keyBytes_, shape.saltBytes);
  }

  ~Ccm() override {
    OPENSSL_cleanse(salt_, sizeof salt_);
    OPENSSL_cleanse(nonces_, sizeof nonces_);
  }

  void seal(Sealing* packets, size_t count) noexcept override {
    const size_t bodyAt = kHeaderBytes + shape.ivBytes;
    for (size_t done = 0; done < count; done += kBatch) {
      Sealing* batch = packets + done;
      const size_t size = count - done < kBatch ? count - done : kBatch;
      for (size_t i = 0; i < size; i++) {
        uint8_t* body = batch[i].packet + bodyAt;
        if (batch[i].plain != body) memmove(body, batch[i].plain, batch[i].plainBytes);
      }
      manager_.run(
          size,
          [&](IMB_JOB& job, size_t i) {
            describe(job, i, batch[i].packet, batch[i].plainBytes, batch[i].sequence, IMB_DIR_ENCRYPT);
            job.auth_tag_output = batch[i].packet + bodyAt + batch[i].plainBytes;
          },
          [&](size_t i, bool ok) { batch[i].done = ok; });
    }
  }

  void open(Opening* packets, size_t count) noexcept override {
    const size_t bodyAt = kHeaderBytes + shape.ivBytes;
    for (size_t done = 0; done < count; done += kBatch) {
      Opening* batch = packets + done;
      const size_t size = count - done < kBatch ? count - done : kBatch;
      uint8_t computed[kBatch][16];
      manager_.run(
          size,
          [&](IMB_JOB& job, size_t i) {
            describe(job, i, batch[i].packet, batch[i].cipherBytes, batch[i].sequence, IMB_DIR_DECRYPT);
            job.auth_tag_output = computed[i];
          },
          [&](size_t i, bool ok) {
            const uint8_t* stated = batch[i].packet + bodyAt + batch[i].cipherBytes;
            batch[i].fits = ok && CRYPTO_memcmp(stated, computed[i], shape.icvBytes) == 0;
          });
    }
  }

 private:
  void describe(IMB_JOB& job, size_t i, uint8_t* packet, size_t bodyBytes, uint64_t sequence,
                IMB_CIPHER_DIRECTION direction) noexcept {
    const size_t bodyAt = kHeaderBytes + shape.ivBytes;
    place(job, packet, bodyAt, bodyBytes);
    job.cipher_direction = direction;
    job.chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH;
    job.cipher_mode = IMB_CIPHER_CCM;
    job.hash_alg = IMB_AUTH_AES_CCM;
    job.enc_keys = key_.encrypt;
    job.dec_keys = key_.decrypt;
    job.key_len_in_bytes = keyBytes_;
    memcpy(nonces_[i], salt_, shape.saltBytes);
    memcpy(nonces_[i] + shape.saltBytes, packet + kHeaderBytes, shape.ivBytes);
    job.iv = nonces_[i];
    job.iv_len_in_bytes = shape.saltBytes + shape.ivBytes;
    job.u.CCM.aad = aad_[i];
    job.u.CCM.aad_len_in_bytes = aadOf(packet, sequence, esn, aad_[i]);
    job.hash_start_src_offset_in_bytes = bodyAt;
    job.msg_len_to_hash_in_bytes = bodyBytes;
    job.auth_tag_output_len_in_bytes = shape.icvBytes;
  }

  const size_t keyBytes_;
  Manager manager_;
  AesKey key_;
  uint8_t salt_[4] = {0};
  uint8_t nonces_[kBatch][16];
  uint8_t aad_[kBatch][12];
};

}  // namespace

std::unique_ptr<Transform> makeLanes(const Encryption& encryption, const Integrity* integrity, const Shape& shape,
                                     const Algorithms& keys, Direction) {
  // Camellia it does not know; DES and 3DES it does not speed up.
  if (encryption.block != Block::aes && encryption.mode != Mode::null) return nullptr;
  if (encryption.mode != Mode::ccm) {
    return std::make_unique<CipherAndMac>(encryption, *integrity, shape, keys);
  }
  const bool has = keys.keyBytes - shape.saltBytes != 24;
  return has ? std::make_unique<Ccm>(shape, keys) : nullptr;
}

}  // namespace culvert::esp::mb
