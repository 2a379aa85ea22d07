// The pool's threads: started on demand, they take tasks from the queues, run them, and report them in groups.
#include "pool/pool.h"

#include <algorithm>

#include "invariant.h"
#include "pool/native_thread.h"

namespace brickd {

namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

// A thread that has nothing to do for this long ends.
constexpr auto kIdleTime = seconds(10);
// Upper bound of threads, whatever hangs.
constexpr size_t kMaxThreads = 1024;
// Threads that are merely late are made up for up to this many times the bound.
constexpr int kLateFactor = 4;
// How long a thread goes on with one queue while others wait.
constexpr auto kRowTime = microseconds(200);
// A thread that goes on with quick tasks tells of finished ones at least this often.
constexpr auto kUntoldTime = microseconds(30);
constexpr int kUntoldCount = 16;

}  // namespace

Pool& Pool::instance() {
  // Never destroyed: threads may be in a call when the process ends.
  static Pool* pool = new Pool;
  return *pool;
}

void Pool::submit(const std::shared_ptr<Queue>& queue, const std::vector<Task>& tasks) {
  Thread* called = nullptr;
  bool tell = false;
  const auto now = Clock::now();
  for (const Task& task : tasks) {
    set_time(task.records, kSubmitted, milliseconds(now));
    set_time(task.records, kStarted, 0);
    set_time(task.records, kLongestMs, 0);
  }
  {
    Lock lock(mutex_);
    for (const Task& task : tasks) queue->push(task);
    // A closed queue has cancelled them at once.
    tell = queue->closed();
    refresh(queue, false, now);
    called = call_thread();
    call_monitor();
    if (threads_.empty()) drain_here(lock);
  }
  if (called != nullptr) called->wake.notify_one();
  if (tell) queue->waker->signal();
}

void Pool::set_limit(const std::shared_ptr<Queue>& queue, int limit) {
  Thread* called = nullptr;
  {
    Lock lock(mutex_);
    queue->set_limit(std::max(limit, 1));
    refresh(queue, false);
    called = call_thread();
  }
  if (called != nullptr) called->wake.notify_one();
}

void Pool::set_threads(int count) {
  Lock lock(mutex_);
  wanted_ = std::clamp(count, 1, static_cast<int>(kMaxThreads));
}

bool Pool::take_finished(Queue& queue, std::vector<double>& ids) {
  Lock lock(mutex_);
  queue.take_finished(ids);
  return queue.take_news();
}

std::pair<size_t, int> Pool::depth(Queue& queue) {
  Lock lock(mutex_);
  return {queue.queued(), queue.running()};
}

bool Pool::is_over(Queue& queue) {
  Lock lock(mutex_);
  bool over = queue.closed() && queue.running() == 0 && !queue.has_finished();
  // The owner may let go of their memory, and the monitor may still know the queue.
  if (over) queue.drop_flags();
  return over;
}

void Pool::close(const std::shared_ptr<Queue>& queue, bool silently) {
  {
    Lock lock(mutex_);
    queue->close(silently);
    refresh(queue, false);
  }
  queue->waker->signal();
}

Pool::Status Pool::status() {
  Lock lock(mutex_);
  return {static_cast<int>(threads_.size()), static_cast<int>(idle_.size()), stuck_};
}

namespace {

template <typename List, typename Item>
void erase_from(List& list, const Item& item, const char* what) {
  auto at = std::find(list.begin(), list.end(), item);
  invariant(at != list.end(), what);
  list.erase(at);
}

}  // namespace

// Puts a queue on the list of ready ones or takes it off, as is right now.
void Pool::refresh(const std::shared_ptr<Queue>& queue, bool to_back, Clock::time_point now) {
  bool ready = queue->ready();
  if (queue->listed && (!ready || to_back)) {
    erase_from(ready_, queue, "a queue that is listed is among the ready ones");
    queue->listed = false;
  }
  if (!ready || queue->listed) return;
  ready_.push_back(queue);
  queue->listed = true;
  queue->listed_at = now == Clock::time_point{} ? Clock::now() : now;
}

