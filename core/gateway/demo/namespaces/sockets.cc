#include "sockets.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace culvert {
namespace {

constexpr int kConnectMs = 5000;

struct Name {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Name nameOf(const Address& address, std::uint16_t port) {
  Name name;
  if (address.v6) {
    auto& in6 = reinterpret_cast<sockaddr_in6&>(name.storage);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    std::memcpy(&in6.sin6_addr, address.octets, 16);
    name.length = sizeof in6;
  } else {
    auto& in4 = reinterpret_cast<sockaddr_in&>(name.storage);
    in4.sin_family = AF_INET;
    in4.sin_port = htons(port);
    std::memcpy(&in4.sin_addr, address.octets, 4);
    name.length = sizeof in4;
  }
  return name;
}

class Socket {
 public:
  Socket(const Address& address, int type, int protocol)
      : fd_(::socket(address.v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol)) {
    if (fd_ < 0) failErrno("open a socket", errno);
  }
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  void bindTo(const Address& address, std::uint16_t port) const {
    const int on = 1;
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const Name name = nameOf(address, port);
    if (bind(fd_, name.get(), name.length) != 0) failErrno("listen on " + address.text(), errno);
  }
  void connectTo(const Address& address, std::uint16_t port) const {
    const Name name = nameOf(address, port);
    if (connect(fd_, name.get(), name.length) == 0) return;
    if (errno != EINPROGRESS) failErrno("reach " + address.text(), errno);
    pollfd waiting{fd_, POLLOUT, 0};
    if (poll(&waiting, 1, kConnectMs) != 1) failErrno("reach " + address.text(), ETIMEDOUT);
    int code = 0;
    socklen_t length = sizeof code;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &code, &length);
    if (code != 0) failErrno("reach " + address.text(), code);
  }
  // The outer packet may be fragmented (RFC 3948 §3.4).
  void allowFragments(bool v6) const {
    const int off = v6 ? IPV6_PMTUDISC_DONT : IP_PMTUDISC_DONT;
    setsockopt(fd_, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &off, sizeof off);
  }
  int fd() const { return fd_; }
  int release() {
    const int given = fd_;
    fd_ = -1;
    return given;
  }

 private:
  int fd_;
};

}  // namespace

int boundUdp(const Address& local, std::uint16_t port) {
  Socket socket(local, SOCK_DGRAM, 0);
  socket.allowFragments(local.v6);
  socket.bindTo(local, port);
  return socket.release();
}

int connectedUdp(const Address* local, const Address& remote, std::uint16_t port) {
  Socket socket(remote, SOCK_DGRAM, 0);
  socket.allowFragments(remote.v6);
  if (local != nullptr) socket.bindTo(*local, 0);
  socket.connectTo(remote, port);
  return socket.release();
}

int listeningTcp(const Address& local, std::uint16_t port) {
  Socket socket(local, SOCK_STREAM, 0);
  socket.bindTo(local, port);
  if (listen(socket.fd(), 128) != 0) failErrno("listen on " + local.text(), errno);
  return socket.release();
}

int connectedTcp(const Address& remote, std::uint16_t port) {
  Socket socket(remote, SOCK_STREAM, 0);
  socket.connectTo(remote, port);
  return socket.release();
}

int connectedIcmp(const Address& remote) {
  Socket socket(remote, SOCK_RAW, remote.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
  socket.connectTo(remote, 0);
  return socket.release();
}

}  // namespace culvert
