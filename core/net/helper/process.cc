#include "process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace culvert {
namespace {

// A file in memory: whatever it holds, neither end ever waits for the other.
struct Sheet {
  int fd = memfd_create("culvert", MFD_CLOEXEC);
  ~Sheet() {
    if (fd >= 0) close(fd);
  }
  bool write(const std::string& text) const {
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t wrote = ::write(fd, text.data() + done, text.size() - done);
      if (wrote <= 0) return false;
      done += static_cast<std::size_t>(wrote);
    }
    return lseek(fd, 0, SEEK_SET) == 0;
  }
  std::string firstLine() const {
    char buffer[200];
    const ssize_t got = pread(fd, buffer, sizeof buffer, 0);
    std::string text(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
    return text.substr(0, text.find('\n'));
  }
};

}  // namespace

Ran run(const char* path, const std::vector<std::string>& arguments, const std::string& input) {
  Sheet in, err;
  if (in.fd < 0 || err.fd < 0 || !in.write(input)) return {false, "no memory"};
  std::vector<char*> argv{const_cast<char*>(path)};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  char locale[] = "LC_ALL=C";
  char* environment[] = {locale, nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.fd, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, err.fd, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t child = 0;
  const int code = posix_spawn(&child, path, &actions, &attributes, argv.data(), environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (code != 0) return {false, std::string("it cannot be started")};
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return {WIFEXITED(status) && WEXITSTATUS(status) == 0, err.firstLine()};
}

}  // namespace culvert
