// The pool's monitor thread. While tasks run it looks every 20 ms for three things: threads stuck in a call, which it
// replaces; queues that get no thread; and finished tasks that were not reported yet.
#include <algorithm>

#include "pool/native_thread.h"
#include "pool/pool.h"

namespace brickd {

namespace {

using std::chrono::milliseconds;

constexpr auto kTick = milliseconds(20);
// Ticks without work after which the monitor goes to sleep.
constexpr int kQuietTicks = 50;
// A call that takes longer waits for a disk that is slow at least: its thread no longer counts against the bound.
constexpr auto kLateTime = milliseconds(100);
// A call that takes longer is taken to hang.
constexpr auto kStuckTime = milliseconds(1000);
// A queue with nothing running that has waited for longer gets a thread beyond the bound.
constexpr auto kStarvedTime = milliseconds(10);
// A quick task that takes longer turns out not to be: what finished before it is told.
constexpr auto kUntoldTime = milliseconds(1);

// How many calls of a hanging queue may be under way: fewer, the more threads hang in all.
int hung_limit(int stuck) {
  if (stuck <= 32) return 4;
  return stuck <= 64 ? 2 : 1;
}

}  // namespace

void Pool::call_monitor() {
  if (monitor_active_) return;
  if (monitor_runs_) {
    monitor_active_ = true;
    monitor_.notify_one();
  } else if (start_native_thread("brickd-io-watch", [this] { monitor_main(); })) {
    monitor_active_ = monitor_runs_ = true;
  }
}

void Pool::monitor_main() {
  std::vector<std::shared_ptr<Waker>> to_signal;
  Lock lock(mutex_);
  for (int quiet = 0;;) {
    while (!monitor_active_) monitor_.wait(lock);
    monitor_.wait_for(lock, kTick);
    look_after(Clock::now(), to_signal);
    bool work = !ready_.empty();
    for (const Thread* thread : threads_) work = work || thread->busy;
    quiet = work ? 0 : quiet + 1;
    if (quiet > kQuietTicks) {
      quiet = 0;
      monitor_active_ = false;
    }
    if (to_signal.empty()) continue;
    lock.unlock();
    for (const auto& waker : to_signal) waker->signal();
    to_signal.clear();
    lock.lock();
  }
}

// Tells queues what was seen of their calls, and their owners if one begins or ceases to hang.
void Pool::judge_queues(Clock::time_point now, std::vector<std::shared_ptr<Waker>>& to_signal) {
  auto seen_well = [&](const std::shared_ptr<Queue>& queue) {
    bool late = queue->seen.late;
    if (queue->judge(hung_limit(stuck_), now)) to_signal.push_back(queue->waker);
    refresh(queue, false);
    queue->seen = {};
    queue->watched = late;
    return !late;
  };
  watched_.erase(std::remove_if(watched_.begin(), watched_.end(), seen_well), watched_.end());
}

// Tells, in the batch itself, which op of a batch that is late takes longest.
void Pool::note_op(Thread* thread, Clock::time_point now) {
  const int op = thread->progress.index.load(std::memory_order_relaxed);
  if (op != thread->seen_op) {
    thread->seen_since = thread->seen_op < 0 ? thread->started : now;
    thread->seen_op = op;
  }
  const double ms = std::chrono::duration<double, std::milli>(now - thread->seen_since).count();
  if (ms <= thread->longest_ms) return;
  thread->longest_ms = ms;
  set_time(thread->records, kLongestOp, op);
  set_time(thread->records, kLongestMs, ms);
}

void Pool::look_after(Clock::time_point now, std::vector<std::shared_ptr<Waker>>& to_signal) {
  late_ = stuck_ = 0;
  for (Thread* thread : threads_) {
    if (!thread->busy) continue;
    auto age = now - thread->started;
    if (age > kLateTime) {
      late_++;
      thread->queue->seen.late = true;
      note_op(thread, now);
      if (age > kStuckTime) {
        stuck_++;
        auto& oldest = thread->queue->seen.stuck[thread->progress.now.load(std::memory_order_relaxed)];
        oldest = std::max(oldest, age);
      }
      if (!thread->queue->watched) {
        thread->queue->watched = true;
        watched_.push_back(thread->queue);
      }
    }
    if (thread->untold != nullptr && now - thread->started > kUntoldTime)
      to_signal.push_back(std::move(thread->untold));
  }
  judge_queues(now, to_signal);
  if (ready_.empty() || called_ > 0) return;
  if (Thread* called = call_thread()) {
    called->wake.notify_one();
    return;
  }
  if (called_ > 0) return;
  // All threads are busy with other queues: each queue is to have one at least. The new thread takes the first in the
  // list.
  auto starved = std::find_if(ready_.begin(), ready_.end(), [now](const std::shared_ptr<Queue>& queue) {
    return queue->running() == 0 && now - queue->listed_at > kStarvedTime;
  });
  if (starved == ready_.end() || !start_thread()) return;
  std::rotate(ready_.begin(), starved, starved + 1);
}

}  // namespace brickd
