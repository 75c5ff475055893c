// The kill switch: a table of nftables of our own for each device, which holds back what belongs into
// its tunnel. It stays when this helper ends: only a person lets the traffic out. Another table guards
// the addresses of a tunnel while it is up.
#pragma once
#include <string>
#include <vector>

#include "messages.h"

namespace culvert {

// Puts it in place, or in the place of an earlier one, in one step. Throws Failure.
void holdBack(const Hold& hold);
// No table is no fault.
void letOut(const std::string& device);
bool isHeld(const std::string& device);

// Packets for these addresses of a tunnel's device that come in by another one are dropped, so that a neighbour cannot
// find out or disturb what goes through the tunnel (CVE-2019-14899). Ends with the tunnel. → false: nftables is missing.
bool guardAddresses(const std::string& device, const std::vector<Prefix>& addresses);
void endGuard(const std::string& device);

}  // namespace culvert
