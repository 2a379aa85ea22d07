// A queue of the pool: waiting tasks, their order, and finished ones. Guarded by the pool's mutex.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ops/batch.h"
#include "pool/waker.h"

namespace brickd {

using Clock = std::chrono::steady_clock;

inline double milliseconds(Clock::time_point time) {
  return std::chrono::duration<double, std::milli>(time.time_since_epoch()).count();
}

struct Task {
  Record* records;
  double id;
  // Tasks of the same non-zero lane run in order, one at a time.
  int64_t lane;
  uint8_t priority;
  bool heavy;
};

// Of tasks, the most urgent first.
#define BRICKD_PRIORITIES(X) X(high) X(normal) X(low) X(least)
#define X(name) +1
constexpr int kPriorities = 0 BRICKD_PRIORITIES(X);
#undef X

// What the owner of a queue reads at any time, without a call: 32-bit flags at these places.
enum QueueFlag : int {
  // A call of the queue has been running for longer than healthy disks take.
  kLateFlag,
  // Classes of ops (bits by OpClass) of which calls are stuck, and that none has come back of for a while.
  kHangsFlag,
  // Age in ms of the oldest call that is stuck in an op of each class, in the order of OpClass; 0: none is.
  kOldestFlag,
  kQueueFlags = kOldestFlag + kOpClasses
};

class Queue {
 public:
  // flags: kQueueFlags numbers that outlive the queue's closing, or null.
  Queue(std::shared_ptr<Waker> owner, int limit, int32_t* flags)
      : waker(std::move(owner)), limit_(limit), flags_(flags) {}

  const std::shared_ptr<Waker> waker;

  void set_limit(int limit) { limit_ = limit; }
  size_t queued() const { return queued_; }
  int running() const { return running_; }
  bool closed() const { return closed_; }

  // Queues a task; once the queue is closed it is cancelled instead.
  void push(const Task& task);
  // True if a task may run now.
  bool ready() const {
    return runnable_count_ > 0 && running_ < (blocked_ && hung_limit_ < limit_ ? hung_limit_ : limit_);
  }
  // The next task to run, of the highest priority; a lower one gets its turn now and then. Only when ready.
  Task take();
  // A task has run, with ops of these classes (bits): it is reported, and the next of its lane may run.
  void finish(const Task& task, unsigned classes);
  // Cancels what is queued. With `silently` nothing is reported from now on.
  void close(bool silently);
  // The ids that have finished, in order, since the last call.
  void take_finished(std::vector<double>& ids) { ids.clear(), ids.swap(finished_); }
  bool has_finished() const { return !finished_.empty(); }

  // Judges by what the monitor has `seen` at time `now`. hung_limit: how many calls may run while none at all comes
  // back. True if it hangs now and did not, or the reverse.
  bool judge(int hung_limit, Clock::time_point now);
  // True once after such a change: the owner has to be told.
  bool take_news() { return std::exchange(news_, false); }
  void drop_flags() { flags_ = nullptr; }
  // No more calls are wanted: what runs stops at its next op.
  const std::atomic<bool>* ended() const { return &ended_; }

  // What each look of the monitor finds anew.
  struct Seen {
    // A call is late.
    bool late = false;
    // Age of the oldest call that is stuck in an op of each class; 0: none is.
    std::array<Clock::duration, kOpClasses> stuck{};
  };
  Seen seen;
  // It is among those that the monitor has to judge.
  bool watched = false;

  // Since when the queue has been waiting for a thread; kept by the pool while it is on the list of ready queues.
  bool listed = false;
  Clock::time_point listed_at{};

 private:
  void make_runnable(const Task& task);
  void report(const Task& task);
  void cancel(std::deque<Task>& tasks);

  void set_flag(int flag, int32_t value);

  int limit_;
  int running_ = 0;
  size_t queued_ = 0;
  size_t runnable_count_ = 0;
  // Tasks taken in a row while one of a lower priority was waiting.
  int passed_over_ = 0;
  bool closed_ = false;
  bool silent_ = false;
  std::atomic<bool> ended_{false};
  int32_t* flags_;
  // Nothing comes back at all.
  bool blocked_ = false;
  // Bits of the classes that hang.
  unsigned hangs_ = 0;
  bool news_ = false;
  int hung_limit_ = 1;
  // What has come back: tasks finished, and how many of them the monitor saw last; while calls are stuck, since when
  // there have been no more.
  struct Returns {
    uint64_t done = 0;
    uint64_t seen = 0;
    Clock::time_point quiet_since{};

    Clock::duration quiet(bool stuck, Clock::time_point now) {
      if (!stuck || done != seen) quiet_since = now;
      seen = done;
      return now - quiet_since;
    }
  };
  Returns all_;
  std::array<Returns, kOpClasses> by_class_;
  std::array<std::deque<Task>, kPriorities> runnable_;
  // Lanes that have a task runnable or running, with what waits behind it.
  std::unordered_map<int64_t, std::deque<Task>> lanes_;
  std::vector<double> finished_;
};

}  // namespace brickd
