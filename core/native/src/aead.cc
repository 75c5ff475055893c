#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <climits>
#include <cstring>
#include <memory>

#include "crypto.h"

namespace culvert {
namespace {

struct Free {
  void operator()(EVP_CIPHER* c) const { EVP_CIPHER_free(c); }
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
};
using CipherPtr = std::unique_ptr<EVP_CIPHER, Free>;
using ContextPtr = std::unique_ptr<EVP_CIPHER_CTX, Free>;

// libcrypto may look at a pointer even when the length beside it is 0.
const uint8_t kNothing[1] = {0};
const uint8_t* dataOf(View v) { return v.length == 0 ? kNothing : v.data; }

void must(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("libcrypto refused: ") + what);
}

int asInt(size_t length) {
  if (length > INT_MAX) throw std::runtime_error("more octets than one call takes");
  return static_cast<int>(length);
}

CipherPtr fetch(const std::string& algorithm) {
  CipherPtr found(EVP_CIPHER_fetch(nullptr, algorithm.c_str(), nullptr));
  if (!found) throw std::runtime_error("libcrypto has no " + algorithm);
  return found;
}

void checkKey(const EVP_CIPHER* kind, View key) {
  if (asInt(key.length) != EVP_CIPHER_get_key_length(kind)) throw std::runtime_error("wrong key length");
}

bool endsWith(const std::string& text, const char* end) {
  const size_t length = strlen(end);
  return text.size() >= length && text.compare(text.size() - length, length, end) == 0;
}

/// One unpadded pass of a block or stream mode.
Bytes pass(const std::string& algorithm, bool encrypt, View key, View iv, View data) {
  CipherPtr kind = fetch(algorithm);
  checkKey(kind.get(), key);
  if (asInt(iv.length) != EVP_CIPHER_get_iv_length(kind.get())) throw std::runtime_error("wrong IV length");
  if (data.length % EVP_CIPHER_get_block_size(kind.get()) != 0) throw std::runtime_error("not whole blocks");
  if (EVP_CIPHER_get_flags(kind.get()) & EVP_CIPH_FLAG_AEAD_CIPHER) throw std::runtime_error("this is an AEAD");
  ContextPtr context(EVP_CIPHER_CTX_new());
  must(context && EVP_CipherInit_ex2(context.get(), kind.get(), key.data, dataOf(iv), encrypt, nullptr), "key");
  EVP_CIPHER_CTX_set_padding(context.get(), 0);
  Bytes out(data.length + 1);
  int length = 0;
  if (data.length > 0) {
    must(EVP_CipherUpdate(context.get(), out.data(), &length, data.data, asInt(data.length)), "data");
  }
  out.resize(data.length);
  return out;
}

// CCM, RFC 3610, over any 128-bit block cipher: libcrypto has it for AES alone, and Camellia (RFC 5529) needs it too.
struct Ccm {
  std::string block;  // e.g. `aes-128`
  View key;
  View nonce;
  View aad;
  size_t tagBytes;

  void checkArguments(size_t plainBytes) const {
    if (nonce.length < 7 || nonce.length > 13) throw std::runtime_error("a CCM nonce has 7 … 13 octets");
    if (tagBytes < 4 || tagBytes > 16 || tagBytes % 2 != 0) throw std::runtime_error("wrong tag length");
    if (aad.length >= 0xff00) throw std::runtime_error("too much AAD");
    const size_t counterBytes = 15 - nonce.length;
    if (counterBytes < 8 && plainBytes >> (8 * counterBytes)) throw std::runtime_error("too much for this nonce");
  }

  /// A_0 of §2.3.
  Bytes counter() const {
    Bytes block(16, 0);
    block[0] = static_cast<uint8_t>(14 - nonce.length);
    memcpy(&block[1], nonce.data, nonce.length);
    return block;
  }

  /// T of §2.2: CBC-MAC over B_0, the AAD with its length, and the plaintext, each padded to whole blocks.
  Bytes mac(View plain) const {
    const auto padded = [](size_t length) { return (length + 15) / 16 * 16; };
    const size_t aadBytes = aad.length == 0 ? 0 : padded(aad.length + 2);
    Bytes input(16 + aadBytes + padded(plain.length), 0);
    const size_t lengthBytes = 15 - nonce.length;
    input[0] = static_cast<uint8_t>((aad.length > 0 ? 0x40 : 0) | ((tagBytes - 2) / 2) << 3 | (lengthBytes - 1));
    memcpy(&input[1], nonce.data, nonce.length);
    for (size_t i = 0; i < lengthBytes && i < 8; i++) {
      input[15 - i] = static_cast<uint8_t>(static_cast<uint64_t>(plain.length) >> (8 * i));
    }
    if (aad.length > 0) {
      input[16] = static_cast<uint8_t>(aad.length >> 8);
      input[17] = static_cast<uint8_t>(aad.length);
      memcpy(&input[18], aad.data, aad.length);
    }
    if (plain.length > 0) memcpy(&input[16 + aadBytes], plain.data, plain.length);
    const uint8_t zero[16] = {0};
    Bytes chain = pass(block + "-cbc", true, key, {zero, 16}, {input.data(), input.size()});
    Bytes tag(chain.end() - 16, chain.end());
    OPENSSL_cleanse(input.data(), input.size());
    OPENSSL_cleanse(chain.data(), chain.size());
    return tag;
  }

