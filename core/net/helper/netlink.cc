#include "netlink.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace culvert {

struct Netlink::Message {
  std::vector<std::uint8_t> bytes;

  Message(std::uint16_t type, std::uint16_t flags) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    add(&header, sizeof header);
  }
  template <typename T>
  void body(const T& value) {
    add(&value, sizeof value);
  }
  void attribute(std::uint16_t type, const void* data, std::size_t length) {
    rtattr header{};
    header.rta_type = type;
    header.rta_len = static_cast<unsigned short>(RTA_LENGTH(length));
    add(&header, sizeof header);
    add(data, length);
  }
  void attribute(std::uint16_t type, std::uint32_t value) { attribute(type, &value, sizeof value); }
  void attribute(std::uint16_t type, const Address& a) { attribute(type, a.octets, a.length()); }
  std::size_t open(std::uint16_t type) {
    const std::size_t at = bytes.size();
    attribute(static_cast<std::uint16_t>(type | NLA_F_NESTED), nullptr, 0);
    return at;
  }
  void close(std::size_t at) {
    reinterpret_cast<rtattr*>(&bytes[at])->rta_len = static_cast<unsigned short>(bytes.size() - at);
  }

 private:
  void add(const void* data, std::size_t length) {
    const auto* p = static_cast<const std::uint8_t*>(data);
    if (length != 0) bytes.insert(bytes.end(), p, p + length);
    bytes.resize(NLMSG_ALIGN(bytes.size()));
  }
};

