#include <openssl/crypto.h>

#include <cstring>

#include "ipsec_mb_manager.h"

namespace culvert::esp::mb {
namespace {

/// AES-GCM by direct calls: one packet keeps the processor busy, lanes would add nothing. RFC 4106
class Gcm final : public Transform {
 public:
  Gcm(const Shape& shape, const Algorithms& keys, Direction direction) : Transform(shape, keys.esn, kName) {
    const IMB_MGR* manager = shared();
    const size_t keyBytes = keys.keyBytes - shape.saltBytes;
    const bool seals = direction == Direction::seal;
    switch (keyBytes) {
      case 16:
        manager->gcm128_pre(keys.key, &key_);
        work_ = seals ? manager->gcm128_enc : manager->gcm128_dec;
        break;
      case 24:
        manager->gcm192_pre(keys.key, &key_);
        work_ = seals ? manager->gcm192_enc : manager->gcm192_dec;
        break;
      default:
        manager->gcm256_pre(keys.key, &key_);
        work_ = seals ? manager->gcm256_enc : manager->gcm256_dec;
    }
    memcpy(nonce_, keys.key + keyBytes, shape.saltBytes);
  }

  ~Gcm() override {
    OPENSSL_cleanse(&key_, sizeof key_);
    OPENSSL_cleanse(nonce_, sizeof nonce_);
  }

  void seal(Sealing* packets, size_t count) noexcept override {
    for (Sealing* one = packets; one < packets + count; one++) {
      uint8_t* body = one->packet + kHeaderBytes + shape.ivBytes;
      compute(one->packet, one->sequence, body, one->plain, one->plainBytes, body + one->plainBytes);
      one->done = true;
    }
  }

  void open(Opening* packets, size_t count) noexcept override {
    for (Opening* one = packets; one < packets + count; one++) {
      uint8_t* body = one->packet + kHeaderBytes + shape.ivBytes;
      uint8_t icv[16];
      compute(one->packet, one->sequence, body, body, one->cipherBytes, icv);
      one->fits = CRYPTO_memcmp(icv, body + one->cipherBytes, shape.icvBytes) == 0;
    }
  }

 private:
  void compute(const uint8_t* packet, uint64_t sequence, uint8_t* out, const uint8_t* in, size_t length,
               uint8_t* icv) noexcept {
    uint8_t aad[12];
    const size_t aadBytes = aadOf(packet, sequence, esn, aad);
    memcpy(nonce_ + shape.saltBytes, packet + kHeaderBytes, shape.ivBytes);
    gcm_context_data context;
    work_(&key_, &context, out, in, length, nonce_, aad, aadBytes, icv, shape.icvBytes);
  }

  alignas(64) gcm_key_data key_;
  aes_gcm_enc_dec_t work_;
  uint8_t nonce_[12];
};

/// ChaCha20-Poly1305, a job at a time. RFC 7634
class ChachaPoly final : public Transform {
 public:
  ChachaPoly(const Shape& shape, const Algorithms& keys, Direction direction)
      : Transform(shape, keys.esn, kName), direction_(direction) {
    memcpy(key_, keys.key, sizeof key_);
    memcpy(nonce_, keys.key + sizeof key_, shape.saltBytes);
  }

  ~ChachaPoly() override {
    OPENSSL_cleanse(key_, sizeof key_);
    OPENSSL_cleanse(nonce_, sizeof nonce_);
  }

  void seal(Sealing* packets, size_t count) noexcept override {
    for (Sealing* one = packets; one < packets + count; one++) {
      uint8_t* body = one->packet + kHeaderBytes + shape.ivBytes;
      one->done = compute(one->packet, one->sequence, body, one->plain, one->plainBytes, body + one->plainBytes);
    }
  }

  void open(Opening* packets, size_t count) noexcept override {
    for (Opening* one = packets; one < packets + count; one++) {
      uint8_t* body = one->packet + kHeaderBytes + shape.ivBytes;
      uint8_t icv[16];
      one->fits = compute(one->packet, one->sequence, body, body, one->cipherBytes, icv) &&
                  CRYPTO_memcmp(icv, body + one->cipherBytes, shape.icvBytes) == 0;
    }
  }

 private:
  bool compute(const uint8_t* packet, uint64_t sequence, uint8_t* out, const uint8_t* in, size_t length,
               uint8_t* icv) noexcept {
    uint8_t aad[12];
    const size_t aadBytes = aadOf(packet, sequence, esn, aad);
    memcpy(nonce_ + shape.saltBytes, packet + kHeaderBytes, shape.ivBytes);
    bool done = false;
    manager_.run(
        1,
        [&](IMB_JOB& job, size_t) {
          const bool seals = direction_ == Direction::seal;
          job.cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
          job.hash_alg = IMB_AUTH_CHACHA20_POLY1305;
          job.cipher_direction = seals ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
          job.chain_order = seals ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
          job.enc_keys = key_;
          job.dec_keys = key_;
          job.key_len_in_bytes = sizeof key_;
          job.src = in;
          job.dst = out;
          job.cipher_start_src_offset_in_bytes = 0;
          job.msg_len_to_cipher_in_bytes = length;
          job.hash_start_src_offset_in_bytes = 0;
          job.msg_len_to_hash_in_bytes = length;
          job.iv = nonce_;
          job.iv_len_in_bytes = sizeof nonce_;
          job.u.CHACHA20_POLY1305.aad = aad;
          job.u.CHACHA20_POLY1305.aad_len_in_bytes = aadBytes;
          job.auth_tag_output = icv;
          job.auth_tag_output_len_in_bytes = shape.icvBytes;
        },
        [&](size_t, bool ok) { done = ok; });
    return done;
  }

  const Direction direction_;
  Manager manager_;
  uint8_t key_[32];
  uint8_t nonce_[12];
};

}  // namespace

std::unique_ptr<Transform> makeAead(const Encryption& encryption, const Shape& shape, const Algorithms& keys,
                                    Direction direction) {
  if (encryption.mode == Mode::chachaPoly) return std::make_unique<ChachaPoly>(shape, keys, direction);
  return std::make_unique<Gcm>(shape, keys, direction);
}

}  // namespace culvert::esp::mb
