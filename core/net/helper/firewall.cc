#include "firewall.h"

#include <unistd.h>

#include "netlink.h"
#include "process.h"

namespace culvert {
namespace {

const char* const kNft = "/usr/sbin/nft";

std::string tableOf(const std::string& device) { return "inet " + device; }
std::string guardOf(const std::string& device) { return "inet " + device + "_guard"; }

bool hasNft() { return access(kNft, X_OK) == 0; }

// One family of a list, as nftables takes it. Networks may lie in one another.
struct Family {
  std::string set, elements;
  bool v6, whole = false;

  Family(const std::vector<Prefix>& list, bool family, const char* verdict)
      : set(std::string(verdict) + (family ? "6" : "4")), v6(family) {
    for (const auto& prefix : list) {
      if (prefix.address.v6 != v6) continue;
      whole = whole || prefix.bits == 0;
      elements += (elements.empty() ? "" : ", ") + prefix.text();
    }
  }
  std::string declaration() const {
    if (elements.empty() || whole) return "";
    return "  set " + set + " { type " + (v6 ? "ipv6_addr" : "ipv4_addr") +
           "; flags interval; auto-merge; elements = { " + elements + " }; }\n";
  }
  std::string rule(const std::string& verdict) const {
    if (elements.empty()) return "";
    if (whole) return std::string("    meta nfproto ") + (v6 ? "ipv6 " : "ipv4 ") + verdict + "\n";
    return std::string("    ") + (v6 ? "ip6" : "ip") + " daddr @" + set + " " + verdict + "\n";
  }
};

std::string rulesFor(const Hold& hold) {
  const Family accepted[] = {{hold.except, false, "accept"}, {hold.except, true, "accept"}};
  const Family dropped[] = {{hold.networks, false, "drop"}, {hold.networks, true, "drop"}};
  std::string sets, rules;
  for (const auto& family : accepted) sets += family.declaration();
  for (const auto& family : dropped) sets += family.declaration();
  // Loopback, every tunnel of ours, and our own messages to gateways: nobody else can set this mark on a socket
  // without being root.
  rules += "    oifname \"lo\" accept\n";
  rules += "    oifname \"culvert*\" accept\n";
  rules += "    meta mark " + std::to_string(kMark) + " accept\n";
  // What a link needs so that the gateway can be reached at all: its address and its neighbours.
  rules += "    udp sport 68 udp dport 67 accept\n";
  rules += "    udp sport 546 udp dport 547 accept\n";
  rules += "    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept\n";
  for (const auto& family : accepted) rules += family.rule("accept");
  // Dropped, not refused: a program that was in the middle of something goes on when the tunnel is back.
  for (const auto& family : dropped) rules += family.rule("drop");
  const std::string table = tableOf(hold.device);
  return "table " + table + "\ndelete table " + table + "\ntable " + table + " {\n" + sets +
         "  chain hold {\n" + rules + "  }\n" +
         "  chain out { type filter hook output priority filter; policy accept; jump hold; }\n" +
         "  chain through { type filter hook forward priority filter; policy accept; jump hold; }\n}\n";
}

void requireNft(const char* what) {
  if (!hasNft()) throw Failure{Status::systemRefused, what, "nftables (/usr/sbin/nft) is not installed"};
}

}  // namespace

void holdBack(const Hold& hold) {
  const char* const what = "hold traffic back";
  requireNft(what);
  const Ran ran = run(kNft, {"-f", "-"}, rulesFor(hold));
  if (!ran.done) throw Failure{Status::systemRefused, what, "nft: " + ran.said};
}

bool isHeld(const std::string& device) {
  return hasNft() && run(kNft, {"list", "table", "inet", device}).done;
}

void letOut(const std::string& device) {
  const char* const what = "let traffic out";
  requireNft(what);
  const std::string table = tableOf(device);
  // Named first, so that there is something to delete.
  const Ran ran = run(kNft, {"-f", "-"}, "table " + table + "\ndelete table " + table + "\n");
  if (!ran.done) throw Failure{Status::systemRefused, what, "nft: " + ran.said};
}

bool guardAddresses(const std::string& device, const std::vector<Prefix>& addresses) {
  if (!hasNft()) return false;
  const std::string table = guardOf(device);
  std::string rules;
  for (const auto& prefix : addresses) {
    Prefix host = prefix;
    host.bits = host.address.v6 ? 128 : 32;
    // What this computer says to itself has an address of its own as its source.
    rules += "    iifname != \"" + device + "\" " + (host.address.v6 ? "ip6" : "ip") + " daddr " + host.text() +
             " fib saddr type != local drop\n";
  }
  const Ran ran = run(kNft, {"-f", "-"},
                      "table " + table + "\ndelete table " + table + "\ntable " + table +
                          " {\n  chain in { type filter hook prerouting priority raw; policy accept;\n" + rules +
                          "  }\n}\n");
  if (!ran.done) throw Failure{Status::systemRefused, "guard the addresses of the tunnel", "nft: " + ran.said};
  return true;
}

void endGuard(const std::string& device) {
  if (!hasNft()) return;
  // Named first, so that there is something to delete.
  const std::string table = guardOf(device);
  run(kNft, {"-f", "-"}, "table " + table + "\ndelete table " + table + "\n");
}

}  // namespace culvert
