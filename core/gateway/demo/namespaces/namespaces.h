// Two network namespaces, and a user namespace around them where that is needed.
#pragma once
#include <string>

#include "netlink.h"

namespace culvert {

// `here` is the client's side, `there` the gateway's; no packet gets from one to the other but through the app.
enum class Side { here = 0, there = 1 };

class Namespaces {
 public:
  // Needs a process of one thread. Throws `Failure` (noPermission) where the system does not allow it.
  Namespaces();
  ~Namespaces();
  Namespaces(const Namespaces&) = delete;
  Namespaces& operator=(const Namespaces&) = delete;

  // The calling thread works on this side from now on.
  void enter(Side side);
  Netlink& netlink(Side side) { return *netlinks_[static_cast<int>(side)]; }

 private:
  int fds_[2] = {-1, -1};
  Netlink* netlinks_[2] = {nullptr, nullptr};
};

}  // namespace culvert
