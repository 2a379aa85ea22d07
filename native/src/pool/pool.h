// The process-wide pool of threads for batches that may block. Each queue has its own limit, so a hung disk leaves
// threads to the other queues. Batches are submitted and reported in groups, with few wake-ups.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "pool/queue.h"

namespace brickd {

class Pool {
 public:
  struct Status {
    int threads;
    int idle;
    int stuck;
  };

  static Pool& instance();

  void submit(const std::shared_ptr<Queue>& queue, const std::vector<Task>& tasks);
  void set_limit(const std::shared_ptr<Queue>& queue, int limit);
  // Upper bound of the threads that are not late in a call.
  void set_threads(int count);
  // Moves the ids that have finished since the last call to `ids`.
  // True if there is news of its hanging, or not any more, besides.
  bool take_finished(Queue& queue, std::vector<double>& ids);
  std::pair<size_t, int> depth(Queue& queue);
  // True once a closed queue has nothing running and nothing to report.
  bool is_over(Queue& queue);
  // No more submissions; what is queued is cancelled (every op -ECANCELED) and reported as finished. With `silently`
  // nothing is reported any more, but the waker is still signalled when a task ends.
  void close(const std::shared_ptr<Queue>& queue, bool silently);
  Status status();

 private:
  // A thread, or its place for the next one.
  struct Thread {
    std::condition_variable wake;
    bool woken = false;
    bool busy = false;
    Clock::time_point started{};
    Progress progress;
    // What it runs; and, once that is late, the op that the monitor has seen it in last, and since when.
    Record* records = nullptr;
    int seen_op = -1;
    Clock::time_point seen_since{};
    double longest_ms = 0;
    // When it ended its last batch; cleared while it waits for work.
    Clock::time_point ended{};
    // The queue that it takes tasks of in a row, and since when.
    std::shared_ptr<Queue> queue;
    Clock::time_point queue_since{};
    // Whom it has not told yet of finished tasks, how many and since when.
    std::shared_ptr<Waker> untold;
    int untold_count = 0;
    Clock::time_point untold_since{};
  };

  using Lock = std::unique_lock<std::mutex>;

  void thread_main(Thread* self);
  bool wait_for_work(Lock& lock, Thread* self);
  bool run_one(Lock& lock, Thread* self);
  bool take(Thread* self, Task& task, Clock::time_point now);
  void refresh(const std::shared_ptr<Queue>& queue, bool to_back, Clock::time_point now = {});
  Thread* call_thread();
  bool start_thread();
  void drain_here(Lock& lock);

  void call_monitor();
  void monitor_main();
  void judge_queues(Clock::time_point now, std::vector<std::shared_ptr<Waker>>& to_signal);
  static void note_op(Thread* thread, Clock::time_point now);
  bool may_start() const;
  void look_after(Clock::time_point now, std::vector<std::shared_ptr<Waker>>& to_signal);

  std::mutex mutex_;
  // Queues that have a task which may run and are below their limit.
  std::deque<std::shared_ptr<Queue>> ready_;
  std::vector<Thread*> threads_;
  // Threads that wait for work, the latest last: it is the first to be called, the others may end.
  std::vector<Thread*> idle_;
  std::vector<Thread*> spare_;
  // Threads that were called and have not come yet: one at a time, it calls the next when it finds more work.
  int called_ = 0;
  int wanted_ = 8;
  // As the monitor saw it last: threads in a call for longer than healthy disks take, and those of them that seem to
  // hang.
  int late_ = 0;
  int stuck_ = 0;
  // Queues that have late calls, or had some at the last look.
  std::vector<std::shared_ptr<Queue>> watched_;

  std::condition_variable monitor_;
  bool monitor_runs_ = false;
  bool monitor_active_ = false;
};

}  // namespace brickd
