#include "fsync_group.h"

#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

#include "batch.h"

namespace brickd {

namespace {

using Key = std::tuple<dev_t, ino_t, bool>;

// One system call to come: whoever arrives before it starts is served by it.
struct Round {
  bool done = false;
  int64_t result = 0;
};

struct File {
  bool running = false;
  // The round that starts after the running one; null while nobody waits.
  std::shared_ptr<Round> next;
  int users = 0;
  std::condition_variable changed;
};

std::mutex mutex;
std::map<Key, File> files;

int64_t sync_now(int fd, bool data_only) {
  return retry([&] { return data_only ? ::fdatasync(fd) : ::fsync(fd); });
}

}  // namespace

int64_t grouped_sync(int fd, bool data_only) {
  struct stat s;
  if (::fstat(fd, &s) < 0) return -errno;
  std::unique_lock<std::mutex> lock(mutex);
  Key key{s.st_dev, s.st_ino, data_only};
  auto at = files.try_emplace(key).first;
  File& file = at->second;
  file.users++;
  int64_t result;
  if (!file.running) {
    file.running = true;
    lock.unlock();
    result = sync_now(fd, data_only);
    lock.lock();
    file.running = false;
    file.changed.notify_all();
  } else {
    // What was written before this call may not be part of the running sync: wait for one that starts now or later.
    bool leads = file.next == nullptr;
    if (leads) file.next = std::make_shared<Round>();
    std::shared_ptr<Round> round = file.next;
    if (leads) {
      file.changed.wait(lock, [&] { return !file.running; });
      file.running = true;
      file.next = nullptr;
      lock.unlock();
      result = sync_now(fd, data_only);
      lock.lock();
      round->result = result;
      round->done = true;
      file.running = false;
      file.changed.notify_all();
    } else {
      file.changed.wait(lock, [&] { return round->done; });
      result = round->result;
    }
  }
  if (--file.users == 0) files.erase(at);
  return result;
}

}  // namespace brickd
