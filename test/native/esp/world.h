// Engines with descriptors, without privileges: sockets on the loopback, and pairs of sockets for devices, of which the
// kernel (that is, `ioctl` below) says what it says of a TUN device with IFF_VNET_HDR.
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "check.h"
#include "engine.h"
#include "packets.h"

namespace culvert::check {

/// Descriptors up to here are devices when the bit says so.
inline std::atomic<bool> isDevice[1024];
/// What the kernel leaves to whoever has a device (TUN_F_…), and whether it puts our header before packets.
inline std::atomic<unsigned> deviceLeaves{~0u};
inline std::atomic<bool> deviceHasHeaderSize{true};

using esp::Algorithms;
using esp::Backend;
using esp::Carries;
using esp::Engine;
using esp::Limits;
using esp::Segments;
using esp::SelectorPair;
using esp::Vnet;

struct Pair {
  int a;
  int b;
};

/// A device and the machine it is in.
struct Device {
  int machine;
  int fd;

  static Device open(bool vnet = true) {
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    CHECK(pair[1] < 1024);
    const int room = 1 << 20;
    for (const int fd : pair) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    isDevice[pair[1]] = vnet;
    return {pair[0], pair[1]};
  }

  void close() {
    isDevice[fd] = false;
    ::close(fd);
    ::close(machine);
  }
};

inline Pair openWire() {
  Pair pair{socket(AF_INET, SOCK_DGRAM, 0), socket(AF_INET, SOCK_DGRAM, 0)};
  sockaddr_in names[2] = {};
  const int fds[2] = {pair.a, pair.b};
  const int room = 4 << 20;
  for (int i = 0; i < 2; i++) {
    names[i].sin_family = AF_INET;
    names[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(fds[i], reinterpret_cast<sockaddr*>(&names[i]), sizeof names[i]) == 0);
    socklen_t size = sizeof names[i];
    CHECK(getsockname(fds[i], reinterpret_cast<sockaddr*>(&names[i]), &size) == 0);
    setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  }
  CHECK(connect(pair.a, reinterpret_cast<sockaddr*>(&names[1]), sizeof names[1]) == 0);
  CHECK(connect(pair.b, reinterpret_cast<sockaddr*>(&names[0]), sizeof names[0]) == 0);
  return pair;
}

inline SelectorPair everything() {
  SelectorPair pair;
  for (const uint8_t version : {4, 6}) {
    esp::Selector all{version, 0, 0, 65535, {}, {}};
    memset(all.end, 0xff, sizeof all.end);
    pair.local.push_back(all);
    pair.remote.push_back(all);
  }
  return pair;
}

constexpr Limits kNoLimits{UINT64_MAX, UINT64_MAX, 0, UINT64_MAX, 4096};

/// Keys that both ends can name. `generation` chooses the algorithms too.
struct Keys {
  Bytes key;
  Bytes integrityKey;
  Algorithms algorithms;

