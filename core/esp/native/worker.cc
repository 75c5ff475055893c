#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <system_error>

namespace culvert::esp {

uint64_t steadyMs() noexcept {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

Worker::Worker(Plans& plans, size_t reader) : plans_(plans), turns_(plans.reader(reader)) {}

Worker::~Worker() {
  if (wake_ >= 0) close(wake_);
}

void Worker::start(const char* name) {
  if (wake_ < 0) wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  // Signals are for the threads of the program we live in.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread_.native_handle(), name);
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  nudge();
  thread_.join();
}

void Worker::nudge() noexcept {
  if (wake_ < 0) return;
  const uint64_t one = 1;
  // Only a full counter fails, and then the thread is awake anyway.
  if (write(wake_, &one, sizeof one) < 0) return;
}

bool Worker::Seen::trouble(uint32_t about) const noexcept {
  return id == about && (events & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

bool Worker::Seen::hungUp(uint32_t about) const noexcept {
  return id == about && (events & (POLLHUP | POLLNVAL)) != 0;
}

void Worker::run() noexcept {
  Seen seen{0, 0};
  while (!stopping_) {
    turns_.begin();
    const Turn done = turn(plans_.current(), seen);
    turns_.end();
    seen = {0, 0};
    if (done.more) continue;
    // The descriptor may have been closed since, and its number taken by another: then poll may wake us for
    // nothing, or not at all for that one, but the nudge that came with the change does.
    pollfd watched[2] = {{wake_, POLLIN, 0}, {done.fd, POLLIN, 0}};
    if (poll(watched, 2, -1) < 0) continue;
    seen = {done.id, watched[1].revents};
    uint64_t count;
    if (watched[0].revents != 0 && read(wake_, &count, sizeof count) < 0) continue;
  }
}

}  // namespace culvert::esp
