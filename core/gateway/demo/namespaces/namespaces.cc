#include "namespaces.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace culvert {
namespace {

constexpr const char* kAttempt = "make network namespaces";

void write(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  const bool done = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int code = errno;
  if (fd >= 0) close(fd);
  if (!done) throw Failure{Status::noPermission, kAttempt, std::string(path) + ": " + std::strerror(code)};
}

// Whoever may not make a network namespace may often do so in a user namespace of their own.
void unshareAll() {
  if (unshare(CLONE_NEWNET) == 0) return;
  const std::string uid = std::to_string(getuid());
  const std::string gid = std::to_string(getgid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    throw Failure{Status::noPermission, kAttempt, std::string("unshare: ") + std::strerror(errno)};
  }
  // Without this the kernel lets nobody but root map a group: user_namespaces(7).
  write("/proc/self/setgroups", "deny");
  write("/proc/self/uid_map", "0 " + uid + " 1");
  write("/proc/self/gid_map", "0 " + gid + " 1");
}

int current() {
  const int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (fd < 0) failErrno(kAttempt, errno);
  return fd;
}

void bringLoopbackUp() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) failErrno(kAttempt, errno);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool done = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  const int code = errno;
  close(fd);
  // Some systems allow the namespace and then nothing inside it.
  if (!done) throw Failure{Status::noPermission, kAttempt, std::string("inside: ") + std::strerror(code)};
}

}  // namespace

Namespaces::Namespaces() {
  for (int side = 0; side < 2; side++) {
    if (side == 0) {
      unshareAll();
    } else if (unshare(CLONE_NEWNET) != 0) {
      failErrno(kAttempt, errno);
    }
    fds_[side] = current();
    bringLoopbackUp();
    netlinks_[side] = new Netlink();
  }
  enter(Side::here);
}

Namespaces::~Namespaces() {
  for (const auto* netlink : netlinks_) delete netlink;
  for (const int fd : fds_) close(fd);
}

void Namespaces::enter(Side side) {
  if (setns(fds_[static_cast<int>(side)], CLONE_NEWNET) != 0) failErrno("enter a namespace", errno);
}

}  // namespace culvert
