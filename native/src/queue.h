// A queue of the pool: what waits, in which order it may run, and what has finished. Guarded by the pool's mutex.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "batch.h"
#include "waker.h"

namespace brickd {

using Clock = std::chrono::steady_clock;

struct Task {
  Record* records;
  double id;
  // Tasks of the same non-zero lane run in order, one at a time.
  int64_t lane;
  uint8_t priority;
  bool heavy;
};

constexpr int kPriorities = 4;

class Queue {
 public:
  Queue(std::shared_ptr<Waker> owner, int limit) : waker(std::move(owner)), limit_(limit) {}

  const std::shared_ptr<Waker> waker;

  void set_limit(int limit) { limit_ = limit; }
  size_t queued() const { return queued_; }
  int running() const { return running_; }
  bool closed() const { return closed_; }

  // Queues a task; once the queue is closed it is cancelled instead.
  void push(const Task& task);
  // True if a task may run now.
  bool ready() const { return runnable_count_ > 0 && running_ < limit_; }
  // The next task to run, of the highest priority; a lower one gets its turn now and then. Only when ready.
  Task take();
  // A task has run: it is reported, and the next of its lane may run.
  void finish(const Task& task);
  // Cancels what is queued. With `silently` nothing is reported from now on.
  void close(bool silently);
  // The ids that have finished, in order, since the last call.
  void take_finished(std::vector<double>& ids) { ids.clear(), ids.swap(finished_); }
  bool has_finished() const { return !finished_.empty(); }

  // Since when the queue has been waiting for a thread; kept by the pool while it is on the list of ready queues.
  bool listed = false;
  Clock::time_point listed_at{};

 private:
  void make_runnable(const Task& task);
  void report(const Task& task);
  void cancel(std::deque<Task>& tasks);

  int limit_;
  int running_ = 0;
  size_t queued_ = 0;
  size_t runnable_count_ = 0;
  // Tasks taken in a row while one of a lower priority was waiting.
  int passed_over_ = 0;
  bool closed_ = false;
  bool silent_ = false;
  std::array<std::deque<Task>, kPriorities> runnable_;
  // Lanes that have a task runnable or running, with what waits behind it.
  std::unordered_map<int64_t, std::deque<Task>> lanes_;
  std::vector<double> finished_;
};

}  // namespace brickd
