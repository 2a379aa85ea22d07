#include "queue.h"

namespace brickd {

namespace {

// After so many tasks in a row have passed it over, a lower priority gets a turn: a flood of one must not starve others.
constexpr int kPatience = 32;
// A queue with stuck calls hangs if nothing has come back for this long.
constexpr auto kQuietTime = std::chrono::milliseconds(1000);

}  // namespace

void Queue::push(const Task& task) {
  if (closed_) {
    cancel_batch(task.records);
    report(task);
    return;
  }
  queued_++;
  if (task.lane != 0) {
    auto [lane, fresh] = lanes_.try_emplace(task.lane);
    if (!fresh) {
      lane->second.push_back(task);
      return;
    }
  }
  make_runnable(task);
}

void Queue::make_runnable(const Task& task) {
  runnable_[task.priority].push_back(task);
  runnable_count_++;
}

Task Queue::take() {
  int chosen = 0;
  while (runnable_[chosen].empty()) chosen++;
  int lower = chosen + 1;
  while (lower < kPriorities && runnable_[lower].empty()) lower++;
  if (lower == kPriorities) {
    passed_over_ = 0;
  } else if (++passed_over_ > kPatience) {
    passed_over_ = 0;
    chosen = lower;
  }
  Task task = runnable_[chosen].front();
  runnable_[chosen].pop_front();
  runnable_count_--;
  queued_--;
  running_++;
  return task;
}

void Queue::finish(const Task& task) {
  running_--;
  done_++;
  report(task);
  if (task.lane == 0) return;
  auto lane = lanes_.find(task.lane);
  if (lane == lanes_.end()) return;
  if (lane->second.empty()) {
    lanes_.erase(lane);
    return;
  }
  Task next = lane->second.front();
  lane->second.pop_front();
  make_runnable(next);
}

void Queue::report(const Task& task) {
  if (!silent_) finished_.push_back(task.id);
}

void Queue::cancel(std::deque<Task>& tasks) {
  for (const Task& task : tasks) {
    cancel_batch(task.records);
    report(task);
  }
  tasks.clear();
}

void Queue::close(bool silently) {
  if (silently) {
    silent_ = true;
    finished_.clear();
    flags_ = nullptr;
  }
  closed_ = true;
  ended_.store(true, std::memory_order_relaxed);
  for (auto& tasks : runnable_) cancel(tasks);
  for (auto& lane : lanes_) cancel(lane.second);
  runnable_count_ = 0;
  queued_ = 0;
}

void Queue::set_flag(QueueFlag flag, bool value) {
  if (flags_ != nullptr) __atomic_store_n(&flags_[flag], value ? 1 : 0, __ATOMIC_RELAXED);
}

bool Queue::judge(bool late, bool stuck, int hung_limit, Clock::time_point now) {
  if (!stuck || done_ != done_seen_) quiet_since_ = now;
  done_seen_ = done_;
  hung_limit_ = hung_limit;
  bool hangs = stuck && now - quiet_since_ > kQuietTime;
  bool changed = hangs != hangs_;
  hangs_ = hangs;
  set_flag(kLateFlag, late);
  set_flag(kHangsFlag, hangs);
  if (changed && !silent_) news_ = true;
  return changed;
}

}  // namespace brickd
