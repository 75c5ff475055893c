#include "machine.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "files.h"
#include "firewall.h"
#include "sockets.h"

namespace culvert {
namespace {

constexpr std::uint32_t kTableBase = 51000;
// Before `main` (32766). A tunnel for everything yields to tunnels for something.
constexpr std::uint32_t kRuleSome = 20000;
constexpr std::uint32_t kRuleEverything = 21000;

const char* const kConf4 = "/proc/sys/net/ipv4/conf/";

std::uint32_t tableOf(const std::string& device) { return kTableBase + deviceNumber(device); }

bool hasIpv6() { return access("/proc/sys/net/ipv6", F_OK) == 0; }

bool isAlive(const std::string& device, int index) {
  return static_cast<int>(if_nametoindex(device.c_str())) == index;
}

std::string filterPath(const std::string& interface) { return kConf4 + interface + "/rp_filter"; }

bool isElsewhere(const Address& address, const std::string& device) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return false;
  bool found = false;
  for (const ifaddrs* one = list; one != nullptr && !found; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_name == device) continue;
    if (one->ifa_addr->sa_family == AF_INET && !address.v6) {
      const auto* in = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
      found = std::memcmp(&in->sin_addr, address.octets, 4) == 0;
    } else if (one->ifa_addr->sa_family == AF_INET6 && address.v6) {
      const auto* in = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr);
      found = std::memcmp(&in->sin6_addr, address.octets, 16) == 0;
    }
  }
  freeifaddrs(list);
  return found;
}

