// One thread per reader. It polls the descriptor, gathers what is there into batches and wakes JavaScript, which takes
// them on its own thread. Packets wait in our queue, not in Node's, so that the bound is ours.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "descriptors.h"
#include "device.h"
#include "passing.h"

namespace culvert {
namespace {

constexpr size_t kBatchPackets = 64;
constexpr size_t kBatchBytes = 256 * 1024;
constexpr size_t kMaxQueued = 16;
constexpr size_t kLargestMessage = 256 * 1024;
constexpr size_t kMaxFds = 253;  // SCM_MAX_FD of Linux

struct Batch {
  Bytes bytes;
  std::vector<size_t> lengths;
  std::vector<int> fds;

  bool empty() const { return lengths.empty(); }
};

enum class Kind { device, datagram, sequence };

class Reader {
 public:
  Reader(int fd, Kind kind)
      : fd_(fd), kind_(kind), skip_(kind == Kind::device ? deviceHeaderBytes(fd) : 0), scratch_(kLargestMessage) {
    wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_ < 0) throw SystemError{"eventfd", errno};
  }

  ~Reader() {
    halt();
    for (const Batch& batch : queue_) closeAll(batch.fds);
    close(wake_);
  }

  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void start(napi_threadsafe_function notify) {
    notify_ = notify;
    thread_ = std::thread([this] { run(); });
  }

  /// Ends the thread; returns when it is gone.
  void halt() {
    stopping_ = true;
    nudge();
    if (thread_.joinable()) thread_.join();
  }

  /// The oldest batch that waits; false when there is none.
  bool take(Batch& out) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (queue_.empty()) return false;
    out = std::move(queue_.front());
    queue_.pop_front();
    if (queue_.size() + 1 == kMaxQueued) nudge();
    return true;
  }

  /// The code that ended the reading, once, after the last batch was taken.
  bool takeEnd(std::string& out) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (end_.empty() || !queue_.empty()) return false;
    out = end_;
    end_.clear();
    return true;
  }

  static void closeAll(const std::vector<int>& fds) {
    for (const int fd : fds) close(fd);
  }

 private:
  void nudge() {
    const uint64_t one = 1;
    if (write(wake_, &one, sizeof one) < 0) return;  // only a full counter fails, and then it is awake anyway
  }

  bool full() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return queue_.size() >= kMaxQueued;
  }

  void deliver(Batch&& batch) {
    if (batch.empty()) return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      queue_.push_back(std::move(batch));
    }
    napi_call_threadsafe_function(notify_, nullptr, napi_tsfn_nonblocking);
  }

  void finish(const std::string& code) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      end_ = code;
    }
    napi_call_threadsafe_function(notify_, nullptr, napi_tsfn_nonblocking);
  }

  void run() {
    while (!stopping_) {
      // Paused: a negative descriptor is ignored by poll.
      pollfd watched[2] = {{wake_, POLLIN, 0}, {full() ? -1 : fd_, POLLIN, 0}};
      if (poll(watched, 2, -1) < 0) {
        if (errno == EINTR) continue;
        return finish(errorCode(errno));
      }
      if (watched[0].revents != 0) {
        uint64_t count;
        if (read(wake_, &count, sizeof count) < 0 && errno != EAGAIN) return finish(errorCode(errno));
      }
      if (stopping_) return;
      const short seen = watched[1].revents;
      if (seen & POLLNVAL) return finish("EBADF");
      if (seen == 0) continue;
      std::string code;
      const bool progress = gather(code);
      if (!code.empty()) return finish(code);
      if (progress) continue;
      // Nothing to read and yet woken: an error that reading does not clear must not become a busy loop.
      if (kind_ == Kind::datagram && (seen & POLLERR)) {
        int pending = 0;
        socklen_t length = sizeof pending;
        getsockopt(fd_, SOL_SOCKET, SO_ERROR, &pending, &length);
      } else if (seen & POLLHUP) {
        return finish("EOF");
      } else if (seen & POLLERR) {
        return finish("EIO");
      }
    }
  }

  /// Reads until the descriptor is empty or a batch is full. `code`: why there will be no more.
  bool gather(std::string& code) {
    Batch batch;
    bool progress = false;
    while (batch.lengths.size() < kBatchPackets && batch.bytes.size() < kBatchBytes) {
      std::vector<int> fds;
      bool truncated = false;
      const ssize_t length = kind_ == Kind::device ? read(fd_, scratch_.data(), scratch_.size()) : receive(fds, truncated);
      if (length < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) break;
        progress = true;
        if (kind_ == Kind::datagram && isPassing(errno)) continue;
        // Said once, before what still waits, by a peer that closed without reading all we sent; its end comes after it.
        if (kind_ == Kind::sequence && errno == ECONNRESET) continue;
        code = errorCode(errno);
        break;
      }
      progress = true;
      if (truncated) {
        closeAll(fds);
        code = "EMSGSIZE";
        break;
      }
      if (length == 0 && kind_ != Kind::datagram) {
        closeAll(fds);
        code = "EOF";
        break;
      }
      // A message with descriptors travels alone, so that nobody has to guess which one they came with.
      if (!fds.empty()) deliver(std::move(batch)), batch = Batch{};
      if (static_cast<size_t>(length) < skip_) continue;
      batch.bytes.insert(batch.bytes.end(), scratch_.begin() + static_cast<ssize_t>(skip_), scratch_.begin() + length);
      batch.lengths.push_back(static_cast<size_t>(length) - skip_);
      if (!fds.empty()) {
        batch.fds = std::move(fds);
        break;
      }
    }
    deliver(std::move(batch));
    return progress;
  }

  ssize_t receive(std::vector<int>& fds, bool& truncated) {
    iovec part{scratch_.data(), scratch_.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxFds)];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t length = recvmsg(fd_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0) return length;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
      const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      const size_t before = fds.size();
      fds.resize(before + count);
      memcpy(&fds[before], CMSG_DATA(header), count * sizeof(int));
    }
    truncated = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    return length;
  }

  const int fd_;
  const Kind kind_;
  /// Octets before each packet that are not part of it.
  const size_t skip_;
  int wake_ = -1;
  Bytes scratch_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  napi_threadsafe_function notify_ = nullptr;
  std::mutex mutex_;
  std::deque<Batch> queue_;
  std::string end_;
};

