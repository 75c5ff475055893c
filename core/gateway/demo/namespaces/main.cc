// culvert-space: two network namespaces for the demo tunnel, and descriptors from inside them. Descriptor 0 is a
// SOCK_SEQPACKET socket to the program that started it; each message is a line of words, and so is each answer:
// `ok WORDS…` with the descriptor asked for, or `fail KIND WHAT|WHY`. When the socket closes everything is gone with
// this process, for nothing outside of the namespaces was touched.
#include <arpa/inet.h>
#include <net/if.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <sstream>

#include "cable.h"
#include "../../../net/helper/sockets.h"
#include "namespaces.h"
#include "sockets.h"

namespace culvert {
namespace {

constexpr int kPeer = 0;
constexpr std::uint32_t kMainTable = 254;

struct Answer {
  std::string text;
  int fd = -1;
};

bool say(const Answer& answer) {
  iovec part{const_cast<char*>(answer.text.data()), answer.text.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (answer.fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &answer.fd, sizeof answer.fd);
  }
  ssize_t sent;
  while ((sent = sendmsg(kPeer, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR) {
  }
  if (answer.fd >= 0) close(answer.fd);
  return sent >= 0;
}

bool say(const Failure& failure) {
  const char* kind = failure.status == Status::noTun          ? "noTun"
                     : failure.status == Status::noPermission ? "noPermission"
                                                              : "systemRefused";
  return say(Answer{std::string("fail ") + kind + " " + failure.what + "|" + failure.problem});
}

// The words of one request, in order.
class Words {
 public:
  explicit Words(const std::string& text) : in_(text) {}

  std::string word() {
    std::string text;
    if (!(in_ >> text)) refuse("read a request", "a word is missing");
    return text;
  }
  Side side() {
    const std::string text = word();
    if (text == "here") return Side::here;
    if (text == "there") return Side::there;
    refuse("read a request", "neither here nor there: " + text);
  }
  std::string device() {
    const std::string text = word();
    if (!isDeviceName(text)) refuse("read a request", "not a device of ours: " + text);
    return text;
  }
  unsigned number(unsigned most) {
    const std::string text = word();
    unsigned value = 0;
    for (const char digit : text) {
      if (digit < '0' || digit > '9' || value > most) refuse("read a request", "not a number: " + text);
      value = value * 10 + static_cast<unsigned>(digit - '0');
    }
    if (value > most) refuse("read a request", "too large: " + text);
    return value;
  }
  Address address() { return addressOf(word()); }
  Prefix prefix() {
    const std::string text = word();
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos) refuse("read a request", "not a prefix: " + text);
    Prefix prefix;
    prefix.address = addressOf(text.substr(0, slash));
    prefix.bits = static_cast<std::uint8_t>(Words(text.substr(slash + 1)).number(prefix.address.v6 ? 128 : 32));
    return prefix;
  }

 private:
  static Address addressOf(const std::string& text) {
    Address address;
    address.v6 = text.find(':') != std::string::npos;
    if (inet_pton(address.v6 ? AF_INET6 : AF_INET, text.c_str(), address.octets) != 1) {
      refuse("read a request", "not an address: " + text);
    }
    return address;
  }
  std::istringstream in_;
};

int indexOf(const std::string& device) {
  const auto index = static_cast<int>(if_nametoindex(device.c_str()));
  if (index == 0) failErrno("find the device " + device, errno);
  return index;
}

Answer openDevice(Netlink& netlink, const std::string& device) {
  int index = 0;
  try {
    const int fd = openTun(device, index);
    netlink.noLinkLocal(index);
    return {"ok tun", fd};
  } catch (const Failure& failure) {
    if (failure.status == Status::systemRefused) throw;
    // No device file, or none that we may open.
    return {"ok cable", openCable(netlink, device, index)};
  }
}

Answer serve(Namespaces& spaces, const std::string& text) {
  Words words(text);
  const std::string verb = words.word();
  const Side side = words.side();
  Netlink& netlink = spaces.netlink(side);
  spaces.enter(side);
  if (verb == "device") return openDevice(netlink, words.device());
  if (verb == "remove") {
    const auto index = static_cast<int>(if_nametoindex(words.device().c_str()));
    if (index != 0) netlink.deleteLink(index);
    return {"ok"};
  }
  if (verb == "up") {
    const int index = indexOf(words.device());
    netlink.setLink(index, words.number(9216));
    return {"ok"};
  }
  if (verb == "address" || verb == "unaddress") {
    const std::string device = words.word();
    const int index = device == "lo" ? indexOf(device) : indexOf(Words(device).device());
    const Prefix prefix = words.prefix();
    if (verb == "address") {
      netlink.addAddress(index, prefix);
    } else {
      netlink.deleteAddress(index, prefix);
    }
    return {"ok"};
  }
  if (verb == "route" || verb == "unroute") {
    const int index = indexOf(words.device());
    const Route route{words.prefix(), RouteKind::tunnel};
    if (verb == "route") {
      netlink.setRoute(kMainTable, route, index, nullptr);
    } else {
      netlink.deleteRoute(kMainTable, route);
    }
    return {"ok"};
  }
  const Address address = words.address();
  if (verb == "icmp") return {"ok", connectedIcmp(address)};
  const auto port = static_cast<std::uint16_t>(words.number(65535));
  if (verb == "udp") return {"ok", boundUdp(address, port)};
  if (verb == "udp-to") return {"ok", connectedUdp(nullptr, address, port)};
  if (verb == "udp-from") {
    const Address local = words.address();
    return {"ok", connectedUdp(&local, address, port)};
  }
  if (verb == "listen") return {"ok", listeningTcp(address, port)};
  if (verb == "connect") return {"ok", connectedTcp(address, port)};
  refuse("read a request", "unknown verb: " + verb);
}

int run() {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(kPeer, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) {
    std::fputs("culvert-space is started by Culvert, not by hand\n", stderr);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  try {
    Namespaces spaces;
    if (!say(Answer{"ok"})) return 0;
    char buffer[1024];
    for (;;) {
      const ssize_t got = recv(kPeer, buffer, sizeof buffer, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return 0;
      bool told;
      try {
        told = say(serve(spaces, std::string(buffer, static_cast<std::size_t>(got))));
      } catch (const Failure& failure) {
        told = say(failure);
      }
      // Between requests this process is on the client's side, for whoever wants to look in (nsenter).
      spaces.enter(Side::here);
      if (!told) return 0;
    }
  } catch (const Failure& failure) {
    say(failure);
    return 1;
  }
}

}  // namespace
}  // namespace culvert

int main() {
  const int code = culvert::run();
  // Threads that carry packets may still run; there is nothing to tidy up for them.
  _exit(code);
}
