// culvert-helper: the only part that runs as root. Descriptor 0 is a SOCK_SEQPACKET socket to the
// program that started it; when that closes, for whatever reason, everything is undone.
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "machine.h"
#include "messages.h"
#include "sockets.h"

namespace culvert {
namespace {

constexpr int kPeer = 0;

bool answer(const std::vector<std::uint8_t>& bytes, int fd) {
  iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  ssize_t sent;
  while ((sent = sendmsg(kPeer, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR) {
  }
  if (fd >= 0) close(fd);
  return sent >= 0;
}

bool serve(Machine& machine, const std::uint8_t* bytes, std::size_t length) {
  Request request;
  try {
    decodeRequest(bytes, length, request);
    std::vector<std::string> notes;
    switch (request.verb) {
      case Verb::ping:
        return answer(encodeDone(request), -1);
      case Verb::openUdp: {
        Address local;
        std::uint16_t port = 0;
        const int fd = openUdp(request.address, request.port, local, port);
        return answer(encodeUdp(request, local, port), fd);
      }
      case Verb::openRaw: {
        Address local;
        const int fd = openRaw(request.address, request.protocol, local);
        return answer(encodeRaw(request, local), fd);
      }
      case Verb::openTcp: {
        Address local;
        std::uint16_t port = 0;
        const int fd = openTcp(request.address, request.port, local, port);
        return answer(encodeUdp(request, local, port), fd);
      }
      case Verb::openTun: {
        const int fd = machine.openTun(request.device);
        return answer(encodeTun(request, request.device), fd);
      }
      case Verb::apply:
        machine.apply(request.plan, notes);
        break;
      case Verb::restore:
        machine.restore(request.device, notes);
        break;
      case Verb::restoreStale:
        machine.restoreStale(notes);
        break;
      case Verb::hold:
        machine.hold(request.hold);
        break;
      case Verb::letOut:
        machine.letOut(request.device);
        break;
    }
    return answer(encodeNotes(request, notes), -1);
  } catch (const Failure& failure) {
    return answer(encodeFailure(request, failure), -1);
  } catch (const std::exception& error) {
    return answer(encodeFailure(request, Failure{Status::systemRefused, "carry out the request", error.what()}), -1);
  }
}

// Where journals lie. The override is for tests: never for somebody who came through pkexec.
std::string runFolder() {
  const char* chosen = std::getenv("CULVERT_RUN_DIR");
  if (chosen != nullptr && chosen[0] == '/' && getuid() == 0 && std::getenv("PKEXEC_UID") == nullptr) return chosen;
  return "/run/culvert";
}

int run() {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(kPeer, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) {
    std::fputs("culvert-helper is started by Culvert, not by hand\n", stderr);
    return 2;
  }
  umask(0077);
  if (chdir("/") != 0) return 1;
  prctl(PR_SET_DUMPABLE, 0);
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t ends;
  sigemptyset(&ends);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) sigaddset(&ends, signal);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  const int signals = signalfd(-1, &ends, SFD_CLOEXEC);

  Machine machine(runFolder());
  std::vector<std::uint8_t> buffer(kMaxMessage);
  for (;;) {
    pollfd waiting[] = {{kPeer, POLLIN, 0}, {signals, POLLIN, 0}};
    if (poll(waiting, 2, -1) < 0) {
      if (errno == EINTR) continue;
      break;
    }
    if (waiting[1].revents != 0) break;
    if (waiting[0].revents == 0) continue;
    // No control buffer: descriptors somebody sends are dropped by the kernel.
    const ssize_t got = recv(kPeer, buffer.data(), buffer.size(), MSG_TRUNC);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) break;
    const auto length = static_cast<std::size_t>(got);
    // A message beyond the bound is refused by its first octets like any other bad one.
    const bool fits = length <= buffer.size();
    if (!serve(machine, buffer.data(), fits ? length : 4)) break;
  }
  machine.restoreAll();
  return 0;
}

}  // namespace
}  // namespace culvert

int main() {
  try {
    return culvert::run();
  } catch (const culvert::Failure& failure) {
    std::fprintf(stderr, "culvert-helper could not %s: %s\n", failure.what.c_str(), failure.problem.c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "culvert-helper: %s\n", error.what());
  }
  return 1;
}
