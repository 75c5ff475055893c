#include "journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "failure.h"
#include "files.h"

namespace culvert {
namespace {

Entry split(const std::string& line) {
  Entry words;
  std::size_t from = 0;
  for (;;) {
    const std::size_t tab = line.find('\t', from);
    words.push_back(line.substr(from, tab - from));
    if (tab == std::string::npos) return words;
    from = tab + 1;
  }
}

std::string join(const Entry& entry) {
  std::string line;
  for (const auto& word : entry) line += (line.empty() ? "" : "\t") + word;
  return line;
}

// Clock ticks since boot at which the process began; with the pid it names one process for good.
std::string startOf(const std::string& pid) {
  const auto stat = readFile("/proc/" + pid + "/stat");
  if (!stat) return "";
  std::size_t at = stat->rfind(')');  // the name before it may hold anything
  if (at == std::string::npos) return "";
  at += 2;
  if (stat->compare(at, 1, "Z") == 0 || stat->compare(at, 1, "X") == 0) return "";  // dead, only not yet buried
  for (int field = 3; field < 22; field++) {
    at = stat->find(' ', at);
    if (at == std::string::npos) return "";
    at++;
  }
  return stat->substr(at, stat->find(' ', at) - at);
}

}  // namespace

MachineLock::MachineLock(const std::string& folder)
    : fd_(open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
  if (fd_ < 0) failErrno("lock " + folder, errno);
  while (flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
  }
}

MachineLock::~MachineLock() { close(fd_); }

Journal::Journal(const std::string& folder) : folder_(folder) {
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) failErrno("make " + folder, errno);
  struct stat info;
  if (lstat(folder.c_str(), &info) != 0) failErrno("look at " + folder, errno);
  if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 0022) != 0) {
    throw Failure{Status::noPermission, "use " + folder, "it is not a folder only root can write to"};
  }
  if (stat("/proc/self/ns/net", &info) != 0) failErrno("name the network namespace", errno);
  network_ = std::to_string(info.st_ino);
  const std::string pid = std::to_string(getpid());
  const std::string start = startOf(pid);
  path_ = folder + "/" + pid + "-" + start + ".journal";
  header_ = join({"culvert", "1", pid, start, network_});
}

void Journal::write() const {
  std::string text = header_ + "\n";
  for (const auto& entry : entries_) text += join(entry) + "\n";
  replaceFile(path_, text, 0600);
}

void Journal::add(const Entry& entry) {
  if (std::find(entries_.begin(), entries_.end(), entry) != entries_.end()) return;
  entries_.push_back(entry);
  write();
}

void Journal::remove(const std::function<bool(const Entry&)>& which) {
  const auto end = std::remove_if(entries_.begin(), entries_.end(), which);
  if (end == entries_.end()) return;
  entries_.erase(end, entries_.end());
  if (entries_.empty()) return discard();
  write();
}

void Journal::discard() {
  entries_.clear();
  unlink(path_.c_str());
}

std::vector<Journal::Other> Journal::others() const {
  std::vector<Other> list;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(folder_, error)) {
    if (file.path().extension() != ".journal" || file.path().string() == path_) continue;
    const auto text = readFile(file.path().string());
    if (!text) continue;
    Other other;
    other.path = file.path().string();
    bool ours = false;
    std::size_t from = 0;
    for (std::size_t end; (end = text->find('\n', from)) != std::string::npos; from = end + 1) {
      const Entry words = split(text->substr(from, end - from));
      if (words[0] == "culvert" && words.size() == 5) {
        ours = words[1] == "1" && words[4] == network_;
        other.alive = !words[3].empty() && startOf(words[2]) == words[3];
      } else {
        other.entries.push_back(words);
      }
    }
    if (ours) list.push_back(std::move(other));
  }
  return list;
}

}  // namespace culvert
