// Looks up users' groups on a few threads of their own.
#include "pool/user_groups.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

#include <chrono>
#include <deque>
#include <map>
#include <mutex>

#include "pool/native_thread.h"

namespace brickd {

namespace {

using Clock = std::chrono::steady_clock;

// Threads that may ask at a time, and users that may be asked for.
constexpr int kThreads = 4;
constexpr size_t kMaxLookups = 1024;
// An answer that nobody has taken is out of date after this time.
constexpr std::chrono::seconds kKept{10};

struct Lookup {
  bool done = false;
  int error = 0;
  std::vector<gid_t> groups;
  Clock::time_point since{};
};

std::mutex mutex;
std::map<uid_t, Lookup> lookups;
std::deque<uid_t> queue;
int threads = 0;

// Asks for one user after the other until nobody waits.
void thread_main() {
  std::unique_lock<std::mutex> lock(mutex);
  while (!queue.empty()) {
    uid_t uid = queue.front();
    queue.pop_front();
    lock.unlock();
    std::vector<gid_t> groups;
    int error = groups_of_user(uid, groups);
    lock.lock();
    Lookup& lookup = lookups[uid];
    lookup.done = true;
    lookup.error = error;
    lookup.groups = std::move(groups);
    lookup.since = Clock::now();
  }
  threads--;
}

void drop_untaken() {
  const auto now = Clock::now();
  for (auto i = lookups.begin(); i != lookups.end();) {
    if (i->second.done && now - i->second.since > kKept) {
      i = lookups.erase(i);
    } else {
      ++i;
    }
  }
}

}  // namespace

int groups_of_user(uid_t uid, std::vector<gid_t>& groups) {
  constexpr size_t kMaxEntry = 1 << 20;
  struct passwd entry {};
  struct passwd* found = nullptr;
  std::vector<char> buffer(16 * 1024);
  int error = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  while (error == EINTR || (error == ERANGE && buffer.size() < kMaxEntry)) {
    if (error == ERANGE) buffer.resize(buffer.size() * 2);
    error = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  }
  if (found == nullptr) return error == 0 ? -ENOENT : -error;
  int count = 64;
  groups.resize(static_cast<size_t>(count));
  while (::getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) < 0) {
    // `count` is now what it takes.
    if (count <= static_cast<int>(groups.size())) return -EIO;
    groups.resize(static_cast<size_t>(count));
  }
  groups.resize(static_cast<size_t>(count));
  return 0;
}

int take_groups_of_user(uid_t uid, std::vector<gid_t>& groups) {
  std::lock_guard<std::mutex> lock(mutex);
  auto known = lookups.find(uid);
  if (known != lookups.end()) {
    if (!known->second.done) return -EAGAIN;
    int error = known->second.error;
    groups = std::move(known->second.groups);
    lookups.erase(known);
    return error;
  }
  drop_untaken();
  if (lookups.size() >= kMaxLookups) return -EBUSY;
  if (threads < kThreads) {
    // What a name service's modules need of a stack is not known: as much as a thread of the C library has.
    constexpr size_t kStackBytes = 8 << 20;
    if (start_native_thread("brickd-groups", thread_main, kStackBytes)) {
      threads++;
    } else if (threads == 0) {
      return -ENOMEM;
    }
  }
  lookups.emplace(uid, Lookup{});
  queue.push_back(uid);
  return -EAGAIN;
}

}  // namespace brickd
