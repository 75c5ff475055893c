// Why a verb was not carried out. The numbers travel in replies (docs/decisions/helper-protocol.md).
#pragma once
#include <cerrno>
#include <cstring>
#include <string>

namespace culvert {

enum class Status : unsigned char {
  done = 0,
  badRequest = 1,
  noTun = 2,
  noPermission = 3,
  systemRefused = 4,
};

struct Failure {
  Status status;
  std::string what;     // what was attempted, e.g. "add route 10.0.0.0/8"
  std::string problem;  // why not, e.g. "Operation not permitted"
};

[[noreturn]] inline void refuse(const std::string& what, const std::string& problem) {
  throw Failure{Status::badRequest, what, problem};
}

[[noreturn]] inline void failErrno(const std::string& what, int code) {
  const Status status = code == EPERM || code == EACCES ? Status::noPermission : Status::systemRefused;
  throw Failure{status, what, std::strerror(code)};
}

}  // namespace culvert
