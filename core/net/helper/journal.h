// What this helper is about to change, written down before it does, so that a later one can undo it
// after a kill -9. One file per helper; a lock orders all helpers of the machine.
#pragma once
#include <functional>
#include <string>
#include <vector>

namespace culvert {

// First the kind: `table` DEVICE INDEX · `dns` DEVICE SERVERS SEARCH · `resolved` DEVICE INDEX · `hold` DEVICE.
using Entry = std::vector<std::string>;

// Held while shared state (resolv.conf, other helpers' journals) is read and changed.
class MachineLock {
 public:
  explicit MachineLock(const std::string& folder);
  ~MachineLock();
  MachineLock(const MachineLock&) = delete;
  MachineLock& operator=(const MachineLock&) = delete;

 private:
  int fd_;
};

class Journal {
 public:
  // `folder`: /run/culvert, made 0700 if missing; refused if others may write to it.
  explicit Journal(const std::string& folder);

  const std::string& folder() const { return folder_; }
  const std::string& network() const { return network_; }
  const std::vector<Entry>& entries() const { return entries_; }
  void add(const Entry& entry);
  void remove(const std::function<bool(const Entry&)>& which);
  void discard();

  struct Other {
    std::string path;
    bool alive = false;
    std::vector<Entry> entries;
  };
  // Journals of other helpers in this network namespace.
  std::vector<Other> others() const;

 private:
  void write() const;
  std::string folder_, path_, network_, header_;
  std::vector<Entry> entries_;
};

}  // namespace culvert
