// A tunnel device without /dev/net/tun: one end of a veth pair, and a thread that carries packets between its other
// end and a socket. Slower than TUN, and all that is left where the device file may not be opened.
#pragma once
#include <string>

#include "netlink.h"

namespace culvert {

// Makes `device` in the namespace of the calling thread. Returns a SOCK_SEQPACKET descriptor that behaves like TUN's:
// a message is an IP packet. When it is closed the thread ends. `index`: of the device.
int openCable(Netlink& netlink, const std::string& device, int& index);

}  // namespace culvert
