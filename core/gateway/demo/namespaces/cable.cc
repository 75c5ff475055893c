#include "cable.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <vector>

namespace culvert {
namespace {

constexpr std::size_t kLargest = 65536 + ETH_HLEN;

struct Owned {
  int fd;
  ~Owned() {
    if (fd >= 0) close(fd);
  }
  int release() {
    const int given = fd;
    fd = -1;
    return given;
  }
};

// One rtnetlink request, built octet by octet: nested attributes are closed by writing their length afterwards.
class Request {
 public:
  Request() : bytes_(NLMSG_LENGTH(0)) {}
  template <typename T>
  void add(const T& value) {
    append(&value, sizeof value);
  }
  std::size_t open(std::uint16_t type, const void* data = nullptr, std::size_t length = 0) {
    const std::size_t at = bytes_.size();
    rtattr header{static_cast<unsigned short>(RTA_LENGTH(length)), type};
    append(&header, sizeof header);
    append(data, length);
    return at;
  }
  void text(std::uint16_t type, const std::string& value) { open(type, value.c_str(), value.size() + 1); }
  void close(std::size_t at) {
    reinterpret_cast<rtattr*>(&bytes_[at])->rta_len = static_cast<unsigned short>(bytes_.size() - at);
  }
  // Returns the error number of the answer.
  int send(std::uint16_t type, std::uint16_t flags) {
    auto* header = reinterpret_cast<nlmsghdr*>(bytes_.data());
    header->nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
    header->nlmsg_type = type;
    header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    Owned socket{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)};
    if (socket.fd < 0 || ::send(socket.fd, bytes_.data(), bytes_.size(), 0) < 0) return errno;
    alignas(nlmsghdr) std::uint8_t answer[4096];
    if (recv(socket.fd, answer, sizeof answer, 0) < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) return EIO;
    return -static_cast<nlmsgerr*>(NLMSG_DATA(reinterpret_cast<nlmsghdr*>(answer)))->error;
  }

