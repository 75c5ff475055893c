// Descriptors an ordinary user may not open.
#pragma once
#include "messages.h"

namespace culvert {

// Connected, non-blocking, marked. `local` and `localPort` tell which end it got.
int openUdp(const Address& address, std::uint16_t port, Address& local, std::uint16_t& localPort);
// IP packets of one protocol to and from one host: connected, non-blocking, marked. What is sent has its IP header; what
// comes has one in IPv4 alone. `local` tells the address it got.
int openRaw(const Address& address, std::uint8_t protocol, Address& local);
// A marked TCP socket on its way to being connected.
int openTcp(const Address& address, std::uint16_t port, Address& local, std::uint16_t& localPort);
// A new device of this name, never an existing one. `index` is its interface index.
int openTun(const std::string& device, int& index);

}  // namespace culvert
