#include "messages.h"

#include <arpa/inet.h>

#include <cstring>
#include <tuple>

namespace culvert {
namespace {

constexpr std::size_t kMaxAddresses = 16;
constexpr std::size_t kMaxPrefixes = 512;
constexpr std::size_t kMaxServers = 8;
constexpr std::size_t kMaxDomains = 32;
constexpr unsigned kMinMtu = 576;    // RFC 791: every host takes this much
constexpr unsigned kMinMtuV6 = 1280;  // RFC 8200 §5
constexpr unsigned kMaxMtu = 9216;
constexpr std::uint8_t kEsp = 50, kAh = 51;

class In {
 public:
  In(const std::uint8_t* bytes, std::size_t length) : at_(bytes), left_(length) {}

  std::uint8_t u8(const char* field) { return *take(1, field); }
  std::uint16_t u16(const char* field) {
    const std::uint8_t* p = take(2, field);
    return static_cast<std::uint16_t>(p[0] << 8 | p[1]);
  }
  const std::uint8_t* take(std::size_t count, const char* field) {
    if (left_ < count) refuse(field, "message too short");
    const std::uint8_t* p = at_;
    at_ += count;
    left_ -= count;
    return p;
  }
  std::string text(const char* field) {
    const std::size_t length = u8(field);
    return std::string(reinterpret_cast<const char*>(take(length, field)), length);
  }
  void end() const {
    if (left_ != 0) refuse("message", "octets after the end");
  }

 private:
  const std::uint8_t* at_;
  std::size_t left_;
};

Address readAddress(In& in, const char* field) {
  Address address;
  const std::uint8_t family = in.u8(field);
  if (family != 4 && family != 6) refuse(field, "unknown address family");
  address.v6 = family == 6;
  std::memcpy(address.octets, in.take(address.length(), field), address.length());
  return address;
}

bool isZero(const Address& a) {
  for (std::size_t i = 0; i < a.length(); i++)
    if (a.octets[i] != 0) return false;
  return true;
}

// Unspecified, multicast and the IPv4 reserved block never name one host.
bool isHost(const Address& a) {
  if (isZero(a)) return false;
  return a.v6 ? a.octets[0] != 0xff : a.octets[0] != 0 && a.octets[0] < 224;
}

Prefix readPrefix(In& in, const char* field) {
  Prefix prefix;
  prefix.address = readAddress(in, field);
  prefix.bits = in.u8(field);
  if (prefix.bits > prefix.address.length() * 8) refuse(field, "prefix too long");
  return prefix;
}

std::vector<Prefix> readDestinations(In& in, const char* field) {
  const std::size_t count = in.u16(field);
  if (count > kMaxPrefixes) refuse(field, "too many");
  std::vector<Prefix> list;
  for (std::size_t i = 0; i < count; i++) {
    const Prefix prefix = readPrefix(in, field);
    for (std::size_t bit = prefix.bits; bit < prefix.address.length() * 8; bit++) {
      if (prefix.address.octets[bit / 8] & (0x80 >> (bit % 8))) refuse(field, prefix.text() + " has host bits");
    }
    list.push_back(prefix);
  }
  return list;
}

// Letters, digits, hyphen, underscore in labels of 1 … 63: nothing that means anything to resolv.conf.
bool isDomain(const std::string& name) {
  if (name.empty() || name.size() > 253) return false;
  std::size_t label = 0;
  for (std::size_t i = 0; i < name.size(); i++) {
    const char c = name[i];
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!alnum && c != '_' && !(c == '-' && label > 0)) return false;
    if (++label > 63) return false;
  }
  return true;
}

std::vector<std::string> readDomains(In& in, const char* field) {
  const std::size_t count = in.u8(field);
  if (count > kMaxDomains) refuse(field, "too many");
  std::vector<std::string> list;
  for (std::size_t i = 0; i < count; i++) {
    list.push_back(in.text(field));
    if (!isDomain(list.back())) refuse(field, "not a domain name");
  }
  return list;
}

std::string readDevice(In& in) {
  const std::string name = in.text("device");
  if (!isDeviceName(name)) refuse("device", "not a name of ours");
  return name;
}

Plan readPlan(In& in) {
  Plan plan;
  plan.device = readDevice(in);
  plan.mtu = in.u16("mtu");
  const std::size_t addresses = in.u8("addresses");
  if (addresses > kMaxAddresses) refuse("addresses", "too many");
  bool v6 = false;
  for (std::size_t i = 0; i < addresses; i++) {
    plan.addresses.push_back(readPrefix(in, "addresses"));
    const Address& address = plan.addresses.back().address;
    if (!isHost(address)) refuse("addresses", address.text() + " is no host's address");
    v6 = v6 || address.v6;
  }
  if (plan.mtu < (v6 ? kMinMtuV6 : kMinMtu) || plan.mtu > kMaxMtu) refuse("mtu", std::to_string(plan.mtu));
  plan.routes = readDestinations(in, "routes");
  plan.bypass = readDestinations(in, "bypass");
  plan.unreachable = readDestinations(in, "unreachable");
  const std::uint8_t dns = in.u8("dns");
  if (dns > 1) refuse("dns", "neither there nor not there");
  plan.hasDns = dns == 1;
  if (!plan.hasDns) return plan;
  const std::size_t servers = in.u8("dns servers");
  if (servers > kMaxServers) refuse("dns servers", "too many");
  for (std::size_t i = 0; i < servers; i++) {
    plan.servers.push_back(readAddress(in, "dns servers"));
    if (!isHost(plan.servers.back())) refuse("dns servers", "no host's address");
  }
  plan.search = readDomains(in, "dns search");
  plan.only = readDomains(in, "dns only");
  const std::size_t encrypted = in.u8("dns encrypted");
  if (encrypted > kMaxServers) refuse("dns encrypted", "too many");
  for (std::size_t i = 0; i < encrypted; i++) {
    TlsServer server;
    server.address = readAddress(in, "dns encrypted");
    server.port = in.u16("dns encrypted");
    server.name = in.text("dns encrypted");
    if (!isHost(server.address) || server.port == 0) refuse("dns encrypted", "no host's address and port");
    if (!isDomain(server.name)) refuse("dns encrypted", "not a domain name");
    plan.encrypted.push_back(server);
  }
  if (servers + encrypted == 0) refuse("dns servers", "none");
  return plan;
}

Hold readHold(In& in) {
  Hold hold;
  hold.device = readDevice(in);
  hold.networks = readDestinations(in, "networks");
  if (hold.networks.empty()) refuse("networks", "none");
  hold.except = readDestinations(in, "except");
  return hold;
}

using Bytes = std::vector<std::uint8_t>;

Bytes reply(const Request& request, Status status) {
  return {kProtocolVersion, static_cast<std::uint8_t>(0x80 | static_cast<std::uint8_t>(request.verb)),
          static_cast<std::uint8_t>(request.id >> 8), static_cast<std::uint8_t>(request.id),
          static_cast<std::uint8_t>(status)};
}

void addText(Bytes& bytes, const std::string& text) {
  const std::size_t length = text.size() < 255 ? text.size() : 255;
  bytes.push_back(static_cast<std::uint8_t>(length));
  bytes.insert(bytes.end(), text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length));
}

}  // namespace

