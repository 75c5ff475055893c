#include "files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "failure.h"

namespace culvert {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;

std::string folderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

int writeAll(int fd, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = write(fd, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno;
    done += static_cast<std::size_t>(wrote);
  }
  return fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
}

int writeTo(const std::string& path, int flags, const std::string& text, const struct stat* like, unsigned mode) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | flags, mode);
  if (fd < 0) return errno;
  int code = 0;
  if (like != nullptr && (fchown(fd, like->st_uid, like->st_gid) != 0 || fchmod(fd, like->st_mode & 07777) != 0)) {
    code = errno;
  } else if (like == nullptr && fchmod(fd, mode) != 0) {
    code = errno;
  }
  if (code == 0) code = writeAll(fd, text);
  close(fd);
  return code;
}

}  // namespace

std::optional<std::string> readFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string text;
  char buffer[4096];
  ssize_t got;
  while ((got = read(fd, buffer, sizeof buffer)) > 0 && text.size() < kMaxFile) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  close(fd);
  if (got < 0) return std::nullopt;
  return text;
}

void replaceFile(const std::string& path, const std::string& text, unsigned mode) {
  struct stat info;
  const bool exists = stat(path.c_str(), &info) == 0;
  const struct stat* like = exists ? &info : nullptr;
  const std::string fresh = path + ".culvert";
  unlink(fresh.c_str());
  int code = writeTo(fresh, O_CREAT | O_EXCL, text, like, mode);
  if (code == 0 && rename(fresh.c_str(), path.c_str()) != 0) code = errno;
  if (code == 0) {
    const int folder = open(folderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
      fsync(folder);
      close(folder);
    }
    return;
  }
  unlink(fresh.c_str());
  // A mount point cannot be renamed over, and its folder may be read-only: write into it.
  if (exists && (code == EBUSY || code == EXDEV || code == EROFS || code == EPERM || code == EACCES)) {
    code = writeTo(path, O_TRUNC, text, nullptr, info.st_mode & 07777);
  }
  if (code != 0) failErrno("write " + path, code);
}

int writeSetting(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const ssize_t wrote = write(fd, text.data(), text.size());
  const int code = wrote == static_cast<ssize_t>(text.size()) ? 0 : errno;
  close(fd);
  return code;
}

std::string linkTarget(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path at(path);
  for (int hops = 0; hops < 8 && fs::is_symlink(at, error); hops++) {
    const fs::path to = fs::read_symlink(at, error);
    if (error) break;
    at = to.is_absolute() ? to : (at.parent_path() / to).lexically_normal();
  }
  return at.string();
}

}  // namespace culvert
