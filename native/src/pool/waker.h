// Wakes an event loop from another thread. Safe to call after the loop has closed.
#pragma once

#include <uv.h>

#include <mutex>

namespace brickd {

class Waker {
 public:
  explicit Waker(uv_async_t* async) : async_(async) {}

  void signal() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (async_ != nullptr) uv_async_send(async_);
  }

  // The loop's handle is about to be closed: no signal reaches it any more.
  void silence() {
    std::lock_guard<std::mutex> lock(mutex_);
    async_ = nullptr;
  }

 private:
  std::mutex mutex_;
  uv_async_t* async_;
};

}  // namespace brickd
