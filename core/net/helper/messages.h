// The closed list of verbs and their octets: docs/decisions/helper-protocol.md. Every argument is
// checked here, whatever the caller says it has checked already.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "failure.h"

namespace culvert {

constexpr std::uint8_t kProtocolVersion = 1;
constexpr std::size_t kMaxMessage = 48 * 1024;

enum class Verb : std::uint8_t {
  ping = 1,
  openUdp = 2,
  openTun = 3,
  apply = 4,
  restore = 5,
  restoreStale = 6,
  hold = 7,
  letOut = 8,
  openRaw = 9,
  openTcp = 10,
};

struct Address {
  bool v6 = false;
  std::uint8_t octets[16] = {};
  std::size_t length() const { return v6 ? 16 : 4; }
  std::string text() const;
};

struct Prefix {
  Address address;
  std::uint8_t bits = 0;
  std::string text() const;
  bool operator<(const Prefix& other) const;
};

// A name server that is asked through TLS, and whom its certificate is for.
struct TlsServer {
  Address address;
  std::uint16_t port = 0;
  std::string name;
};

struct Plan {
  std::string device;
  unsigned mtu = 0;
  std::vector<Prefix> addresses, routes, bypass, unreachable;
  bool hasDns = false;
  std::vector<Address> servers;
  std::vector<std::string> search, only;
  std::vector<TlsServer> encrypted;
};

// What the kill switch of a device holds back, and what keeps its way all the same.
struct Hold {
  std::string device;
  std::vector<Prefix> networks, except;
};

struct Request {
  Verb verb = Verb::ping;
  std::uint16_t id = 0;
  Address address;            // openUdp, openRaw, openTcp
  std::uint16_t port = 0;     // openUdp, openTcp
  std::uint8_t protocol = 0;  // openRaw
  std::string device;         // openTun, restore, letOut
  Plan plan;                  // apply
  Hold hold;                  // hold
};

// Fills `request.id` and `request.verb` before anything can fail, so that a refusal can be answered.
void decodeRequest(const std::uint8_t* bytes, std::size_t length, Request& request);

std::vector<std::uint8_t> encodeDone(const Request& request);
std::vector<std::uint8_t> encodeUdp(const Request& request, const Address& local, std::uint16_t port);
std::vector<std::uint8_t> encodeRaw(const Request& request, const Address& local);
std::vector<std::uint8_t> encodeTun(const Request& request, const std::string& device);
// `notes`: what was left alone, and why; shown to the person.
std::vector<std::uint8_t> encodeNotes(const Request& request, const std::vector<std::string>& notes);
std::vector<std::uint8_t> encodeFailure(const Request& request, const Failure& failure);

// `culvert` and a number of at most three digits without leading zeros: also names the routing table.
bool isDeviceName(const std::string& name);
unsigned deviceNumber(const std::string& name);

}  // namespace culvert
