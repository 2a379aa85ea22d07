// What the addon keeps per environment (main thread or worker): the event loop, its queues and pollers, and their
// clean-up.
#pragma once

#include <napi.h>
#include <uv.h>

#include <memory>
#include <unordered_set>
#include <vector>

#include "net/ownership.h"
#include "pool/pool.h"
#include "pool/waker.h"

namespace brickd {

// A queue as its environment sees it.
struct OwnedQueue {
  std::shared_ptr<Queue> queue;
  Napi::FunctionReference on_complete;
  // Keeps the memory of the queue's flags.
  Napi::ObjectReference flags;
};

// What a descriptor is watched for, and ready for, as JavaScript has it: bits.
enum Readiness : int { kReadable = 1, kWritable = 2, kHungUp = 4 };

// A descriptor watched by an environment. Deleted when the loop has let go of the handle.
struct Watch {
  uv_poll_t handle{};
  Napi::FunctionReference on_ready;
  // What is watched for; 0: nothing.
  int events = 0;
  bool closing = false;
};

class EventLoop {
 public:
  static EventLoop& of(Napi::Env env) { return *env.GetInstanceData<EventLoop>(); }
  // Makes the environment's own one. Returns null with an exception pending if that fails.
  static EventLoop* create(Napi::Env env);
  ~EventLoop();

  // A queue keeps the loop alive until it is closed and its last task has been reported.
  // flags: an Int32Array of kQueueFlags numbers, or undefined.
  std::shared_ptr<OwnedQueue> open_queue(int limit, Napi::Function on_complete, Napi::Value flags);

  // Watches a descriptor; null if libuv refuses it (error is set then).
  Watch* open_watch(int fd, Napi::Function on_ready, int& error);
  // Events are UV_READABLE, UV_WRITABLE and UV_DISCONNECT, or none. Returns 0 or libuv's error.
  static int watch_for(Watch* watch, int events);
  void close_watch(Watch* watch);

  // The number under which descriptors are noted as this environment's.
  uint32_t environment() const { return environment_; }

  Napi::FunctionReference queue_class;
  Napi::FunctionReference poller_class;

 private:
  explicit EventLoop(Napi::Env env) : env_(env) {}

  static void on_async(uv_async_t* async);
  static void on_poll(uv_poll_t* handle, int status, int events);
  static void on_cleanup(napi_async_cleanup_hook_handle hook, void* data);

  void complete();
  void end();
  void end_if_idle();
  void call(const Napi::FunctionReference& function, size_t count, const napi_value* arguments);

  Napi::Env env_;
  const uint32_t environment_ = next_environment();
  uv_loop_t* loop_ = nullptr;
  uv_async_t* async_ = nullptr;
  std::shared_ptr<Waker> waker_;
  napi_async_context context_ = nullptr;
  Napi::ObjectReference receiver_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  std::vector<std::shared_ptr<OwnedQueue>> queues_;
  std::unordered_set<Watch*> watches_;
  // The array that finished ids are handed over in, and the ids.
  Napi::Reference<Napi::Float64Array> reported_;
  std::vector<double> finished_;
  bool ending_ = false;
};

}  // namespace brickd
