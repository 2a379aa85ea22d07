#include "pool.h"

#include <pthread.h>
#include <signal.h>

#include <thread>

namespace brickd {

namespace {

// A thread that has nothing to do for this long ends.
constexpr auto kIdle = std::chrono::seconds(10);
// A call that takes longer is taken to hang: its thread no longer counts against the bound.
constexpr auto kStuck = std::chrono::seconds(1);
// Upper bound of threads whatever hangs.
constexpr int kMaxThreads = 512;
// Finished tasks are reported at least this often while a thread works on.
constexpr auto kReportAfter = std::chrono::microseconds(100);

enum : int {
#define X(name, function) k##name,
  kNone,
  BRICKD_OPS(X)
#undef X
};

// True for a batch of ops that hardly ever wait for a disk: a burst of them is best run by one thread in a row.
bool quick(const Record* records) {
  for (const Record* r = records; (static_cast<int>(r->code) & 0xff) != 0; r++) {
    switch (static_cast<int>(r->code) & 0xff) {
      case kPWRITE:
      case kSTATX:
      case kSETXATTR:
      case kGETXATTR:
      case kCLOSE:
        break;
      default:
        return false;
    }
  }
  return true;
}

}  // namespace

Pool& Pool::instance() {
  // Never destroyed: threads may be in a call when the process ends.
  static Pool* pool = new Pool;
  return *pool;
}

void Pool::submit(const std::shared_ptr<Queue>& queue, const std::vector<Task>& tasks) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const Task& task : tasks) {
    if (queue->closed) {
      for (Record* r = task.records; (static_cast<int>(r->code) & 0xff) != 0; r++) r->result = -ECANCELED;
      queue->finished.push_back(task.id);
      continue;
    }
    queue->queued++;
    if (task.lane != 0) {
      auto [at, fresh] = queue->lanes.try_emplace(task.lane);
      if (!fresh) {
        at->second.push_back(task);
        continue;
      }
    }
    queue->runnable[task.priority].push_back(task);
  }
  if (!queue->finished.empty()) signal(*queue);
  list(queue);
}

// Lists a queue that has work and room for it, and has a thread take it.
void Pool::list(const std::shared_ptr<Queue>& queue) {
  if (queue->listed || queue->running >= queue->limit) return;
  bool work = false;
  for (auto& tasks : queue->runnable) work = work || !tasks.empty();
  if (!work) return;
  queue->listed = true;
  ready_.push_back(queue);
  wake_one();
}

void Pool::wake_one() {
  if (idle_ > 0) {
    work_.notify_one();
    return;
  }
  if (threads_ >= wanted_) {
    auto stuck_since = Clock::now() - kStuck;
    int stuck = 0;
    for (auto at = busy_.begin(); at != busy_.end() && *at <= stuck_since; ++at) stuck++;
    if (threads_ - stuck >= wanted_ || threads_ >= kMaxThreads) return;
  }
  threads_++;
  std::thread([this] { thread_main(); }).detach();
}

void Pool::thread_main() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  pthread_setname_np(pthread_self(), "brickd-io");
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    if (ready_.empty()) {
      idle_++;
      bool timed_out = !work_.wait_for(lock, kIdle, [this] { return !ready_.empty(); });
      idle_--;
      if (timed_out) {
        threads_--;
        return;
      }
    }
    std::shared_ptr<Queue> queue = ready_.front();
    ready_.pop_front();
    queue->listed = false;
    Clock::time_point started;
    run_queue(lock, queue, started);
  }
}

// Runs tasks of a queue one after the other, as long as that is better than to leave them to other threads.
void Pool::run_queue(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Queue>& queue, Clock::time_point& started) {
  Clock::time_point report{};
  while (queue->running < queue->limit) {
    std::deque<Task>* tasks = nullptr;
    for (auto& candidates : queue->runnable) {
      if (!candidates.empty()) {
        tasks = &candidates;
        break;
      }
    }
    if (tasks == nullptr) break;
    Task task = tasks->front();
    tasks->pop_front();
    queue->queued--;
    queue->running++;
    if (!quick(task.records)) list(queue);
    started = Clock::now();
    auto busy = busy_.insert(started);
    if (report == Clock::time_point{}) report = started;
    lock.unlock();
    run_batch(task.records);
    lock.lock();
    busy_.erase(busy);
    queue->running--;
    finish(*queue, task);
    if (Clock::now() - report >= kReportAfter) {
      signal(*queue);
      report = Clock::time_point{};
    }
    // Other queues are not to wait for the end of this one's burst.
    if (!ready_.empty()) break;
  }
  if (!queue->finished.empty()) signal(*queue);
  list(queue);
}

void Pool::finish(Queue& queue, const Task& task) {
  queue.finished.push_back(task.id);
  if (task.lane != 0) {
    auto at = queue.lanes.find(task.lane);
    if (at != queue.lanes.end()) {
      if (at->second.empty()) {
        queue.lanes.erase(at);
      } else {
        Task next = at->second.front();
        at->second.pop_front();
        queue.runnable[next.priority].push_back(next);
      }
    }
  }
  if (queue.closed && queue.running == 0) stopped_.notify_all();
}

void Pool::signal(Queue& queue) {
  if (queue.signalled || !queue.wake) return;
  queue.signalled = true;
  queue.wake();
}

void Pool::take_finished(Queue& queue, std::vector<double>& out) {
  std::lock_guard<std::mutex> lock(mutex_);
  queue.signalled = false;
  out.clear();
  out.swap(queue.finished);
}

std::pair<size_t, int> Pool::depth(Queue& queue) {
  std::lock_guard<std::mutex> lock(mutex_);
  return {queue.queued, queue.running};
}

void Pool::set_limit(const std::shared_ptr<Queue>& queue, int limit) {
  std::lock_guard<std::mutex> lock(mutex_);
  queue->limit = limit < 1 ? 1 : limit;
  list(queue);
}

void Pool::set_threads(int count) {
  std::lock_guard<std::mutex> lock(mutex_);
  wanted_ = count < 1 ? 1 : count > kMaxThreads ? kMaxThreads : count;
}

void Pool::cancel_queued(Queue& queue) {
  auto cancel = [&queue](std::deque<Task>& tasks) {
    for (Task& task : tasks) {
      for (Record* r = task.records; (static_cast<int>(r->code) & 0xff) != 0; r++) r->result = -ECANCELED;
      queue.finished.push_back(task.id);
    }
    tasks.clear();
  };
  for (auto& tasks : queue.runnable) cancel(tasks);
  for (auto& lane : queue.lanes) cancel(lane.second);
  queue.queued = 0;
}

void Pool::close(const std::shared_ptr<Queue>& queue) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (queue->closed) return;
  queue->closed = true;
  cancel_queued(*queue);
  if (!queue->finished.empty()) signal(*queue);
}

void Pool::abandon(const std::shared_ptr<Queue>& queue) {
  std::unique_lock<std::mutex> lock(mutex_);
  queue->closed = true;
  queue->wake = nullptr;
  cancel_queued(*queue);
  stopped_.wait(lock, [&] { return queue->running == 0; });
}

}  // namespace brickd