  explicit Keys(uint32_t generation) {
    struct Row {
      int encryption;
      size_t keyBits, saltBytes;
      int integrity;
      size_t integrityBytes;
    };
    constexpr Row rows[] = {{20, 128, 4, 0, 0}, {12, 128, 0, 12, 32}, {28, 256, 4, 0, 0}, {16, 128, 3, 0, 0},
                            {20, 256, 4, 0, 0}, {23, 128, 0, 2, 20}};
    // GCM mostly, which is quick to set up, so that changes follow each other fast.
    const Row& row = rows[generation % 8 == 7 ? generation / 8 % (sizeof rows / sizeof rows[0]) : generation % 2 * 4];
    for (size_t i = 0; i < row.keyBits / 8 + row.saltBytes; i++) key.push_back(static_cast<uint8_t>(generation + i));
    for (size_t i = 0; i < row.integrityBytes; i++) integrityKey.push_back(static_cast<uint8_t>(generation * 7 + i));
    algorithms = {row.encryption, row.keyBits,         key.data(),          key.size(),
                  row.integrity,  integrityKey.data(), integrityKey.size(), true};
  }
};

/// Of UDP over IPv4, as traffic is unless said otherwise.
inline Shape datagrams() {
  Shape shape;
  shape.tcp = false;
  shape.transportHeaderBytes = 8;
  return shape;
}

/// Numbered packets of a flow into a device: `count` of them as one to be cut. False: no room.
inline bool feed(int machine, Random& random, uint64_t first, size_t count, bool vnet, Shape shape = datagrams()) {
  constexpr size_t kEach = 120;
  shape.payloadBytes = kEach * count;
  Bytes packet = makePacket(random, shape, 2, static_cast<uint32_t>(first * kEach));
  for (size_t i = 0; i < count; i++) {
    const uint64_t number = first + i;
    memcpy(packet.data() + shape.headerBytes() + i * kEach, &number, sizeof number);
  }
  Bytes framed;
  if (vnet) {
    const Vnet header = leaveToDevice(packet, shape, kEach);
    framed.resize(sizeof header);
    memcpy(framed.data(), &header, sizeof header);
  } else {
    // The numbers went in after the checksum was made.
    uint8_t* t = packet.data() + shape.ipBytes;
    const size_t field = shape.tcp ? 16 : 6;
    const size_t bytes = packet.size() - shape.ipBytes;
    t[field] = t[field + 1] = 0;
    esp::store16(t + field, plainChecksum(t, bytes, plainPseudo(packet.data(), shape.protocol(), bytes)));
  }
  framed.insert(framed.end(), packet.begin(), packet.end());
  return send(machine, framed.data(), framed.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

/// The numbers in one write to a device, of packets as `feed` makes them.
template <class Each>
void readNumbers(Bytes& written, bool vnet, Each&& each, const Shape& shape = datagrams()) {
  Vnet header{};
  const size_t skip = vnet ? sizeof header : 0;
  CHECK(written.size() > skip);
  memcpy(&header, written.data(), skip);
  Segments segments;
  CHECK(segments.begin(written.data() + skip, written.size() - skip, header));
  uint8_t* at;
  size_t size;
  while (segments.next(at, size)) {
    CHECK(isRight(Bytes(at, at + size)));
    uint64_t number;
    CHECK(size >= shape.headerBytes() + sizeof number);
    memcpy(&number, at + shape.headerBytes(), sizeof number);
    each(number);
  }
}

/// What a device was given within the time; empty: nothing.
inline Bytes take(int machine, int patienceMs) {
  pollfd watched{machine, POLLIN, 0};
  if (poll(&watched, 1, patienceMs) <= 0) return {};
  Bytes written(70'000);
  const ssize_t size = recv(machine, written.data(), written.size(), MSG_DONTWAIT);
  written.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return written;
}

/// Waits for what threads bring about.
template <class Done>
void until(Done&& done, int patienceMs = 20'000) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patienceMs);
  while (!done()) {
    CHECK(std::chrono::steady_clock::now() < end);
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

}  // namespace culvert::check

/// In place of the C library's: what a kernel with TSO and USO would answer about our devices.
extern "C" inline __attribute__((used)) int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list rest;
  va_start(rest, request);
  void* argument = va_arg(rest, void*);
  va_end(rest);
  if (fd < 0 || fd >= 1024 || !culvert::check::isDevice[fd]) {
    return static_cast<int>(syscall(SYS_ioctl, fd, request, argument));
  }
  if (request == TUNGETIFF) static_cast<ifreq*>(argument)->ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  const bool refused =
      request == TUNSETOFFLOAD
          ? (reinterpret_cast<uintptr_t>(argument) & ~static_cast<uintptr_t>(culvert::check::deviceLeaves)) != 0
          : request == TUNSETVNETHDRSZ && !culvert::check::deviceHasHeaderSize;
  if (!refused) return 0;
  errno = EINVAL;
  return -1;
}
