// The ESP transforms of the IANA registry as rows. The TypeScript registry (core/crypto) has the same ones;
// a test compares them.
#pragma once

#include "transform.h"

namespace culvert::esp {

enum class Mode { gcm, chachaPoly, ccm, cbc, ctr, null };
enum class Block { none, aes, camellia, des, tripleDes };

/// Transform type 1. RFC 7296 §3.3.2
struct Encryption {
  int id;
  Mode mode;
  Block block;
  size_t saltBytes;
  size_t ivBytes;
  size_t blockBytes;
  /// 0: the integrity algorithm makes the ICV.
  size_t icvBytes;
};

enum class MacKind { hmacMd5, hmacSha1, hmacSha256, hmacSha384, hmacSha512, aesXcbc, aesCmac };

/// Transform type 3. RFC 7296 §3.3.2
struct Integrity {
  int id;
  MacKind mac;
  size_t keyBytes;
  size_t icvBytes;
};

/// nullptr: not known.
const Encryption* findEncryption(int id) noexcept;
const Integrity* findIntegrity(int id) noexcept;

bool takesKeyBits(const Encryption& encryption, size_t keyBits) noexcept;

}  // namespace culvert::esp
