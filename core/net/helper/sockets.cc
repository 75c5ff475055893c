#include "sockets.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink.h"

namespace culvert {
namespace {

constexpr int kIpv6HeaderIncluded = 36;  // IPV6_HDRINCL of Linux, which the headers of libc lack
constexpr int kBuffer = 7 << 20;  // octets; a burst of a fast gateway must find room

struct Owned {
  int fd;
  explicit Owned(int fd) : fd(fd) {}
  Owned(Owned&& other) noexcept : fd(other.release()) {}
  ~Owned() {
    if (fd >= 0) close(fd);
  }
  int release() {
    const int given = fd;
    fd = -1;
    return given;
  }
};

socklen_t toSocket(const Address& address, std::uint16_t port, sockaddr_storage& to) {
  std::memset(&to, 0, sizeof to);
  if (address.v6) {
    auto& in6 = reinterpret_cast<sockaddr_in6&>(to);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    std::memcpy(&in6.sin6_addr, address.octets, 16);
    return sizeof in6;
  }
  auto& in4 = reinterpret_cast<sockaddr_in&>(to);
  in4.sin_family = AF_INET;
  in4.sin_port = htons(port);
  std::memcpy(&in4.sin_addr, address.octets, 4);
  return sizeof in4;
}

// Connects to `address`; which end it got goes to `local`, and its port is returned.
std::uint16_t reach(int fd, const Address& address, std::uint16_t port, Address& local) {
  sockaddr_storage name;
  const socklen_t length = toSocket(address, port, name);
  // Of TCP nobody waits here for the other end.
  if (connect(fd, reinterpret_cast<sockaddr*>(&name), length) != 0 && errno != EINPROGRESS)
    failErrno("reach " + address.text(), errno);
  socklen_t room = sizeof name;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&name), &room) != 0) failErrno("name a socket", errno);
  local.v6 = name.ss_family == AF_INET6;
  if (local.v6) {
    const auto& in6 = reinterpret_cast<const sockaddr_in6&>(name);
    std::memcpy(local.octets, &in6.sin6_addr, 16);
    return ntohs(in6.sin6_port);
  }
  const auto& in4 = reinterpret_cast<const sockaddr_in&>(name);
  std::memcpy(local.octets, &in4.sin_addr, 4);
  return ntohs(in4.sin_port);
}

// With the mark that keeps it out of every tunnel.
Owned marked(int family, int type, int protocol, const char* what) {
  Owned socket{::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol)};
  if (socket.fd < 0) failErrno(std::string("open ") + what, errno);
  const std::uint32_t mark = kMark;
  if (setsockopt(socket.fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0) {
    failErrno(std::string("mark ") + what, errno);
  }
  setsockopt(socket.fd, SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer);
  setsockopt(socket.fd, SOL_SOCKET, SO_SNDBUFFORCE, &kBuffer, sizeof kBuffer);
  return socket;
}

}  // namespace

int openUdp(const Address& address, std::uint16_t port, Address& local, std::uint16_t& localPort) {
  Owned socket = marked(address.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0, "a UDP socket");
  // ESP in UDP must get through small links: the outer packet may be fragmented (RFC 3948 §3.4).
  if (address.v6) {
    const int off = IPV6_PMTUDISC_DONT;
    setsockopt(socket.fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &off, sizeof off);
  } else {
    const int off = IP_PMTUDISC_DONT;
    setsockopt(socket.fd, IPPROTO_IP, IP_MTU_DISCOVER, &off, sizeof off);
  }
  localPort = reach(socket.fd, address, port, local);
  return socket.release();
}

int openTcp(const Address& address, std::uint16_t port, Address& local, std::uint16_t& localPort) {
  Owned socket = marked(address.v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0, "a TCP socket");
  localPort = reach(socket.fd, address, port, local);
  return socket.release();
}

int openRaw(const Address& address, std::uint8_t protocol, Address& local) {
  Owned socket = marked(address.v6 ? AF_INET6 : AF_INET, SOCK_RAW, protocol, "a raw socket");
  // An AH covers the header in front of it, so we write that ourselves. RFC 4302 §3.3.3.1
  const int on = 1;
  const int code = address.v6 ? setsockopt(socket.fd, IPPROTO_IPV6, kIpv6HeaderIncluded, &on, sizeof on)
                              : setsockopt(socket.fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof on);
  if (code != 0) failErrno("write IP headers", errno);
  reach(socket.fd, address, 0, local);
  return socket.release();
}

int openTun(const std::string& device, int& index) {
  Owned tun{open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)};
  if (tun.fd < 0) {
    const Status status = errno == EPERM || errno == EACCES ? Status::noPermission : Status::noTun;
    throw Failure{status, "open /dev/net/tun", std::strerror(errno)};
  }
  ifreq request{};
  std::memcpy(request.ifr_name, device.c_str(), device.size() + 1);
  // EXCL: never take over a device that somebody keeps. VNET_HDR: packets may come and go several at a time.
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL);
  if (ioctl(tun.fd, TUNSETIFF, &request) != 0) {
    if (errno == EBUSY) throw Failure{Status::systemRefused, "make the device " + device, "it exists already"};
    failErrno("make the device " + device, errno);
  }
  index = static_cast<int>(if_nametoindex(device.c_str()));
  if (index == 0) failErrno("find the device " + device, errno);
  return tun.release();
}

}  // namespace culvert
