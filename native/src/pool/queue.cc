// Order within a queue of the pool: priorities, lanes, limits, and the judgement whether its disk hangs.
#include "pool/queue.h"

#include <algorithm>

#include "invariant.h"

namespace brickd {

namespace {

// After so many tasks in a row have passed it over, a lower priority gets a turn: a flood of one must not starve
// others.
constexpr int kPatience = 32;
// A queue with stuck calls hangs if nothing has come back for this long.
constexpr auto kQuietTime = std::chrono::milliseconds(1000);
// A class of ops with stuck calls hangs if none of them has come back for this long, whatever becomes of the others.
constexpr auto kClassQuietTime = std::chrono::milliseconds(3000);
// It hangs as well with a call that is older, even if others of the class come back: what the file system has in memory
// may keep it from the disk. Healthy disks can be busy for long with a change (of a whole file) or a sync.
constexpr std::chrono::seconds kOldestCall[kOpClasses] = {std::chrono::seconds(5), std::chrono::seconds(20),
                                                          std::chrono::seconds(30)};

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
  invariant(runnable_count_ > 0 && queued_ > 0, "a queue is asked for a task when it has one");
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

void Queue::finish(const Task& task, unsigned classes) {
  invariant(running_ > 0, "a task that finishes is counted as running");
  running_--;
  all_.done++;
  for (int c = 0; c < kOpClasses; c++) by_class_[c].done += (classes >> c) & 1;
  report(task);
  if (task.lane == 0) return;
  auto lane = lanes_.find(task.lane);
  invariant(lane != lanes_.end(), "a lane is known as long as a task of it runs");
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

void Queue::set_flag(int flag, int32_t value) {
  if (flags_ != nullptr) __atomic_store_n(&flags_[flag], value, __ATOMIC_RELAXED);
}

bool Queue::judge(int hung_limit, Clock::time_point now) {
  unsigned stuck = 0;
  unsigned hangs = 0;
  for (int c = 0; c < kOpClasses; c++) {
    const auto age = seen.stuck[c];
    const bool is_stuck = age.count() > 0;
    const auto age_ms = std::chrono::duration_cast<std::chrono::milliseconds>(age).count();
    set_flag(kOldestFlag + c, static_cast<int32_t>(std::min<int64_t>(age_ms, INT32_MAX)));
    const auto quiet = by_class_[c].quiet(is_stuck, now);
    if (!is_stuck) continue;
    stuck |= 1u << c;
    if (quiet > kClassQuietTime || age > kOldestCall[c]) hangs |= 1u << c;
  }
  blocked_ = all_.quiet(stuck != 0, now) > kQuietTime;
  if (blocked_) hangs |= stuck;
  hung_limit_ = hung_limit;
  bool changed = (hangs != 0) != (hangs_ != 0);
  hangs_ = hangs;
  set_flag(kLateFlag, seen.late ? 1 : 0);
  set_flag(kHangsFlag, static_cast<int32_t>(hangs));
  if (changed && !silent_) news_ = true;
  return changed;
}

}  // namespace brickd
