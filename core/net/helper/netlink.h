// rtnetlink, as far as a tunnel needs it: links, addresses, routes of one table, one rule per family.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "messages.h"

namespace culvert {

constexpr std::uint32_t kMark = 0x43560001;  // on every socket of ours: keeps it out of every tunnel

enum class RouteKind : std::uint8_t { tunnel, bypass, unreachable };

struct Route {
  Prefix to;
  RouteKind kind = RouteKind::tunnel;
};

class Netlink {
 public:
  Netlink();
  ~Netlink();
  Netlink(const Netlink&) = delete;
  Netlink& operator=(const Netlink&) = delete;

  void setLink(int index, unsigned mtu);
  // The kernel makes no link-local address of its own: a tunnel has only what the gateway gave.
  void noLinkLocal(int index);
  void deleteLink(int index);  // a missing one is no fault
  std::vector<Prefix> addresses(int index, bool v6);
  void addAddress(int index, const Prefix& address);
  void deleteAddress(int index, const Prefix& address);
  std::vector<Route> routes(std::uint32_t table, bool v6);
  void setRoute(std::uint32_t table, const Route& route, int index, const Address* source);
  void deleteRoute(std::uint32_t table, const Route& route);
  // `not fwmark kMark lookup table`, at this priority and no other.
  void setRule(std::uint32_t table, std::uint32_t priority, bool v6);
  void deleteRules(std::uint32_t table, bool v6);

 private:
  struct Message;
  std::vector<std::uint32_t> rulePriorities(std::uint32_t table, bool v6);
  int ask(Message& message, std::vector<std::vector<std::uint8_t>>* dump);
  void change(Message& message, const std::string& what, int tolerated = 0);
  int fd_;
  std::uint32_t sequence_ = 0;
};

}  // namespace culvert
