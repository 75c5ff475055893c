#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>
#include <system_error>

namespace culvert::esp {
namespace {

[[noreturn]] void failed(const char* call) { throw std::system_error(errno, std::generic_category(), call); }

}  // namespace

Engine::Engine(const Limits& limits, Backend backend, std::function<void()> wake)
    : limits_(limits),
      backend_(backend),
      wake_(std::move(wake)),
      outward_(plans_, totals_, wake_),
      inward_(plans_, totals_, wake_) {}

Engine::~Engine() {
  outward_.stop();
  inward_.stop();
}

void Engine::addInbound(uint32_t spi, const Algorithms& algorithms, SelectorPair selectors, const Use& use) {
  auto sa = std::make_shared<InboundSa>(spi, makeTransform(algorithms, Direction::open, backend_),
                                        std::move(selectors), limits_, use);
  removeInbound(spi);
  inbound_.push_back(std::move(sa));
  publish();
}

void Engine::useOutbound(const std::string& child, uint32_t spi, const Algorithms& algorithms,
                         SelectorPair selectors, const Use& use) {
  auto sa = std::make_shared<OutboundSa>(spi, makeTransform(algorithms, Direction::seal, backend_),
                                         std::move(selectors), limits_, use);
  const auto found =
      std::find_if(children_.begin(), children_.end(), [&](const Child& known) { return known.name == child; });
  if (found == children_.end()) children_.push_back({child, {std::move(sa)}});
  else found->sas.push_back(std::move(sa));
  publish();
}

void Engine::removeInbound(uint32_t spi) {
  const auto gone = std::find_if(inbound_.begin(), inbound_.end(), [&](const auto& sa) { return sa->spi == spi; });
  if (gone == inbound_.end()) return;
  inbound_.erase(gone);
  told_.erase({false, spi});
  publish();
}

void Engine::removeOutbound(uint32_t spi) {
  for (auto child = children_.begin(); child != children_.end(); child++) {
    auto& sas = child->sas;
    const auto gone = std::find_if(sas.begin(), sas.end(), [&](const auto& sa) { return sa->spi == spi; });
    if (gone == sas.end()) continue;
    sas.erase(gone);
    if (sas.empty()) children_.erase(child);
    told_.erase({true, spi});
    publish();
    return;
  }
}

const InboundSa* Engine::inbound(uint32_t spi) const {
  for (const auto& sa : inbound_) {
    if (sa->spi == spi) return sa.get();
  }
  return nullptr;
}

const OutboundSa* Engine::outbound(uint32_t spi) const {
  for (const Child& child : children_) {
    for (const auto& sa : child.sas) {
      if (sa->spi == spi) return sa.get();
    }
  }
  return nullptr;
}

Engine::Offloads Engine::offloads() const {
  return {tun_ ? tun_->mergeable() : Mergeable{}, path_ ? path_->largestSegment() : 0, path_ && path_->gathers()};
}

void Engine::publish() {
  auto plan = std::make_unique<Plan>();
  plan->tun = tun_;
  plan->path = path_;
  plan->accept(inbound_);
  for (const Child& child : children_) plan->outbound.push_back(child.sas.back());
  plans_.publish(std::move(plan));
}

void Engine::attachTun(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) failed("fcntl");
  tun_ = std::make_shared<Tun>(++lastTun_, fd);
  publish();
  if (outward_.running()) outward_.nudge();
  else outward_.start("culvert-out");
}

void Engine::usePath(uint32_t id, int fd, const PathOptions& options) {
  path_ = std::make_shared<Path>(id, fd, options);
  publish();
  if (fd < 0) return;
  outward_.nudge();
  if (inward_.running()) inward_.nudge();
  else inward_.start("culvert-in");
}

bool Engine::sendIke(const uint8_t* message, size_t length) {
  const uint8_t marker[4] = {0};
  return send(marker, path_ && path_->carries == Carries::espInUdp ? sizeof marker : 0, message, length);
}

bool Engine::sendKeepalive() {
  const uint8_t octet = 0xff;
  return send(&octet, 1, nullptr, 0);
}

bool Engine::send(const uint8_t* head, size_t headBytes, const uint8_t* body, size_t bodyBytes) {
  if (!path_ || path_->whole()) return false;
  iovec parts[2] = {{const_cast<uint8_t*>(head), headBytes}, {const_cast<uint8_t*>(body), bodyBytes}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  ssize_t sent;
  do {
    sent = sendmsg(path_->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return true;
  if (errno == EAGAIN || errno == ENOBUFS) return false;
  failed("send");
}

bool Engine::takeIke(uint32_t& path, std::vector<uint8_t>& message) { return inward_.ike.pop(path, message); }

std::vector<Engine::Reached> Engine::takeReached() {
  std::vector<Reached> list;
  const auto look = [&](bool outbound, const EspSa& sa) {
    uint8_t& told = told_[{outbound, sa.spi}];
    const uint8_t fresh = sa.reached() & static_cast<uint8_t>(~told);
    told |= fresh;
    for (const uint8_t limit : {kSoftPackets, kSoftBytes, kSoftSequence, kHardSequence}) {
      if (fresh & limit) list.push_back({sa.spi, limit});
    }
  };
  for (const auto& sa : inbound_) look(false, *sa);
  for (const Child& child : children_) {
    for (const auto& sa : child.sas) look(true, *sa);
  }
  return list;
}

void Engine::mustBeStill() const {
  if (outward_.running() || inward_.running()) throw std::runtime_error("the threads carry the packets");
}

bool Engine::fromTun(const uint8_t* packet, size_t length, std::vector<uint8_t>& out) {
  // What leaves is the other thread's business alone: the one that receives may run.
  if (outward_.running()) throw std::runtime_error("a thread carries the packets");
  std::vector<uint8_t> copy(length + kMaxTrailerBytes);
  std::copy(packet, packet + length, copy.begin());
  Flow flow;
  if (!findFlow(plans_.current(), copy.data(), length, flow)) {
    totals_.noSelector.add(1);
    return false;
  }
  out.resize(length + kMaxOverhead + kMaxOuterBytes);  // AH: less, and four octets
  const uint64_t failed = failed_.get();
  const Sealed sealed = protect(sealer_, flow, path_.get(), copy.data(), steadyMs(), out.data());
  sealer_.finish();
  out.resize(sealed.length);
  if (out.empty() || failed_.get() != failed) return false;
  totals_.sent.add(1);
  return true;
}

bool Engine::fromNetwork(const uint8_t* octets, size_t length, std::vector<uint8_t>& packet) {
  mustBeStill();
  packet.assign(kMaxOuterBytes, 0);
  packet.insert(packet.end(), octets, octets + length);
  packet.resize(packet.size() + 4);  // for the half of AH's number that is not sent
  uint8_t* came = packet.data() + kMaxOuterBytes;
  Arrival arrival{came, length};
  arrival.room = kMaxOuterBytes;
  if (path_ && path_->whole() && !arrive(came, length, arrival)) {
    totals_.noSa.add(1);
    return false;
  }
  Opened opened{nullptr, 0, false, false};
  const auto take = [&](const Opened& one) { opened = one; };
  const uint64_t nowMs = steadyMs();
  opener_.add(plans_.current(), arrival, nowMs, take);
  opener_.finish(nowMs, take);
  if (opened.authentic) totals_.authentic.add(1);
  if (opened.inner == nullptr) return false;
  packet.erase(packet.begin(), packet.begin() + (opened.inner - packet.data()));
  packet.resize(opened.length);
  return true;
}

}  // namespace culvert::esp
