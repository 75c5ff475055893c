#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>

#include <cstring>
#include <memory>

#include "crypto.h"

namespace culvert {
namespace {

struct Free {
  void operator()(BIGNUM* n) const { BN_clear_free(n); }
  void operator()(BN_CTX* c) const { BN_CTX_free(c); }
  void operator()(EC_GROUP* g) const { EC_GROUP_free(g); }
  void operator()(EC_POINT* p) const { EC_POINT_clear_free(p); }
  void operator()(EVP_PKEY* k) const { EVP_PKEY_free(k); }
  void operator()(EVP_PKEY_CTX* c) const { EVP_PKEY_CTX_free(c); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

template <typename T>
T* must(T* made) {
  if (made == nullptr) throw std::runtime_error("libcrypto is out of memory");
  return made;
}

void must(int ok, const char* what) {
  if (ok != 1) throw std::runtime_error(std::string("libcrypto refused: ") + what);
}

Owned<BIGNUM> number(View octets) {
  return Owned<BIGNUM>(must(BN_bin2bn(octets.data, static_cast<int>(octets.length), nullptr)));
}

Owned<BIGNUM> secretNumber(View octets) {
  Owned<BIGNUM> n(must(BN_secure_new()));
  must(BN_bin2bn(octets.data, static_cast<int>(octets.length), n.get()));
  BN_set_flags(n.get(), BN_FLG_CONSTTIME);
  return n;
}

Bytes padded(const BIGNUM* n, size_t length) {
  Bytes out(length);
  must(BN_bn2binpad(n, out.data(), static_cast<int>(length)) >= 0 ? 1 : 0, "length");
  return out;
}

/// The primes of RFC 2409 §6 and RFC 3526, by their IANA number.
Owned<BIGNUM> prime(int group) {
  switch (group) {
    case 1: return Owned<BIGNUM>(must(BN_get_rfc2409_prime_768(nullptr)));
    case 2: return Owned<BIGNUM>(must(BN_get_rfc2409_prime_1024(nullptr)));
    case 5: return Owned<BIGNUM>(must(BN_get_rfc3526_prime_1536(nullptr)));
    case 14: return Owned<BIGNUM>(must(BN_get_rfc3526_prime_2048(nullptr)));
    case 15: return Owned<BIGNUM>(must(BN_get_rfc3526_prime_3072(nullptr)));
    case 16: return Owned<BIGNUM>(must(BN_get_rfc3526_prime_4096(nullptr)));
    case 17: return Owned<BIGNUM>(must(BN_get_rfc3526_prime_6144(nullptr)));
    case 18: return Owned<BIGNUM>(must(BN_get_rfc3526_prime_8192(nullptr)));
    default: throw std::runtime_error("no MODP group of this number");
  }
}

Bytes power(const BIGNUM* base, View exponent, const BIGNUM* modulus) {
  Owned<BN_CTX> context(must(BN_CTX_secure_new()));
  Owned<BIGNUM> x = secretNumber(exponent);
  if (BN_is_zero(x.get()) || BN_is_one(x.get())) throw std::runtime_error("the exponent is 0 or 1");
  Owned<BIGNUM> result(must(BN_secure_new()));
  must(BN_mod_exp_mont_consttime(result.get(), base, x.get(), modulus, context.get(), nullptr), "exponent");
  return padded(result.get(), static_cast<size_t>(BN_num_bytes(modulus)));
}

struct Curve {
  Owned<EC_GROUP> group;
  Owned<BN_CTX> context;
  size_t fieldBytes;

  explicit Curve(const std::string& name) : context(must(BN_CTX_secure_new())) {
    group.reset(EC_GROUP_new_by_curve_name(OBJ_txt2nid(name.c_str())));
    if (!group) throw std::runtime_error("libcrypto has no curve " + name);
    fieldBytes = (static_cast<size_t>(EC_GROUP_get_degree(group.get())) + 7) / 8;
  }

  Owned<BIGNUM> scalar(View octets) const {
    Owned<BIGNUM> d = secretNumber(octets);
    if (BN_is_zero(d.get()) || BN_cmp(d.get(), EC_GROUP_get0_order(group.get())) >= 0) {
      throw std::runtime_error("the scalar is not in 1 … n−1");
    }
    return d;
  }

  Owned<EC_POINT> point() const { return Owned<EC_POINT>(must(EC_POINT_new(group.get()))); }
};

Owned<EVP_PKEY> x448(View scalar) {
  Owned<EVP_PKEY> key(EVP_PKEY_new_raw_private_key(EVP_PKEY_X448, nullptr, scalar.data, scalar.length));
  if (!key) throw std::runtime_error("an X448 scalar has 56 octets");
  return key;
}

}  // namespace

Bytes modpPublic(int group, View exponent) {
  Owned<BIGNUM> p = prime(group);
  Owned<BIGNUM> two(must(BN_new()));
  must(BN_set_word(two.get(), 2), "generator");
  return power(two.get(), exponent, p.get());
}

bool modpShared(int group, View exponent, View peer, Bytes& out) {
  Owned<BIGNUM> p = prime(group);
  Owned<BIGNUM> y = number(peer);
  Owned<BIGNUM> limit(must(BN_dup(p.get())));
  must(BN_sub_word(limit.get(), 1), "prime");
  // RFC 6989 §2.1: 1 < y < p−1. All these primes are safe ones, so nothing else is in a small subgroup.
  if (peer.length != static_cast<size_t>(BN_num_bytes(p.get()))) return false;
  if (BN_is_zero(y.get()) || BN_is_one(y.get()) || BN_cmp(y.get(), limit.get()) >= 0) return false;
  out = power(y.get(), exponent, p.get());
  return true;
}

Bytes ecPublic(const std::string& name, View octets) {
  const Curve curve(name);
  Owned<BIGNUM> d = curve.scalar(octets);
  Owned<EC_POINT> q = curve.point();
  must(EC_POINT_mul(curve.group.get(), q.get(), d.get(), nullptr, nullptr, curve.context.get()), "scalar");
  Bytes out(1 + 2 * curve.fieldBytes);
  const size_t length = EC_POINT_point2oct(curve.group.get(), q.get(), POINT_CONVERSION_UNCOMPRESSED, out.data(),
                                           out.size(), curve.context.get());
  must(length == out.size() ? 1 : 0, "point");
  out.erase(out.begin());
  return out;
}

bool ecShared(const std::string& name, View octets, View peer, Bytes& out) {
  const Curve curve(name);
  Owned<BIGNUM> d = curve.scalar(octets);
  if (peer.length != 2 * curve.fieldBytes) return false;
  Bytes encoded(1 + peer.length);
  encoded[0] = POINT_CONVERSION_UNCOMPRESSED;
  memcpy(&encoded[1], peer.data, peer.length);
  Owned<EC_POINT> theirs = curve.point();
  // RFC 6989 §2.3: oct2point refuses coordinates outside the field and points off the curve.
  if (EC_POINT_oct2point(curve.group.get(), theirs.get(), encoded.data(), encoded.size(), curve.context.get()) != 1) {
    return false;
  }
  Owned<EC_POINT> product = curve.point();
  must(EC_POINT_mul(curve.group.get(), product.get(), nullptr, theirs.get(), d.get(), curve.context.get()), "scalar");
  if (EC_POINT_is_at_infinity(curve.group.get(), product.get())) return false;
  Owned<BIGNUM> x(must(BN_secure_new()));
  must(EC_POINT_get_affine_coordinates(curve.group.get(), product.get(), x.get(), nullptr, curve.context.get()), "x");
  out = padded(x.get(), curve.fieldBytes);
  return true;
}

Bytes x448Public(View scalar) {
  Owned<EVP_PKEY> key = x448(scalar);
  Bytes out(56);
  size_t length = out.size();
  must(EVP_PKEY_get_raw_public_key(key.get(), out.data(), &length), "scalar");
  return out;
}

bool x448Shared(View scalar, View peer, Bytes& out) {
  Owned<EVP_PKEY> ours = x448(scalar);
  if (peer.length != 56) return false;
  Owned<EVP_PKEY> theirs(EVP_PKEY_new_raw_public_key(EVP_PKEY_X448, nullptr, peer.data, peer.length));
  if (!theirs) return false;
  Owned<EVP_PKEY_CTX> context(must(EVP_PKEY_CTX_new(ours.get(), nullptr)));
  must(EVP_PKEY_derive_init(context.get()), "scalar");
  must(EVP_PKEY_derive_set_peer(context.get(), theirs.get()), "peer");
  Bytes shared(56);
  size_t length = shared.size();
  // An all-zero result (a point of small order, RFC 7748 §6.2) makes libcrypto refuse.
  if (EVP_PKEY_derive(context.get(), shared.data(), &length) != 1 || length != 56) return false;
  out = shared;
  OPENSSL_cleanse(shared.data(), shared.size());
  return true;
}

}  // namespace culvert
