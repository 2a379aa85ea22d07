// The process-wide pool of blocking calls: queues with a limit, priorities and lanes; batches in, batches out.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <vector>

#include "batch.h"

namespace brickd {

struct Task {
  Record* records;
  double id;
  int64_t lane;
  int priority;
};

constexpr int kPriorities = 4;

// One queue. All fields are guarded by the pool's mutex.
struct Queue {
  int limit = 1;
  int running = 0;
  size_t queued = 0;
  bool closed = false;
  // Listed among the queues that have work for a thread.
  bool listed = false;
  // Tasks that may run, by priority.
  std::array<std::deque<Task>, kPriorities> runnable;
  // Lanes that have a task runnable or running, with what waits behind it.
  std::unordered_map<int64_t, std::deque<Task>> lanes;
  // Ids that have finished and were not reported yet.
  std::vector<double> finished;
  bool signalled = false;
  // Wakes the owner's event loop; empty once the owner has gone.
  std::function<void()> wake;
};

class Pool {
 public:
  static Pool& instance();

  void submit(const std::shared_ptr<Queue>& queue, const std::vector<Task>& tasks);
  void set_limit(const std::shared_ptr<Queue>& queue, int limit);
  void set_threads(int count);
  // Moves the ids that have finished since the last call to `out`.
  void take_finished(Queue& queue, std::vector<double>& out);
  std::pair<size_t, int> depth(Queue& queue);
  // No more submissions; what is queued is cancelled (every op -ECANCELED) and reported as finished.
  void close(const std::shared_ptr<Queue>& queue);
  // The owner goes: nothing is reported any more. Returns when no task of the queue runs.
  void abandon(const std::shared_ptr<Queue>& queue);

 private:
  using Clock = std::chrono::steady_clock;

  void thread_main();
  void run_queue(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Queue>& queue, Clock::time_point& started);
  void list(const std::shared_ptr<Queue>& queue);
  void wake_one();
  void finish(Queue& queue, const Task& task);
  void signal(Queue& queue);
  void cancel_queued(Queue& queue);

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable stopped_;
  std::deque<std::shared_ptr<Queue>> ready_;
  // Start of the present task of each busy thread.
  std::multiset<Clock::time_point> busy_;
  int threads_ = 0;
  int idle_ = 0;
  int wanted_ = 8;
};

}  // namespace brickd
