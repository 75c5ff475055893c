// What an ICMP message can cause on a UDP socket: anyone could send one, so it must not end anything.
#pragma once

#include <errno.h>

namespace culvert {

inline bool isPassing(int number) {
  switch (number) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case ENONET:
    case EMSGSIZE:
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EACCES:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

}  // namespace culvert