std::string setting(const std::string& path) {
  auto text = readFile(path).value_or("");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

int Machine::openTun(const std::string& device) {
  int index = 0;
  const int fd = culvert::openTun(device, index);
  netlink_.noLinkLocal(index);
  devices_[device] = index;
  return fd;
}

void Machine::apply(const Plan& plan, std::vector<std::string>& notes) {
  const auto known = devices_.find(plan.device);
  if (known == devices_.end() || !isAlive(plan.device, known->second)) {
    throw Failure{Status::badRequest, "apply a plan to " + plan.device, "no such device of this helper"};
  }
  try {
    applyAll(plan, known->second, notes);
  } catch (...) {
    try {
      restore(plan.device, notes);
    } catch (const Failure&) {
      // The first failure is the one to tell; the journal still knows what is left to undo.
    }
    throw;
  }
}

void Machine::applyAll(const Plan& plan, int index, std::vector<std::string>& notes) {
  journal_.add({"table", plan.device, std::to_string(index)});
  netlink_.setLink(index, plan.mtu);
  setAddresses(plan, index);
  setRoutes(plan, index);
  guard(plan, notes);
  loosenReversePath(plan.device);
  resolver_.set(plan, index, notes);
}

void Machine::setAddresses(const Plan& plan, int index) {
  const bool v6 = std::any_of(plan.addresses.begin(), plan.addresses.end(),
                              [](const Prefix& a) { return a.address.v6; });
  if (v6) {
    if (!hasIpv6()) throw Failure{Status::systemRefused, "give the device an IPv6 address", "this kernel has no IPv6"};
    writeSetting("/proc/sys/net/ipv6/conf/" + plan.device + "/disable_ipv6", "0");
  }
  const auto same = [](const Prefix& a, const Prefix& b) { return !(a < b) && !(b < a); };
  for (const bool family : {false, true}) {
    const auto present = netlink_.addresses(index, family);
    for (const auto& wanted : plan.addresses) {
      if (wanted.address.v6 != family) continue;
      if (std::none_of(present.begin(), present.end(), [&](const Prefix& p) { return same(p, wanted); })) {
        netlink_.addAddress(index, wanted);
      }
    }
    for (const auto& old : present) {
      if (std::none_of(plan.addresses.begin(), plan.addresses.end(), [&](const Prefix& p) { return same(p, old); })) {
        netlink_.deleteAddress(index, old);
      }
    }
  }
}

void Machine::setRoutes(const Plan& plan, int index) {
  const std::uint32_t table = tableOf(plan.device);
  for (const bool v6 : {false, true}) {
    // Where lists meet, what the person kept out of the tunnel wins, then the tunnel.
    std::map<Prefix, RouteKind> wanted;
    const auto want = [&](const std::vector<Prefix>& list, RouteKind kind) {
      for (const auto& prefix : list)
        if (prefix.address.v6 == v6) wanted[prefix] = kind;
    };
    want(plan.unreachable, RouteKind::unreachable);
    want(plan.routes, RouteKind::tunnel);
    const bool everything = !wanted.empty() && wanted.begin()->first.bits == 0;
    if (v6 && !wanted.empty()) {
      // A link's own addresses never leave it: neighbours and DHCP keep working.
      Prefix link;
      link.address.v6 = true;
      link.address.octets[0] = 0xfe;
      link.address.octets[1] = 0x80;
      link.bits = 10;
      wanted[link] = RouteKind::bypass;
    }
    want(plan.bypass, RouteKind::bypass);
    if (v6 && !hasIpv6()) continue;

    const Address* source = nullptr;
    for (const auto& address : plan.addresses) {
      if (address.address.v6 == v6 && source == nullptr) source = &address.address;
    }
    for (const auto& [to, kind] : wanted) netlink_.setRoute(table, Route{to, kind}, index, source);
    for (const auto& old : netlink_.routes(table, v6)) {
      const auto kept = wanted.find(old.to);
      if (kept == wanted.end() || kept->second != old.kind) netlink_.deleteRoute(table, old);
    }
    if (wanted.empty()) {
      netlink_.deleteRules(table, v6);
    } else {
      netlink_.setRule(table, (everything ? kRuleEverything : kRuleSome) + deviceNumber(plan.device), v6);
    }
  }
}

// An address that another interface has as well is this computer's own and not one of the tunnel.
void Machine::guard(const Plan& plan, std::vector<std::string>& notes) {
  std::vector<Prefix> ours;
  for (const auto& address : plan.addresses) {
    if (!isElsewhere(address.address, plan.device)) ours.push_back(address);
  }
  if (!guardAddresses(plan.device, ours)) {
    notes.push_back("nftables is not installed: packets for the addresses of " + plan.device +
                    " are taken from every interface");
  }
}

// A strict reverse-path filter drops the gateway's packets when everything is routed into the tunnel,
// since it asks about them without our mark. Loose (2) keeps the check and lets them pass.
void Machine::loosenReversePath(const std::string& device) {
  MachineLock lock(journal_.folder());
  const std::string all = setting(filterPath("all"));
  std::string saved = readFile(savedFilters()).value_or("");
  std::vector<std::string> changed;
  std::error_code error;
  for (const auto& folder : std::filesystem::directory_iterator(kConf4, error)) {
    const std::string interface = folder.path().filename().string();
    if (interface == "all" || interface == "default" || interface == "lo" || interface == device) continue;
    const std::string own = setting(filterPath(interface));
    if (std::max(own, all) != "1") continue;  // the larger of the two counts
    saved += interface + "\t" + own + "\n";
    changed.push_back(interface);
  }
  if (changed.empty()) return;
  replaceFile(savedFilters(), saved, 0600);
  for (const auto& interface : changed) writeSetting(filterPath(interface), "2");
}

// Once no live helper has a tunnel in this network namespace. Call with the lock held.
void Machine::settleReversePath() {
  const auto hasTunnel = [](const std::vector<Entry>& entries) {
    return std::any_of(entries.begin(), entries.end(), [](const Entry& e) { return e[0] == "table"; });
  };
  if (hasTunnel(journal_.entries())) return;
  for (const auto& other : journal_.others()) {
    if (other.alive && hasTunnel(other.entries)) return;
  }
  const auto saved = readFile(savedFilters());
  if (!saved) return;
  std::size_t from = 0;
  for (std::size_t end; (end = saved->find('\n', from)) != std::string::npos; from = end + 1) {
    const std::size_t tab = saved->find('\t', from);
    if (tab >= end) continue;
    const std::string path = filterPath(saved->substr(from, tab - from));
    if (setting(path) == "2") writeSetting(path, saved->substr(tab + 1, end - tab - 1));
  }
  unlink(savedFilters().c_str());
}

std::string Machine::savedFilters() const { return journal_.folder() + "/rpfilter-" + journal_.network() + ".saved"; }

void Machine::dropTable(const std::string& device) {
  const std::uint32_t table = tableOf(device);
  for (const bool v6 : {false, true}) {
    if (v6 && !hasIpv6()) continue;
    netlink_.deleteRules(table, v6);
    for (const auto& route : netlink_.routes(table, v6)) netlink_.deleteRoute(table, route);
  }
  endGuard(device);
}

void Machine::restore(const std::string& device, std::vector<std::string>& notes) {
  resolver_.drop(device, notes);
  const auto isTable = [&](const Entry& e) { return e[0] == "table" && e[1] == device; };
  const auto& entries = journal_.entries();
  const bool applied = std::any_of(entries.begin(), entries.end(), isTable);
  if (applied) dropTable(device);
  const auto known = devices_.find(device);
  if (known != devices_.end()) {
    if (isAlive(device, known->second)) netlink_.deleteLink(known->second);
    devices_.erase(known);
  }
  if (!applied) return;
  MachineLock lock(journal_.folder());
  journal_.remove(isTable);
  settleReversePath();
}

void Machine::hold(const Hold& hold) {
  MachineLock lock(journal_.folder());
  const Entry entry{"hold", hold.device};
  for (const auto& other : journal_.others()) {
    const bool claimed = std::find(other.entries.begin(), other.entries.end(), entry) != other.entries.end();
    if (claimed && other.alive) {
      throw Failure{Status::systemRefused, "hold traffic back", "another Culvert does so for " + hold.device};
    }
  }
  journal_.add(entry);
  holdBack(hold);
}

void Machine::letOut(const std::string& device) {
  MachineLock lock(journal_.folder());
  culvert::letOut(device);
  journal_.remove([&](const Entry& e) { return e[0] == "hold" && e[1] == device; });
}

void Machine::restoreStale(std::vector<std::string>& notes) {
  MachineLock lock(journal_.folder());
  for (const auto& other : journal_.others()) {
    if (other.alive) continue;
    bool undone = false;
    for (const auto& entry : other.entries) {
      if (entry.size() == 2 && entry[0] == "hold" && isDeviceName(entry[1]) && isHeld(entry[1])) {
        // Ours from now on, so that it is not forgotten.
        journal_.add(entry);
        notes.push_back("the kill switch of " + entry[1] + " still holds traffic back");
        continue;
      }
      undone = true;
      if (entry.size() < 3 || entry[0] != "table" || !isDeviceName(entry[1])) continue;
      const int index = std::atoi(entry[2].c_str());
      if (index > 0 && isAlive(entry[1], index)) netlink_.deleteLink(index);
      // A new tunnel may bear the name, and with it the table, already.
      if (if_nametoindex(entry[1].c_str()) == 0) dropTable(entry[1]);
    }
    if (undone) notes.push_back("undid what an earlier run left behind");
    unlink(other.path.c_str());
  }
  settleReversePath();
  resolver_.settle(notes);
}

void Machine::restoreAll() noexcept {
  std::vector<std::string> devices, notes;
  for (const auto& [device, index] : devices_) devices.push_back(device);
  for (const auto& entry : journal_.entries()) {
    if (entry[0] == "table" && devices_.count(entry[1]) == 0) devices.push_back(entry[1]);
  }
  for (const auto& device : devices) {
    try {
      restore(device, notes);
    } catch (...) {
      // What cannot be undone now stays in the journal for the next start.
    }
  }
}

}  // namespace culvert
