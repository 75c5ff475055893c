// open-end DEVICE LOCAL PEER PORT OFFLOADS PROGRAM ARGS…: opens a TUN device and a connected UDP socket as the helper
// does, and becomes the program, which finds them as descriptors 3 and 4. OFFLOADS: `vnet` or `plain`.
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
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kBuffer, sizeof kBuffer);
  return fd;
}

}  // namespace

int main(int count, char** values) {
  if (count < 7) return 2;
  const int device = openDevice(values[1], strcmp(values[5], "vnet") == 0);
  const int udp = openSocket(values[2], values[3], values[4]);
  // Out of the way first: either may be 3 or 4 already.
  const int a = fcntl(device, F_DUPFD, 10);
  const int b = fcntl(udp, F_DUPFD, 10);
  must(a >= 0 && b >= 0 && dup2(a, 3) == 3 && dup2(b, 4) == 4, "dup2");
  close(a);
  close(b);
  for (const int fd : {device, udp}) {
    if (fd != 3 && fd != 4) close(fd);
  }
  execvp(values[6], values + 6);
  must(false, values[6]);
}
