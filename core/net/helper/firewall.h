// The kill switch: a table of nftables of our own for each device, which holds back what belongs into
// its tunnel. It stays when this helper ends: only a person lets the traffic out.
#pragma once
#include <string>

#include "messages.h"

namespace culvert {

// Puts it in place, or in the place of an earlier one, in one step. Throws Failure.
void holdBack(const Hold& hold);
// No table is no fault.
void letOut(const std::string& device);
bool isHeld(const std::string& device);

}  // namespace culvert