std::string Address::text() const {
  char buffer[INET6_ADDRSTRLEN];
  inet_ntop(v6 ? AF_INET6 : AF_INET, octets, buffer, sizeof buffer);
  return buffer;
}

std::string Prefix::text() const { return address.text() + "/" + std::to_string(bits); }

bool Prefix::operator<(const Prefix& other) const {
  if (std::tie(address.v6, bits) != std::tie(other.address.v6, other.bits))
    return std::tie(address.v6, bits) < std::tie(other.address.v6, other.bits);
  return std::memcmp(address.octets, other.address.octets, address.length()) < 0;
}

bool isDeviceName(const std::string& name) {
  if (name.size() < 8 || name.size() > 10 || name.compare(0, 7, "culvert") != 0) return false;
  for (std::size_t i = 7; i < name.size(); i++)
    if (name[i] < '0' || name[i] > '9') return false;
  return name.size() == 8 || name[7] != '0';
}

unsigned deviceNumber(const std::string& name) { return static_cast<unsigned>(std::stoul(name.substr(7))); }

void decodeRequest(const std::uint8_t* bytes, std::size_t length, Request& request) {
  In in(bytes, length);
  const std::uint8_t version = in.u8("version");
  const std::uint8_t verb = in.u8("verb");
  request.id = in.u16("id");
  if (version != kProtocolVersion) refuse("version", std::to_string(version));
  if (verb < 1 || verb > 10) refuse("verb", std::to_string(verb));
  request.verb = static_cast<Verb>(verb);
  switch (request.verb) {
    case Verb::ping:
    case Verb::restoreStale:
      break;
    case Verb::openUdp:
      request.address = readAddress(in, "address");
      request.port = in.u16("port");
      if (!isHost(request.address)) refuse("address", request.address.text() + " is no host's address");
      if (request.port != 500 && request.port != 4500) refuse("port", std::to_string(request.port));
      break;
    case Verb::openRaw:
      request.address = readAddress(in, "address");
      request.protocol = in.u8("protocol");
      if (!isHost(request.address)) refuse("address", request.address.text() + " is no host's address");
      if (request.protocol != kEsp && request.protocol != kAh) refuse("protocol", std::to_string(request.protocol));
      break;
    case Verb::openTcp:
      request.address = readAddress(in, "address");
      request.port = in.u16("port");
      if (!isHost(request.address)) refuse("address", request.address.text() + " is no host's address");
      if (request.port == 0) refuse("port", "0");
      break;
    case Verb::openTun:
    case Verb::restore:
    case Verb::letOut:
      request.device = readDevice(in);
      break;
    case Verb::apply:
      request.plan = readPlan(in);
      break;
    case Verb::hold:
      request.hold = readHold(in);
      break;
  }
  in.end();
}

Bytes encodeDone(const Request& request) { return reply(request, Status::done); }

Bytes encodeRaw(const Request& request, const Address& local) {
  Bytes bytes = reply(request, Status::done);
  bytes.push_back(local.v6 ? 6 : 4);
  bytes.insert(bytes.end(), local.octets, local.octets + local.length());
  return bytes;
}

Bytes encodeUdp(const Request& request, const Address& local, std::uint16_t port) {
  Bytes bytes = encodeRaw(request, local);
  bytes.push_back(static_cast<std::uint8_t>(port >> 8));
  bytes.push_back(static_cast<std::uint8_t>(port));
  return bytes;
}

Bytes encodeTun(const Request& request, const std::string& device) {
  Bytes bytes = reply(request, Status::done);
  addText(bytes, device);
  return bytes;
}

Bytes encodeNotes(const Request& request, const std::vector<std::string>& notes) {
  Bytes bytes = reply(request, Status::done);
  const std::size_t count = notes.size() < 16 ? notes.size() : 16;
  bytes.push_back(static_cast<std::uint8_t>(count));
  for (std::size_t i = 0; i < count; i++) addText(bytes, notes[i]);
  return bytes;
}

Bytes encodeFailure(const Request& request, const Failure& failure) {
  Bytes bytes = reply(request, failure.status);
  addText(bytes, failure.what);
  addText(bytes, failure.problem);
  return bytes;
}

}  // namespace culvert
