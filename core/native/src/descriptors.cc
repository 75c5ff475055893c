#include "descriptors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "device.h"

namespace culvert {

void socketPair(int pair[2]) {
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) throw SystemError{"socketpair", errno};
}

void sendMessage(int fd, View bytes, const std::vector<int>& fds) {
  constexpr size_t kMaxFds = 64;
  if (fds.size() > kMaxFds) throw std::runtime_error("too many descriptors for one message");
  iovec part{const_cast<uint8_t*>(bytes.data), bytes.length};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxFds)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
  }
  ssize_t sent;
  do {
    sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) throw SystemError{"sendmsg", errno};
}

void closeDescriptor(int fd) {
  // After EINTR Linux has closed the descriptor all the same.
  if (close(fd) != 0 && errno != EINTR) throw SystemError{"close", errno};
}

namespace {

/// The header before the packet says that there is nothing to do.
ssize_t writeDevice(int fd, View packet) {
  static const uint8_t nothing[64] = {0};
  const size_t header = std::min(deviceHeaderBytes(fd), sizeof nothing);
  const iovec parts[2] = {{const_cast<uint8_t*>(nothing), header}, {const_cast<uint8_t*>(packet.data), packet.length}};
  return writev(fd, parts, 2);
}

}  // namespace

int bindUdp(const std::string& address, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    throw SystemError{"bind", EINVAL};
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> name(found, freeaddrinfo);
  const bool v6 = name->ai_family == AF_INET6;
  const int fd = socket(name->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) throw SystemError{"socket", errno};
  // ESP in UDP must get through small links: the outer packet may be fragmented. RFC 3948 §3.4
  const int off = v6 ? IPV6_PMTUDISC_DONT : IP_PMTUDISC_DONT;
  const int only = 1;
  if (setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &off, sizeof off) != 0 ||
      (v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0) ||
      bind(fd, name->ai_addr, name->ai_addrlen) != 0) {
    const int code = errno;
    close(fd);
    throw SystemError{"bind", code};
  }
  return fd;
}

int watchNetwork() {
  const int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0) throw SystemError{"socket", errno};
  sockaddr_nl name{};
  name.nl_family = AF_NETLINK;
  name.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0) {
    const int code = errno;
    close(fd);
    throw SystemError{"bind", code};
  }
  return fd;
}

bool writePacket(int fd, View packet) {
  ssize_t sent;
  do {
    sent = send(fd, packet.data, packet.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == ENOTSOCK) sent = writeDevice(fd, packet);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return true;
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return false;
  throw SystemError{"write", errno};
}

Endpoint socketName(int fd, bool remote) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  auto* plain = reinterpret_cast<sockaddr*>(&name);
  if ((remote ? getpeername(fd, plain, &length) : getsockname(fd, plain, &length)) != 0) {
    throw SystemError{remote ? "getpeername" : "getsockname", errno};
  }
  if (name.ss_family == AF_INET6) {
    const auto* six = reinterpret_cast<sockaddr_in6*>(&name);
    if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
      char text[INET_ADDRSTRLEN];
      inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], text, sizeof text);
      return {text, ntohs(six->sin6_port)};
    }
  } else if (name.ss_family != AF_INET) {
    throw SystemError{"getsockname", EAFNOSUPPORT};
  }
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (getnameinfo(plain, length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    throw SystemError{"getnameinfo", EINVAL};
  }
  return {host, atoi(port)};
}

}  // namespace culvert
