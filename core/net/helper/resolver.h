// Which name servers the machine asks. Several tunnels, even of several helpers, share one resolv.conf:
// each journal claims its servers, and the file holds what all live claims add up to.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "journal.h"
#include "messages.h"

namespace culvert {

class Resolver {
 public:
  explicit Resolver(Journal& journal) : journal_(journal) {}
  // Claims, replaces or (without DNS in the plan) drops the servers of the plan's device.
  void set(const Plan& plan, int index, std::vector<std::string>& notes);
  void drop(const std::string& device, std::vector<std::string>& notes);
  // Brings resolv.conf to what the live claims say; the original when there are none. Call with the lock held.
  void settle(std::vector<std::string>& notes);

 private:
  std::string saved(const char* what) const;
  Journal& journal_;
  // Devices whose name servers are asked through TLS just now.
  std::set<std::string> overTls_;
};

}  // namespace culvert