/// What lives on the JavaScript side. Shared by the `stop` function, the notifier and the environment's end.
struct Session {
  explicit Session(int fd, Kind kind) : reader(fd, kind) {}

  napi_env env = nullptr;
  Reader reader;
  napi_threadsafe_function notify = nullptr;
  napi_ref onPackets = nullptr;
  napi_ref onEnd = nullptr;
  bool stopped = false;
};
using Shared = std::shared_ptr<Session>;

void atExit(void* data);

void shutDown(const Shared& session) {
  if (session->stopped) return;
  session->stopped = true;
  session->reader.halt();
  napi_release_threadsafe_function(session->notify, napi_tsfn_abort);
}

void atExit(void* data) { shutDown(*static_cast<Shared*>(data)); }

napi_value toArray(napi_env env, const Batch& batch) {
  napi_value buffer;
  void* memory = nullptr;
  check(env, napi_create_arraybuffer(env, batch.bytes.size(), &memory, &buffer));
  if (!batch.bytes.empty()) memcpy(memory, batch.bytes.data(), batch.bytes.size());
  napi_value packets;
  check(env, napi_create_array_with_length(env, batch.lengths.size(), &packets));
  size_t at = 0;
  for (size_t i = 0; i < batch.lengths.size(); i++) {
    napi_value view;
    check(env, napi_create_typedarray(env, napi_uint8_array, batch.lengths[i], buffer, at, &view));
    check(env, napi_set_element(env, packets, static_cast<uint32_t>(i), view));
    at += batch.lengths[i];
  }
  return packets;
}

napi_value toArray(napi_env env, const std::vector<int>& fds) {
  napi_value list;
  check(env, napi_create_array_with_length(env, fds.size(), &list));
  for (size_t i = 0; i < fds.size(); i++) {
    check(env, napi_set_element(env, list, static_cast<uint32_t>(i), fromInt(env, fds[i])));
  }
  return list;
}

void onNotify(napi_env env, napi_value, void* context, void*) {
  if (env == nullptr) return;
  const Shared session = *static_cast<Shared*>(context);
  try {
    Batch batch;
    while (!session->stopped && session->reader.take(batch)) {
      const napi_value values[2] = {toArray(env, batch), toArray(env, batch.fds)};
      callBack(env, session->onPackets, 2, values);
    }
    std::string code;
    if (session->stopped || !session->reader.takeEnd(code)) return;
    shutDown(session);
    const napi_value value = fromText(env, code);
    callBack(env, session->onEnd, 1, &value);
  } catch (const Pending&) {
    napi_value exception;
    if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
  }
}

void onGone(napi_env env, void* data, void*) {
  auto* session = static_cast<Shared*>(data);
  napi_remove_env_cleanup_hook(env, atExit, data);
  napi_delete_reference(env, (*session)->onPackets);
  napi_delete_reference(env, (*session)->onEnd);
  delete session;
}

napi_value stop(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  check(env, napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data));
  shutDown(*static_cast<Shared*>(data));
  return undefined(env);
}

Kind kindOf(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0) throw SystemError{"fstat", errno};
  if (!S_ISSOCK(status.st_mode)) return Kind::device;
  int type = 0;
  socklen_t length = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0) throw SystemError{"getsockopt", errno};
  return type == SOCK_DGRAM || type == SOCK_RAW ? Kind::datagram : Kind::sequence;
}

}  // namespace

napi_value readPackets(napi_env env, int fd, napi_value onPackets, napi_value onEnd) {
  const Kind kind = kindOf(fd);
  if (kind == Kind::device) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) throw SystemError{"fcntl", errno};
  }
  const Shared session = std::make_shared<Session>(fd, kind);
  session->env = env;
  check(env, napi_create_reference(env, onPackets, 1, &session->onPackets));
  check(env, napi_create_reference(env, onEnd, 1, &session->onEnd));
  auto* held = new Shared(session);
  check(env, napi_create_threadsafe_function(env, nullptr, nullptr, fromText(env, "culvert reader"), 0, 1, held, onGone,
                                             held, onNotify, &session->notify));
  // Added after the notifier, so that it runs before the notifier's own end.
  check(env, napi_add_env_cleanup_hook(env, atExit, held));
  napi_value object;
  napi_value function;
  auto* owned = new Shared(session);
  check(env, napi_create_object(env, &object));
  check(env, napi_create_function(env, "stop", NAPI_AUTO_LENGTH, guarded<stop>, owned, &function));
  check(env, napi_add_finalizer(
                 env, function, owned, [](napi_env, void* data, void*) { delete static_cast<Shared*>(data); }, nullptr,
                 nullptr));
  set(env, object, "stop", function);
  session->reader.start(session->notify);
  return object;
}

}  // namespace culvert
