// The owner's side of one tunnel's datapath: what JavaScript calls. All of it runs on one thread, the owner's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "inward.h"
#include "outward.h"

namespace culvert::esp {

class Engine {
 public:
  /// `wake` is called from any thread when one of the `take…` functions has something.
  Engine(const Limits& limits, Backend backend, std::function<void()> wake);
  /// Ends the threads, wipes the keys, closes the socket.
  ~Engine();

  /// Both throw std::invalid_argument when the algorithms are not known or a key has the wrong length.
  void addInbound(uint32_t spi, const Algorithms& algorithms, SelectorPair selectors, const Use& use = {});
  void useOutbound(const std::string& child, uint32_t spi, const Algorithms& algorithms, SelectorPair selectors,
                   const Use& use = {});
  void removeInbound(uint32_t spi);
  /// An older SA of the same child that is still there takes over.
  void removeOutbound(uint32_t spi);

  const InboundSa* inbound(uint32_t spi) const;
  const OutboundSa* outbound(uint32_t spi) const;
  const Totals& totals() const { return totals_; }
  /// What the kernel does for us; nothing before there is a device and a path.
  struct Offloads {
    Mergeable device;
    size_t largestSegment;
    bool gathers;
  };
  Offloads offloads() const;

  /// Carries the packets of this device from now on. The descriptor stays the caller's, who closes it after `stop`.
  void attachTun(int fd);
  /// Talks through this connected socket from now on, and owns it. `id` comes with what arrives on it. Without one (-1)
  /// packets pass by hand as the path would carry them.
  void usePath(uint32_t id, int fd, const PathOptions& options);
  /// Sends an IKE message as the path wants it; false when the kernel had no room. Throws std::system_error.
  bool sendIke(const uint8_t* message, size_t length);
  /// One octet 0xFF. RFC 3948 §2.3
  bool sendKeepalive();

  bool takeIke(uint32_t& path, std::vector<uint8_t>& message);
  /// Error numbers, once each; 0: none; -1: the end of the file.
  int takeTunError() { return outward_.takeTunError(); }
  int takePathError() { return inward_.takePathError(); }
  int takeSendError() { return outward_.takeSendError(); }
  struct Reached {
    uint32_t spi;
    uint8_t limit;  ///< one bit
  };
  std::vector<Reached> takeReached();

  /// For tests and for devices that are not descriptors: packets by hand, while no thread runs. Those of the network are
  /// as the path has them, but with their headers in IPv6 too; without a path they are ESP from the SPI on. False: dropped.
  bool fromTun(const uint8_t* packet, size_t length, std::vector<uint8_t>& out);
  bool fromNetwork(const uint8_t* octets, size_t length, std::vector<uint8_t>& packet);

  /// Frees what was replaced; called whenever the owner comes by.
  void sweep() { plans_.sweep(); }

 private:
  struct Child {
    std::string name;
    std::vector<std::shared_ptr<OutboundSa>> sas;  ///< the newest last
  };

  void publish();
  void mustBeStill() const;
  bool send(const uint8_t* head, size_t headBytes, const uint8_t* body, size_t bodyBytes);

  const Limits limits_;
  const Backend backend_;
  const std::function<void()> wake_;
  Plans plans_;
  Totals totals_;
  std::vector<std::shared_ptr<InboundSa>> inbound_;
  std::vector<Child> children_;
  std::shared_ptr<Tun> tun_;
  uint32_t lastTun_ = 0;
  std::shared_ptr<Path> path_;
  /// Limits already told, by SPI and direction (outbound first).
  std::map<std::pair<bool, uint32_t>, uint8_t> told_;
  /// Of packets by hand.
  Counter failed_;
  Sealer sealer_{failed_};
  Opener opener_{totals_.noSa};
  // Last, so that they end first.
  Outward outward_;
  Inward inward_;
};

}  // namespace culvert::esp