namespace {

template <typename Visit>
void eachAttribute(const std::uint8_t* at, std::size_t length, Visit visit) {
  auto left = static_cast<int>(length);
  for (auto* a = reinterpret_cast<const rtattr*>(at); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
    visit(static_cast<std::uint16_t>(a->rta_type & NLA_TYPE_MASK), static_cast<const std::uint8_t*>(RTA_DATA(a)),
          static_cast<std::size_t>(RTA_PAYLOAD(a)));
  }
}

std::uint32_t u32(const std::uint8_t* p) {
  std::uint32_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

void take(Address& address, const std::uint8_t* p, std::size_t length) {
  if (length == address.length()) std::memcpy(address.octets, p, length);
}

std::uint8_t family(bool v6) { return v6 ? AF_INET6 : AF_INET; }

std::uint8_t routeType(RouteKind kind) {
  return kind == RouteKind::tunnel ? RTN_UNICAST : kind == RouteKind::bypass ? RTN_THROW : RTN_UNREACHABLE;
}

fib_rule_hdr ruleHeader(bool v6) {
  fib_rule_hdr header{};
  header.family = family(v6);
  header.action = FR_ACT_TO_TBL;
  header.flags = FIB_RULE_INVERT;
  return header;
}

rtmsg routeHeader(const Route& route) {
  rtmsg header{};
  header.rtm_family = family(route.to.address.v6);
  header.rtm_dst_len = route.to.bits;
  header.rtm_table = RT_TABLE_UNSPEC;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = routeType(route.kind);
  return header;
}

}  // namespace

Netlink::Netlink() : fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
  if (fd_ < 0) failErrno("open a routing socket", errno);
  const int on = 1;
  setsockopt(fd_, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
}

Netlink::~Netlink() { close(fd_); }

// Sends one request and reads until its acknowledgement; returns errno of the answer.
int Netlink::ask(Message& message, std::vector<std::vector<std::uint8_t>>* dump) {
  auto* header = reinterpret_cast<nlmsghdr*>(message.bytes.data());
  header->nlmsg_len = static_cast<std::uint32_t>(message.bytes.size());
  header->nlmsg_seq = ++sequence_;
  if (send(fd_, message.bytes.data(), message.bytes.size(), 0) < 0) return errno;
  std::vector<std::uint8_t> buffer(64 * 1024);
  for (;;) {
    const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    auto left = static_cast<unsigned>(got);
    for (auto* h = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
      if (h->nlmsg_seq != sequence_) continue;
      if (h->nlmsg_type == NLMSG_DONE) return 0;
      if (h->nlmsg_type == NLMSG_ERROR) return -static_cast<nlmsgerr*>(NLMSG_DATA(h))->error;
      if (dump != nullptr) {
        const auto* p = static_cast<const std::uint8_t*>(NLMSG_DATA(h));
        dump->emplace_back(p, p + NLMSG_PAYLOAD(h, 0));
      }
    }
  }
}

void Netlink::change(Message& message, const std::string& what, int tolerated) {
  const int code = ask(message, nullptr);
  if (code != 0 && code != tolerated) failErrno(what, code);
}

void Netlink::setLink(int index, unsigned mtu) {
  Message message(RTM_NEWLINK, NLM_F_ACK);
  ifinfomsg header{};
  header.ifi_index = index;
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  message.body(header);
  message.attribute(IFLA_MTU, mtu);
  change(message, "bring the tunnel device up");
}

void Netlink::noLinkLocal(int index) {
  Message message(RTM_NEWLINK, NLM_F_ACK);
  ifinfomsg header{};
  header.ifi_index = index;
  message.body(header);
  const std::size_t spec = message.open(IFLA_AF_SPEC);
  const std::size_t inet6 = message.open(AF_INET6);
  const std::uint8_t none = IN6_ADDR_GEN_MODE_NONE;
  message.attribute(IFLA_INET6_ADDR_GEN_MODE, &none, sizeof none);
  message.close(inet6);
  message.close(spec);
  ask(message, nullptr);  // a kernel without IPv6 has nothing to switch off
}

void Netlink::deleteLink(int index) {
  Message message(RTM_DELLINK, NLM_F_ACK);
  ifinfomsg header{};
  header.ifi_index = index;
  message.body(header);
  change(message, "remove the tunnel device", ENODEV);
}

std::vector<Prefix> Netlink::addresses(int index, bool v6) {
  Message message(RTM_GETADDR, NLM_F_DUMP);
  ifaddrmsg header{};
  header.ifa_family = family(v6);
  header.ifa_index = static_cast<std::uint32_t>(index);
  message.body(header);
  std::vector<std::vector<std::uint8_t>> dump;
  ask(message, &dump);
  std::vector<Prefix> list;
  for (const auto& item : dump) {
    ifaddrmsg found;
    if (item.size() < sizeof found) continue;
    std::memcpy(&found, item.data(), sizeof found);
    if (found.ifa_family != family(v6) || found.ifa_index != static_cast<std::uint32_t>(index)) continue;
    Prefix prefix;
    prefix.address.v6 = v6;
    prefix.bits = found.ifa_prefixlen;
    bool local = false;
    eachAttribute(item.data() + sizeof found, item.size() - sizeof found, [&](auto type, auto* p, auto length) {
      if (type == IFA_LOCAL) local = true;
      if (type == IFA_LOCAL || (type == IFA_ADDRESS && !local)) take(prefix.address, p, length);
    });
    list.push_back(prefix);
  }
  return list;
}

void Netlink::addAddress(int index, const Prefix& address) {
  Message message(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
  ifaddrmsg header{};
  header.ifa_family = family(address.address.v6);
  header.ifa_prefixlen = address.bits;
  header.ifa_index = static_cast<std::uint32_t>(index);
  message.body(header);
  message.attribute(IFA_LOCAL, address.address);
  message.attribute(IFA_ADDRESS, address.address);
  // Where packets go is decided by our table alone; on a point-to-point link there is no duplicate to detect.
  std::uint32_t flags = IFA_F_NOPREFIXROUTE;
  if (address.address.v6) flags |= IFA_F_NODAD;
  message.attribute(IFA_FLAGS, flags);
  change(message, "give the device " + address.text(), EEXIST);
}

void Netlink::deleteAddress(int index, const Prefix& address) {
  Message message(RTM_DELADDR, NLM_F_ACK);
  ifaddrmsg header{};
  header.ifa_family = family(address.address.v6);
  header.ifa_prefixlen = address.bits;
  header.ifa_index = static_cast<std::uint32_t>(index);
  message.body(header);
  message.attribute(IFA_LOCAL, address.address);
  change(message, "take " + address.text() + " from the device", EADDRNOTAVAIL);
}

std::vector<Route> Netlink::routes(std::uint32_t table, bool v6) {
  Message message(RTM_GETROUTE, NLM_F_DUMP);
  rtmsg header{};
  header.rtm_family = family(v6);
  message.body(header);
  message.attribute(RTA_TABLE, table);
  std::vector<std::vector<std::uint8_t>> dump;
  ask(message, &dump);
  std::vector<Route> list;
  for (const auto& item : dump) {
    rtmsg found;
    if (item.size() < sizeof found) continue;
    std::memcpy(&found, item.data(), sizeof found);
    if (found.rtm_family != family(v6)) continue;
    Route route;
    route.to.address.v6 = v6;
    route.to.bits = found.rtm_dst_len;
    route.kind = found.rtm_type == RTN_UNICAST ? RouteKind::tunnel
                 : found.rtm_type == RTN_THROW ? RouteKind::bypass
                                               : RouteKind::unreachable;
    std::uint32_t in = found.rtm_table;
    eachAttribute(item.data() + sizeof found, item.size() - sizeof found, [&](auto type, auto* p, auto length) {
      if (type == RTA_TABLE && length == 4) in = u32(p);
      if (type == RTA_DST) take(route.to.address, p, length);
    });
    if (in == table) list.push_back(route);
  }
  return list;
}

void Netlink::setRoute(std::uint32_t table, const Route& route, int index, const Address* source) {
  Message message(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
  rtmsg header = routeHeader(route);
  if (route.kind == RouteKind::tunnel && !route.to.address.v6) header.rtm_scope = RT_SCOPE_LINK;
  message.body(header);
  message.attribute(RTA_TABLE, table);
  message.attribute(RTA_DST, route.to.address);
  if (route.kind == RouteKind::tunnel) {
    message.attribute(RTA_OIF, static_cast<std::uint32_t>(index));
    if (source != nullptr) message.attribute(RTA_PREFSRC, *source);
  }
  change(message, "route " + route.to.text());
}

void Netlink::deleteRoute(std::uint32_t table, const Route& route) {
  Message message(RTM_DELROUTE, NLM_F_ACK);
  rtmsg header = routeHeader(route);
  header.rtm_protocol = RTPROT_UNSPEC;
  header.rtm_scope = RT_SCOPE_NOWHERE;
  message.body(header);
  message.attribute(RTA_TABLE, table);
  message.attribute(RTA_DST, route.to.address);
  change(message, "remove the route " + route.to.text(), ESRCH);
}

std::vector<std::uint32_t> Netlink::rulePriorities(std::uint32_t table, bool v6) {
  Message message(RTM_GETRULE, NLM_F_DUMP);
  fib_rule_hdr header{};
  header.family = family(v6);
  message.body(header);
  std::vector<std::vector<std::uint8_t>> dump;
  ask(message, &dump);
  std::vector<std::uint32_t> list;
  for (const auto& item : dump) {
    fib_rule_hdr found;
    if (item.size() < sizeof found) continue;
    std::memcpy(&found, item.data(), sizeof found);
    std::uint32_t to = found.table, mark = 0, priority = 0;
    eachAttribute(item.data() + sizeof found, item.size() - sizeof found, [&](auto type, auto* p, auto length) {
      if (length != 4) return;
      if (type == FRA_TABLE) to = u32(p);
      if (type == FRA_FWMARK) mark = u32(p);
      if (type == FRA_PRIORITY) priority = u32(p);
    });
    if (found.family == family(v6) && to == table && mark == kMark) list.push_back(priority);
  }
  return list;
}

void Netlink::setRule(std::uint32_t table, std::uint32_t priority, bool v6) {
  const auto present = rulePriorities(table, v6);
  if (std::find(present.begin(), present.end(), priority) == present.end()) {
    Message message(RTM_NEWRULE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    message.body(ruleHeader(v6));
    message.attribute(FRA_TABLE, table);
    message.attribute(FRA_PRIORITY, priority);
    message.attribute(FRA_FWMARK, kMark);
    message.attribute(FRA_FWMASK, 0xffffffffu);
    change(message, "add the routing rule", EEXIST);
  }
  for (const auto old : present) {
    if (old == priority) continue;
    Message message(RTM_DELRULE, NLM_F_ACK);
    message.body(ruleHeader(v6));
    message.attribute(FRA_TABLE, table);
    message.attribute(FRA_PRIORITY, old);
    message.attribute(FRA_FWMARK, kMark);
    change(message, "move the routing rule", ENOENT);
  }
}

void Netlink::deleteRules(std::uint32_t table, bool v6) {
  for (const auto priority : rulePriorities(table, v6)) {
    Message message(RTM_DELRULE, NLM_F_ACK);
    message.body(ruleHeader(v6));
    message.attribute(FRA_TABLE, table);
    message.attribute(FRA_PRIORITY, priority);
    message.attribute(FRA_FWMARK, kMark);
    change(message, "remove the routing rule", ENOENT);
  }
}

}  // namespace culvert
