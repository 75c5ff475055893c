// System calls on descriptors that Node has no words for.
#pragma once

#include <memory>

#include "napi.h"

namespace culvert {

void socketPair(int pair[2]);
void sendMessage(int fd, View bytes, const std::vector<int>& fds);
void closeDescriptor(int fd);
/// A UDP socket for any peer, on one numeric address. What leaves it may be fragmented on the way.
int bindUdp(const std::string& address, int port);
/// A socket on which the kernel tells of every change of links and addresses, in the network of the caller.
int watchNetwork();
/// `false`: the kernel had no room.
bool writePacket(int fd, View packet);

struct Endpoint {
  std::string address;
  int port;
};
Endpoint socketName(int fd, bool remote);

/// Starts a reader; returns the object with `stop`.
napi_value readPackets(napi_env env, int fd, napi_value onPackets, napi_value onEnd);

}  // namespace culvert
