// The state of the machine as plans want it, and the way back.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "journal.h"
#include "messages.h"
#include "netlink.h"
#include "resolver.h"

namespace culvert {

class Machine {
 public:
  explicit Machine(const std::string& runFolder) : journal_(runFolder), resolver_(journal_) {}

  int openTun(const std::string& device);
  void apply(const Plan& plan, std::vector<std::string>& notes);
  void restore(const std::string& device, std::vector<std::string>& notes);
  // The kill switch of a device, which outlives its tunnel and this helper.
  void hold(const Hold& hold);
  void letOut(const std::string& device);
  // Undoes what helpers left that no longer live; what they hold back stays so.
  void restoreStale(std::vector<std::string>& notes);
  // Everything of this helper but what is held back, as far as it goes: never throws.
  void restoreAll() noexcept;

 private:
  void applyAll(const Plan& plan, int index, std::vector<std::string>& notes);
  void setAddresses(const Plan& plan, int index);
  void setRoutes(const Plan& plan, int index);
  void guard(const Plan& plan, std::vector<std::string>& notes);
  void loosenReversePath(const std::string& device);
  void settleReversePath();
  std::string savedFilters() const;
  void dropTable(const std::string& device);

  Journal journal_;
  Netlink netlink_;
  Resolver resolver_;
  std::map<std::string, int> devices_;  // ours, by name: interface index
};

}  // namespace culvert
