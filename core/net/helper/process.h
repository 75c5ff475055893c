// Programs of the system, run without a shell and with an environment of their own.
#pragma once
#include <string>
#include <vector>

namespace culvert {

struct Ran {
  bool done = false;   // it ran and ended with 0
  std::string said;    // the first line of what it complained about
};

// `input` is all it can read. Waits until it has ended.
Ran run(const char* path, const std::vector<std::string>& arguments, const std::string& input = "");

}  // namespace culvert