// Has a thread come for the tasks that are ready. Returns the one to notify, once the mutex is released.
Pool::Thread* Pool::call_thread() {
  if (called_ > 0 || ready_.empty()) return nullptr;
  if (idle_.empty()) {
    if (may_start()) start_thread();
    return nullptr;
  }
  Thread* thread = idle_.back();
  idle_.pop_back();
  thread->woken = true;
  called_++;
  return thread;
}

// Whether one more thread is within the bound. Those that wait for a slow disk use no processor and don't count, but
// there is an end to that; those that hang don't count at all.
bool Pool::may_start() const {
  int all = static_cast<int>(threads_.size());
  return all - late_ < wanted_ && all - stuck_ < wanted_ * kLateFactor;
}

bool Pool::start_thread() {
  if (threads_.size() >= kMaxThreads) return false;
  Thread* thread = nullptr;
  if (spare_.empty()) {
    thread = new Thread;
  } else {
    thread = spare_.back();
    spare_.pop_back();
  }
  if (!start_native_thread("brickd-io", [this, thread] { thread_main(thread); })) {
    spare_.push_back(thread);
    return false;
  }
  threads_.push_back(thread);
  called_++;
  return true;
}

void Pool::thread_main(Thread* self) {
  own_working_directory();
  Lock lock(mutex_);
  do {
    invariant(called_ > 0, "a thread comes only when it was called");
    called_--;
    while (run_one(lock, self)) {
    }
  } while (wait_for_work(lock, self));
  self->queue = nullptr;
  erase_from(threads_, self, "a thread that ends is among the pool's");
  spare_.push_back(self);
}

// Returns false when the thread is to end.
bool Pool::wait_for_work(Lock& lock, Thread* self) {
  self->queue = nullptr;
  self->ended = {};
  if (static_cast<int>(threads_.size()) - late_ > wanted_) return false;
  self->woken = false;
  idle_.push_back(self);
  const auto deadline = Clock::now() + kIdleTime;
  while (!self->woken) {
    if (self->wake.wait_until(lock, deadline) == std::cv_status::no_timeout || self->woken) continue;
    erase_from(idle_, self, "a thread that nobody has called is among the idle ones");
    return false;
  }
  return true;
}

// Picks the next task: of the same queue as before for a while, so that what it finishes is told together.
bool Pool::take(Thread* self, Task& task, Clock::time_point now) {
  bool stay = self->queue != nullptr && self->queue->ready() && now - self->queue_since < kRowTime;
  if (!stay) {
    if (ready_.empty()) return false;
    self->queue = ready_.front();
    self->queue_since = now;
  }
  task = self->queue->take();
  refresh(self->queue, !stay);
  return true;
}

// Runs the next task, if there is one; tells of finished ones when that is better not left for later.
bool Pool::run_one(Lock& lock, Thread* self) {
  Task task;
  // The clock is read once for each batch.
  auto now = self->ended == Clock::time_point{} ? Clock::now() : self->ended;
  bool found = take(self, task, now);
  std::shared_ptr<Waker> tell;
  if (self->untold != nullptr) {
    bool late = !found || task.heavy || self->queue->waker != self->untold || self->untold_count >= kUntoldCount ||
                now - self->untold_since > kUntoldTime;
    if (late) tell = std::move(self->untold);
  }
  if (!found) {
    if (tell == nullptr) return false;
    lock.unlock();
    tell->signal();
    lock.lock();
    return true;
  }
  self->busy = true;
  self->started = now;
  self->records = task.records;
  self->seen_op = -1;
  self->longest_ms = 0;
  set_time(task.records, kStarted, milliseconds(now));
  Thread* called = call_thread();
  lock.unlock();
  if (called != nullptr) called->wake.notify_one();
  if (tell != nullptr) tell->signal();
  self->progress.done = 0;
  run_batch(task.records, self->queue->ended(), &self->progress);
  self->ended = Clock::now();
  set_time(task.records, kEnded, milliseconds(self->ended));
  lock.lock();
  self->busy = false;
  self->queue->finish(task, self->progress.done);
  refresh(self->queue, false);
  if (self->untold == nullptr) {
    self->untold = self->queue->waker;
    self->untold_since = self->ended;
    self->untold_count = 0;
  }
  self->untold_count++;
  return true;
}

// No thread could be started at all: better slow than never.
void Pool::drain_here(Lock& lock) {
  Thread self;
  while (run_one(lock, &self)) {
  }
}

}  // namespace brickd
