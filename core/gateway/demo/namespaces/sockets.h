// Sockets of a namespace, for a program that lives outside of it.
#pragma once
#include "messages.h"

namespace culvert {

// Bound to `local`, for any peer.
int boundUdp(const Address& local, std::uint16_t port);
// From `local` (or from wherever the route says) to one peer.
int connectedUdp(const Address* local, const Address& remote, std::uint16_t port);
int listeningTcp(const Address& local, std::uint16_t port);
// Waits at most five seconds.
int connectedTcp(const Address& remote, std::uint16_t port);
// ICMP or ICMPv6 to one host; what is received begins with the IP header (IPv4) or with ICMPv6.
int connectedIcmp(const Address& remote);

}  // namespace culvert
