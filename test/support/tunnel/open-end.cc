// open-end DEVICE LOCAL PEER PORT OFFLOADS PROGRAM ARGS…: opens a TUN device and a connected UDP socket as the helper
// does, and becomes the program, which finds them as descriptors 3 and 4. PORT `raw`: 500, and raw sockets for ESP and
// AH as 5 and 6. OFFLOADS: `vnet` or `plain`.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace {

constexpr uint32_t kMark = 0x43560001;
constexpr int kBuffer = 7 << 20;

void must(bool good, const char* what) {
  if (good) return;
  perror(what);
  exit(1);
}

socklen_t parse(const char* text, const char* port, sockaddr_storage& out) {
  memset(&out, 0, sizeof out);
  const uint16_t number = htons(static_cast<uint16_t>(atoi(port)));
  auto* six = reinterpret_cast<sockaddr_in6*>(&out);
  if (strchr(text, ':') != nullptr) {
    six->sin6_family = AF_INET6;
    six->sin6_port = number;
    must(inet_pton(AF_INET6, text, &six->sin6_addr) == 1, text);
    return sizeof *six;
  }
  auto* four = reinterpret_cast<sockaddr_in*>(&out);
  four->sin_family = AF_INET;
  four->sin_port = number;
  must(inet_pton(AF_INET, text, &four->sin_addr) == 1, text);
  return sizeof *four;
}

int openDevice(const char* name, bool vnet) {
  const int fd = open("/dev/net/tun", O_RDWR);
  must(fd >= 0, "/dev/net/tun");
  ifreq request{};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | (vnet ? IFF_VNET_HDR : 0));
  must(ioctl(fd, TUNSETIFF, &request) == 0, "TUNSETIFF");
  return fd;
}

int openSocket(const char* local, const char* peer, const char* port) {
  sockaddr_storage name;
  socklen_t length = parse(local, port, name);
  const int fd = socket(name.ss_family, SOCK_DGRAM, 0);
  must(fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&name), length) == 0, "bind");
  length = parse(peer, port, name);
  must(connect(fd, reinterpret_cast<sockaddr*>(&name), length) == 0, "connect");
  const int off = name.ss_family == AF_INET6 ? IPV6_PMTUDISC_DONT : IP_PMTUDISC_DONT;
  if (name.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &off, sizeof off);
  else setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &off, sizeof off);
  setsockopt(fd, SOL_SOCKET, SO_MARK, &kMark, sizeof kMark);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kBuffer, sizeof kBuffer);
  return fd;
}

int openRaw(const char* local, const char* peer, int protocol) {
  sockaddr_storage name;
  socklen_t length = parse(local, "0", name);
  const bool six = name.ss_family == AF_INET6;
  const int fd = socket(name.ss_family, SOCK_RAW, protocol);
  const int on = 1;
  constexpr int kIpv6HeaderIncluded = 36;
  must(fd >= 0, "raw socket");
  must(setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? kIpv6HeaderIncluded : IP_HDRINCL, &on, sizeof on) == 0,
       "HDRINCL");
  must(bind(fd, reinterpret_cast<sockaddr*>(&name), length) == 0, "bind");
  length = parse(peer, "0", name);
  must(connect(fd, reinterpret_cast<sockaddr*>(&name), length) == 0, "connect");
  setsockopt(fd, SOL_SOCKET, SO_MARK, &kMark, sizeof kMark);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kBuffer, sizeof kBuffer);
  return fd;
}

}  // namespace

int main(int count, char** values) {
  if (count < 7) return 2;
  const bool raw = strcmp(values[4], "raw") == 0;
  const int opened[] = {
      openDevice(values[1], strcmp(values[5], "vnet") == 0),
      openSocket(values[2], values[3], raw ? "500" : values[4]),
      raw ? openRaw(values[2], values[3], 50) : -1,
      raw ? openRaw(values[2], values[3], 51) : -1,
  };
  // Out of the way first: any may be one of the last numbers already.
  int moved[4];
  for (int i = 0; i < 4; i++) {
    moved[i] = opened[i] < 0 ? -1 : fcntl(opened[i], F_DUPFD, 10);
    if (opened[i] >= 0) close(opened[i]);
  }
  for (int i = 0; i < 4; i++) {
    if (moved[i] < 0) continue;
    must(dup2(moved[i], 3 + i) == 3 + i, "dup2");
    close(moved[i]);
  }
  execvp(values[6], values + 6);
  must(false, values[6]);
}