  /// The tag's key stream S_0 comes first, so one CTR pass over tag ‖ data does both (§2.3).
  Bytes stream(View head, View body) const {
    Bytes both(16 + body.length, 0);
    memcpy(both.data(), head.data, head.length);
    if (body.length > 0) memcpy(&both[16], body.data, body.length);
    const Bytes start = counter();
    return pass(block + "-ctr", true, key, {start.data(), 16}, {both.data(), both.size()});
  }
};

Bytes ccmSeal(const Ccm& ccm, View plain) {
  ccm.checkArguments(plain.length);
  const Bytes tag = ccm.mac(plain);
  const Bytes both = ccm.stream({tag.data(), 16}, plain);
  Bytes out(both.begin() + 16, both.end());
  out.insert(out.end(), both.begin(), both.begin() + static_cast<long>(ccm.tagBytes));
  return out;
}

bool ccmOpen(const Ccm& ccm, View sealed, Bytes& out) {
  if (sealed.length < ccm.tagBytes) return false;
  const size_t length = sealed.length - ccm.tagBytes;
  ccm.checkArguments(length);
  Bytes both = ccm.stream({sealed.data + length, ccm.tagBytes}, {sealed.data, length});
  const Bytes tag = ccm.mac({both.data() + 16, length});
  const bool fits = CRYPTO_memcmp(tag.data(), both.data(), ccm.tagBytes) == 0;
  if (fits) out.assign(both.begin() + 16, both.end());
  OPENSSL_cleanse(both.data(), both.size());
  return fits;
}

ContextPtr begin(const std::string& algorithm, bool encrypt, View key, View nonce, int tagBytes) {
  CipherPtr kind = fetch(algorithm);
  const int mode = EVP_CIPHER_get_mode(kind.get());
  if (mode != EVP_CIPH_GCM_MODE && algorithm != "chacha20-poly1305") throw std::runtime_error("not an AEAD");
  checkKey(kind.get(), key);
  if (tagBytes < 4 || tagBytes > 16) throw std::runtime_error("wrong tag length");
  if (nonce.length == 0) throw std::runtime_error("no nonce");
  ContextPtr context(EVP_CIPHER_CTX_new());
  must(context && EVP_CipherInit_ex2(context.get(), kind.get(), nullptr, nullptr, encrypt, nullptr), "cipher");
  must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, asInt(nonce.length), nullptr) > 0, "nonce");
  must(EVP_CipherInit_ex2(context.get(), nullptr, key.data, nonce.data, encrypt, nullptr), "key");
  return context;
}

void update(EVP_CIPHER_CTX* context, uint8_t* out, View in) {
  int length = 0;
  if (in.length > 0) must(EVP_CipherUpdate(context, out, &length, in.data, asInt(in.length)), "data");
}

}  // namespace

Bytes aeadSeal(const std::string& algorithm, View key, View nonce, View aad, View plaintext, int tagBytes) {
  if (endsWith(algorithm, "-ccm")) {
    const std::string block = algorithm.substr(0, algorithm.size() - 4);
    return ccmSeal({block, key, nonce, aad, static_cast<size_t>(tagBytes)}, plaintext);
  }
  ContextPtr context = begin(algorithm, true, key, nonce, tagBytes);
  update(context.get(), nullptr, aad);
  Bytes out(plaintext.length + 16);
  update(context.get(), out.data(), plaintext);
  int length = 0;
  must(EVP_CipherFinal_ex(context.get(), out.data() + plaintext.length, &length), "end");
  must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, tagBytes, out.data() + plaintext.length) > 0, "tag");
  out.resize(plaintext.length + static_cast<size_t>(tagBytes));
  return out;
}

bool aeadOpen(const std::string& algorithm, View key, View nonce, View aad, View sealed, int tagBytes, Bytes& out) {
  if (endsWith(algorithm, "-ccm")) {
    const std::string block = algorithm.substr(0, algorithm.size() - 4);
    return ccmOpen({block, key, nonce, aad, static_cast<size_t>(tagBytes)}, sealed, out);
  }
  ContextPtr context = begin(algorithm, false, key, nonce, tagBytes);
  if (sealed.length < static_cast<size_t>(tagBytes)) return false;
  const size_t length = sealed.length - static_cast<size_t>(tagBytes);
  uint8_t tag[16];
  memcpy(tag, sealed.data + length, static_cast<size_t>(tagBytes));
  must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tagBytes, tag) > 0, "tag");
  update(context.get(), nullptr, aad);
  Bytes plain(length + 16);
  update(context.get(), plain.data(), {sealed.data, length});
  int rest = 0;
  const bool fits = EVP_CipherFinal_ex(context.get(), plain.data() + length, &rest) > 0;
  if (fits) out.assign(plain.begin(), plain.begin() + static_cast<long>(length));
  OPENSSL_cleanse(plain.data(), plain.size());
  return fits;
}

Bytes cipher(const std::string& algorithm, bool encrypt, View key, View iv, View data) {
  return pass(algorithm, encrypt, key, iv, data);
}

}  // namespace culvert