 private:
  void append(const void* data, std::size_t length) {
    const auto* p = static_cast<const std::uint8_t*>(data);
    if (length != 0) bytes_.insert(bytes_.end(), p, p + length);
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  }
  std::vector<std::uint8_t> bytes_;
};

void makePair(const std::string& device, const std::string& other) {
  Request request;
  request.add(ifinfomsg{});
  request.text(IFLA_IFNAME, device);
  const std::size_t info = request.open(IFLA_LINKINFO);
  request.text(IFLA_INFO_KIND, "veth");
  const std::size_t data = request.open(IFLA_INFO_DATA);
  const std::size_t peer = request.open(VETH_INFO_PEER);
  request.add(ifinfomsg{});
  request.text(IFLA_IFNAME, other);
  request.close(peer);
  request.close(data);
  request.close(info);
  const int code = request.send(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  if (code != 0) {
    throw Failure{Status::noTun, "make a device without /dev/net/tun", std::string("veth: ") + std::strerror(code)};
  }
}

void control(int fd, unsigned long what, ifreq& request) {
  if (ioctl(fd, what, &request) != 0) failErrno(std::string("set up the device ") + request.ifr_name, errno);
}

ifreq named(const std::string& device) {
  ifreq request{};
  std::memcpy(request.ifr_name, device.c_str(), device.size() + 1);
  return request;
}

// No neighbours to ask for, and no checksum left for a network card to fill in: there is none.
void plain(int fd, const std::string& device) {
  ifreq flags = named(device);
  control(fd, SIOCGIFFLAGS, flags);
  flags.ifr_flags = static_cast<short>(flags.ifr_flags | IFF_NOARP);
  control(fd, SIOCSIFFLAGS, flags);
  for (const std::uint32_t command : {ETHTOOL_STXCSUM, ETHTOOL_SSG, ETHTOOL_STSO, ETHTOOL_SGSO}) {
    ethtool_value value{command, 0};
    ifreq request = named(device);
    request.ifr_data = reinterpret_cast<char*>(&value);
    if (ioctl(fd, SIOCETHTOOL, &request) != 0 && command == ETHTOOL_STXCSUM) failErrno("set up the device " + device, errno);
  }
}

void up(int fd, const std::string& device) {
  ifreq flags = named(device);
  control(fd, SIOCGIFFLAGS, flags);
  flags.ifr_flags = static_cast<short>(flags.ifr_flags | IFF_UP);
  control(fd, SIOCSIFFLAGS, flags);
}

// Ethernet frames on one side, IP packets on the other. `header`: of every frame towards the device.
void carry(int frames, int packets, std::vector<std::uint8_t> header) {
  std::vector<std::uint8_t> buffer(kLargest);
  const auto room = buffer.size() - ETH_HLEN;
  for (;;) {
    pollfd waiting[] = {{frames, POLLIN, 0}, {packets, POLLIN, 0}};
    if (poll(waiting, 2, -1) < 0) {
      if (errno == EINTR) continue;
      break;
    }
    if (waiting[0].revents & POLLIN) {
      sockaddr_ll from{};
      socklen_t length = sizeof from;
      const ssize_t got = recvfrom(frames, buffer.data(), buffer.size(), MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&from), &length);
      const auto protocol = ntohs(from.sll_protocol);
      // What does not fit is lost, as on any network.
      if (got > ETH_HLEN && from.sll_pkttype != PACKET_OUTGOING && (protocol == ETH_P_IP || protocol == ETH_P_IPV6)) {
        send(packets, buffer.data() + ETH_HLEN, static_cast<std::size_t>(got) - ETH_HLEN, MSG_DONTWAIT | MSG_NOSIGNAL);
      }
    } else if (waiting[0].revents != 0) {
      break;  // the device is gone
    }
    if (waiting[1].revents != 0) {
      const ssize_t got = recv(packets, buffer.data() + ETH_HLEN, room, MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) break;
      if (got < 0) continue;
      const bool v6 = buffer[ETH_HLEN] >> 4 == 6;
      std::memcpy(buffer.data(), header.data(), ETH_HLEN);
      buffer[12] = v6 ? 0x86 : 0x08;
      buffer[13] = v6 ? 0xdd : 0x00;
      send(frames, buffer.data(), static_cast<std::size_t>(got) + ETH_HLEN, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
  }
  close(frames);
  close(packets);
}

}  // namespace

int openCable(Netlink& netlink, const std::string& device, int& index) {
  const std::string other = device + "x";
  makePair(device, other);
  index = static_cast<int>(if_nametoindex(device.c_str()));
  const auto otherIndex = static_cast<int>(if_nametoindex(other.c_str()));
  netlink.noLinkLocal(index);
  netlink.noLinkLocal(otherIndex);

  Owned any{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (any.fd < 0) failErrno("set up the device " + device, errno);
  plain(any.fd, device);
  plain(any.fd, other);
  up(any.fd, other);
  ifreq address = named(device);
  control(any.fd, SIOCGIFHWADDR, address);

  Owned frames{socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (frames.fd < 0) failErrno("open a packet socket", errno);
  sockaddr_ll name{};
  name.sll_family = AF_PACKET;
  name.sll_protocol = htons(ETH_P_ALL);
  name.sll_ifindex = otherIndex;
  if (bind(frames.fd, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0) failErrno("open a packet socket", errno);

  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) failErrno("make a pair of sockets", errno);
  std::vector<std::uint8_t> header(ETH_HLEN);
  // Source and destination are the device itself: nobody else is on this wire.
  std::memcpy(header.data(), address.ifr_hwaddr.sa_data, ETH_ALEN);
  std::memcpy(header.data() + ETH_ALEN, address.ifr_hwaddr.sa_data, ETH_ALEN);
  std::thread(carry, frames.release(), pair[1], std::move(header)).detach();
  return pair[0];
}

}  // namespace culvert
