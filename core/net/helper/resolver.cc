#include "resolver.h"

#include <unistd.h>

#include "files.h"
#include "process.h"

namespace culvert {
namespace {

const char* const kResolvConf = "/etc/resolv.conf";
const char* const kResolvectl = "/usr/bin/resolvectl";

bool usesResolved() {
  if (access(kResolvectl, X_OK) != 0) return false;
  const std::string target = linkTarget(kResolvConf);
  if (target.rfind("/run/systemd/resolve/", 0) == 0) return true;
  const auto text = readFile(kResolvConf);
  return text && text->find("nameserver 127.0.0.53") != std::string::npos;
}

bool resolvectl(const std::vector<std::string>& arguments) { return run(kResolvectl, arguments).done; }

template <typename List, typename Text>
std::string commas(const List& list, Text text) {
  std::string joined;
  for (const auto& item : list) joined += (joined.empty() ? "" : ",") + text(item);
  return joined;
}

// `keyword a` lines, or one `keyword a b` line.
void addItems(std::string& text, const std::string& list, const std::string& before, const std::string& after) {
  std::size_t from = 0;
  while (from < list.size()) {
    const std::size_t comma = list.find(',', from);
    text += before + list.substr(from, comma - from) + after;
    if (comma == std::string::npos) return;
    from = comma + 1;
  }
}

// `192.0.2.1#dns.example`, `[2001:db8::1]:8853#dns.example`, as resolved takes them.
std::string withName(const TlsServer& server) {
  const std::string address = server.address.text();
  const bool usual = server.port == 853;
  return (server.address.v6 && !usual ? "[" + address + "]" : address) + (usual ? "" : ":" + std::to_string(server.port)) + "#" +
         server.name;
}

void setResolved(const Plan& plan) {
  std::vector<std::string> servers{"dns", plan.device}, domains{"domain", plan.device};
  if (plan.encrypted.empty()) {
    for (const auto& server : plan.servers) servers.push_back(server.text());
  }
  for (const auto& server : plan.encrypted) servers.push_back(withName(server));
  for (const auto& domain : plan.search) domains.push_back(domain);
  for (const auto& domain : plan.only) domains.push_back("~" + domain);
  if (plan.only.empty()) domains.push_back("~.");
  if (domains.size() == 2) domains.push_back("");
  // Strict: a server without the right certificate is not asked at all.
  const bool tls = plan.encrypted.empty() || resolvectl({"dnsovertls", plan.device, "yes"});
  const bool done = tls && resolvectl(servers) && resolvectl(domains) &&
                    resolvectl({"default-route", plan.device, plan.only.empty() ? "yes" : "no"});
  if (!done) throw Failure{Status::systemRefused, "set the name servers", "resolvectl failed"};
}

}  // namespace

std::string Resolver::saved(const char* what) const {
  return journal_.folder() + "/resolv-" + journal_.network() + "." + what;
}

void Resolver::set(const Plan& plan, int index, std::vector<std::string>& notes) {
  if (!plan.hasDns) return drop(plan.device, notes);
  if (usesResolved()) {
    journal_.add({"resolved", plan.device, std::to_string(index)});
    const bool hadTls = overTls_.erase(plan.device) > 0;
    if (hadTls && plan.encrypted.empty()) resolvectl({"revert", plan.device});
    if (!plan.encrypted.empty()) overTls_.insert(plan.device);
    return setResolved(plan);
  }
  if (!plan.encrypted.empty()) {
    notes.push_back(std::string("without systemd-resolved nothing here can ask encrypted name servers: ") +
                    (plan.servers.empty() ? "the gateway's are not used" : "the plain ones are asked, through the tunnel"));
  }
  if (plan.servers.empty()) return drop(plan.device, notes);
  const std::string servers = commas(plan.servers, [](const Address& a) { return a.text(); });
  std::vector<std::string> search = plan.search;
  if (search.empty()) search = plan.only;
  const Entry claim{"dns", plan.device, servers, commas(search, [](const std::string& s) { return s; })};
  MachineLock lock(journal_.folder());
  journal_.add(claim);
  journal_.remove([&](const Entry& e) { return e[0] == "dns" && e[1] == plan.device && e != claim; });
  settle(notes);
  if (!plan.only.empty()) notes.push_back("resolv.conf cannot split by domain: all names are asked through the tunnel");
}

void Resolver::drop(const std::string& device, std::vector<std::string>& notes) {
  for (const auto& entry : journal_.entries()) {
    if (entry[0] == "resolved" && entry[1] == device) resolvectl({"revert", device});
    overTls_.erase(device);
  }
  journal_.remove([&](const Entry& e) { return e[0] == "resolved" && e[1] == device; });
  bool claimed = false;
  for (const auto& entry : journal_.entries()) claimed = claimed || (entry[0] == "dns" && entry[1] == device);
  if (!claimed) return;
  MachineLock lock(journal_.folder());
  // Dying between these two is harmless: every helper settles when it starts.
  journal_.remove([&](const Entry& e) { return e[0] == "dns" && e[1] == device; });
  settle(notes);
}

void Resolver::settle(std::vector<std::string>& notes) {
  std::string servers, search;
  const auto claim = [&](const std::vector<Entry>& entries) {
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
      if ((*entry)[0] != "dns" || entry->size() != 4) continue;
      addItems(servers, (*entry)[2], "nameserver ", "\n");
      addItems(search, (*entry)[3], " ", "");
    }
  };
  claim(journal_.entries());
  for (const auto& other : journal_.others()) {
    if (other.alive) claim(other.entries);
  }

  const auto ours = readFile(saved("ours"));
  const auto now = readFile(kResolvConf);
  const std::string target = linkTarget(kResolvConf);
  if (servers.empty()) {
    if (!ours) return;
    const auto original = readFile(saved("original"));
    if (now != ours) {
      if (now != original) notes.push_back("resolv.conf was changed by somebody else meanwhile and is left as it is");
    } else if (original) {
      replaceFile(target, *original, 0644);
    } else {
      unlink(target.c_str());
    }
    unlink(saved("ours").c_str());
    unlink(saved("original").c_str());
    return;
  }
  const std::string wanted = "# Written by Culvert while a tunnel is up; the original comes back afterwards.\n" +
                             servers + (search.empty() ? "" : "search" + search + "\n");
  if (now == wanted) return;
  if (!ours || now != ours) {
    // First of all claims, or somebody (DHCP) wrote a newer original meanwhile.
    unlink(saved("ours").c_str());
    if (now) {
      replaceFile(saved("original"), *now, 0600);
    } else {
      unlink(saved("original").c_str());
    }
  }
  replaceFile(saved("ours"), wanted, 0600);
  replaceFile(target, wanted, 0644);
}

}  // namespace culvert
