// Groups concurrent syncs by file: one system call runs, and at most one more is queued behind it for everybody who
// came later.
#include "pool/fsync_group.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "invariant.h"
#include "ops/batch.h"

namespace brickd {

namespace {

// One system call, and all who count on it: those that came before it began.
struct Round {
  bool data_only;
  bool done = false;
  // What the system call came to, and what its callers are told.
  int64_t own = 0;
  int64_t result = 0;
  std::condition_variable changed;
};

// A file with a sync under way, and the one to come after it.
struct File {
  std::shared_ptr<Round> running;
  std::shared_ptr<Round> next;
};

using Key = std::pair<dev_t, ino_t>;

struct Files {
  std::mutex mutex;
  std::map<Key, File> by_key;
};

// Never destroyed: threads may be in a call when the process ends.
Files& files() {
  static Files* all = new Files;
  return *all;
}

int64_t sync_now(int fd, bool data_only) {
  return retry([&] { return data_only ? ::fdatasync(fd) : ::fsync(fd); });
}

// Runs the round that is now the file's running one, and lets the next begin.
// `earlier`: what the sync came to which all calls of this round have waited for. Its failure is theirs: their writes
// may be those that were lost, and the kernel, having told the descriptor, reports success now.
int64_t run_round(std::unique_lock<std::mutex>& lock, const Key& key, Round& round, int fd, int64_t earlier) {
  bool data_only = round.data_only;
  lock.unlock();
  int64_t own = sync_now(fd, data_only);
  lock.lock();
  round.own = own;
  round.result = own < 0 ? own : earlier;
  round.done = true;
  auto at = files().by_key.find(key);
  invariant(at != files().by_key.end() && at->second.running.get() == &round,
            "a round of syncs is its file's running one");
  if (at->second.next == nullptr) {
    files().by_key.erase(at);
  } else {
    at->second.running = std::move(at->second.next);
    at->second.next = nullptr;
  }
  round.changed.notify_all();
  return round.result;
}

}  // namespace

// By waiting for the file's write-back, which is what tells.
int64_t untold_errors(int fd) {
  int64_t n = retry([&] { return ::sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE); });
  return n == -EINVAL || n == -ESPIPE || n == -ENOSYS ? 0 : n;
}

int64_t grouped_sync(int fd, bool data_only) {
  struct stat s;
  if (::fstat(fd, &s) < 0) return -errno;
  const Key key{s.st_dev, s.st_ino};
  std::unique_lock<std::mutex> lock(files().mutex);
  File& file = files().by_key[key];
  if (file.running == nullptr) {
    std::shared_ptr<Round> round = file.running = std::make_shared<Round>();
    round->data_only = data_only;
    return run_round(lock, key, *round, fd, 0);
  }
  if (file.next == nullptr) {
    std::shared_ptr<Round> before = file.running;
    std::shared_ptr<Round> round = file.next = std::make_shared<Round>();
    round->data_only = data_only;
    before->changed.wait(lock, [&] { return before->done; });
    return run_round(lock, key, *round, fd, before->own);
  }
  std::shared_ptr<Round> round = file.next;
  if (!data_only) round->data_only = false;
  round->changed.wait(lock, [&] { return round->done; });
  int64_t result = round->result;
  lock.unlock();
  int64_t own = untold_errors(fd);
  return result < 0 ? result : own;
}

}  // namespace brickd
