// The addon's part of one event loop: reports finished batches, watches descriptors, and cleans up when the thread
// ends.
#include "net/event_loop.h"

#include <algorithm>
#include <string>

#include "binding/arguments.h"

namespace brickd {

namespace {

// Ids handed to JavaScript in one call at most.
constexpr size_t kReported = 1024;

uv_handle_t* as_handle(uv_async_t* async) { return reinterpret_cast<uv_handle_t*>(async); }
uv_handle_t* as_handle(uv_poll_t* poll) { return reinterpret_cast<uv_handle_t*>(poll); }

}  // namespace

EventLoop* EventLoop::create(Napi::Env env) {
  auto self = std::unique_ptr<EventLoop>(new EventLoop(env));
  self->async_ = new uv_async_t{};
  int error = napi_get_uv_event_loop(env, &self->loop_) == napi_ok ? uv_async_init(self->loop_, self->async_, on_async)
                                                                   : UV_EINVAL;
  if (error != 0) {
    delete self->async_;
    self->async_ = nullptr;
    throw_error(env, std::string("no handle on the event loop: ") + uv_strerror(error));
    return nullptr;
  }
  self->async_->data = self.get();
  uv_unref(as_handle(self->async_));
  self->waker_ = std::make_shared<Waker>(self->async_);
  Napi::Object receiver = Napi::Object::New(env);
  self->receiver_ = Napi::Persistent(receiver);
  napi_async_init(env, receiver, Napi::String::New(env, "brickd"), &self->context_);
  self->reported_ = Napi::Persistent(Napi::Float64Array::New(env, kReported));
  napi_add_async_cleanup_hook(env, on_cleanup, self.get(), &self->hook_);
  EventLoop* made = self.release();
  env.SetInstanceData(made);
  return made;
}

EventLoop::~EventLoop() {
  if (context_ != nullptr) napi_async_destroy(env_, context_);
}

std::shared_ptr<OwnedQueue> EventLoop::open_queue(int limit, Napi::Function on_complete, Napi::Value flags) {
  auto owned = std::make_shared<OwnedQueue>();
  int32_t* at = nullptr;
  if (flags.IsTypedArray() && flags.As<Napi::TypedArray>().TypedArrayType() == napi_int32_array) {
    Napi::Int32Array array = flags.As<Napi::Int32Array>();
    if (array.ElementLength() >= kQueueFlags) {
      at = array.Data();
      owned->flags = Napi::Persistent(flags.As<Napi::Object>());
    }
  }
  owned->queue = std::make_shared<Queue>(waker_, std::max(limit, 1), at);
  owned->on_complete = Napi::Persistent(on_complete);
  if (queues_.empty()) uv_ref(as_handle(async_));
  queues_.push_back(owned);
  return owned;
}

void EventLoop::on_async(uv_async_t* async) {
  EventLoop* self = static_cast<EventLoop*>(async->data);
  if (self->ending_) {
    self->end_if_idle();
  } else {
    self->complete();
  }
}

// Reports what has finished, queue by queue.
void EventLoop::complete() {
  Napi::HandleScope scope(env_);
  Pool& pool = Pool::instance();
  // By index: a callback may open a queue.
  for (size_t i = 0; i < queues_.size() && !ending_; i++) {
    std::shared_ptr<OwnedQueue> owned = queues_[i];
    bool news = pool.take_finished(*owned->queue, finished_);
    for (size_t at = 0; at < finished_.size(); at += kReported) {
      Napi::HandleScope inner(env_);
      size_t n = std::min(kReported, finished_.size() - at);
      Napi::Float64Array ids = reported_.Value();
      std::copy_n(finished_.data() + at, n, ids.Data());
      const napi_value arguments[] = {ids, Napi::Number::New(env_, static_cast<double>(n))};
      call(owned->on_complete, 2, arguments);
    }
    if (news && finished_.empty()) {
      Napi::HandleScope inner(env_);
      const napi_value arguments[] = {reported_.Value(), Napi::Number::New(env_, 0)};
      call(owned->on_complete, 2, arguments);
    }
  }
  queues_.erase(std::remove_if(queues_.begin(), queues_.end(),
                               [&pool](const std::shared_ptr<OwnedQueue>& owned) {
                                 if (!pool.is_over(*owned->queue)) return false;
                                 owned->on_complete.Reset();
                                 owned->flags.Reset();
                                 return true;
                               }),
                queues_.end());
  if (queues_.empty() && !ending_) uv_unref(as_handle(async_));
}

// An environment that is ending, before the loop hears of it, refuses the call, and has no exception either.
void EventLoop::call(const Napi::FunctionReference& function, size_t count, const napi_value* arguments) {
  napi_value result = nullptr;
  napi_make_callback(env_, context_, receiver_.Value(), function.Value(), count, arguments, &result);
  bool pending = false;
  if (napi_is_exception_pending(env_, &pending) != napi_ok || !pending) return;
  napi_value error = nullptr;
  if (napi_get_and_clear_last_exception(env_, &error) == napi_ok) napi_fatal_exception(env_, error);
}

Watch* EventLoop::open_watch(int fd, Napi::Function on_ready, int& error) {
  auto watch = std::make_unique<Watch>();
  error = uv_poll_init(loop_, &watch->handle, fd);
  if (error != 0) return nullptr;
  watch->handle.data = watch.get();
  watch->on_ready = Napi::Persistent(on_ready);
  watches_.insert(watch.get());
  return watch.release();
}

int EventLoop::watch_for(Watch* watch, int events) {
  watch->events = events;
  return events == 0 ? uv_poll_stop(&watch->handle) : uv_poll_start(&watch->handle, events, on_poll);
}

void EventLoop::on_poll(uv_poll_t* handle, int status, int events) {
  Watch* watch = static_cast<Watch*>(handle->data);
  EventLoop& self = of(watch->on_ready.Env());
  Napi::HandleScope scope(self.env_);
  // An error is told as both: the next call on the descriptor finds out which.
  int told = status < 0
                 ? kReadable | kWritable
                 : ((events & UV_READABLE) != 0 ? kReadable : 0) | ((events & UV_WRITABLE) != 0 ? kWritable : 0) |
                       ((events & UV_DISCONNECT) != 0 ? kHungUp : 0);
  const napi_value arguments[] = {Napi::Number::New(self.env_, told)};
  self.call(watch->on_ready, 1, arguments);
  // libuv stops at an error. Who was told may have got no further than what was received before it: the error is told
  // again until the watch is closed.
  if (status < 0 && !watch->closing && watch->events != 0) watch_for(watch, watch->events);
}

void EventLoop::close_watch(Watch* watch) {
  if (watch->closing) return;
  watch->closing = true;
  uv_close(as_handle(&watch->handle), [](uv_handle_t* handle) {
    Watch* watch = static_cast<Watch*>(handle->data);
    EventLoop& self = of(watch->on_ready.Env());
    self.watches_.erase(watch);
    delete watch;
    if (self.ending_) self.end_if_idle();
  });
}

void EventLoop::on_cleanup(napi_async_cleanup_hook_handle, void* data) { static_cast<EventLoop*>(data)->end(); }

// The environment ends. What is queued is cancelled, peers learn at once that nobody answers them any more; memory and
// files that running tasks use must stay until they are through.
void EventLoop::end() {
  ending_ = true;
  uv_ref(as_handle(async_));
  for (const auto& owned : queues_) Pool::instance().close(owned->queue, true);
  for (Watch* watch : watches_) close_watch(watch);
  close_sockets_of(environment_);
  end_if_idle();
}

void EventLoop::end_if_idle() {
  if (async_ == nullptr || !watches_.empty()) return;
  for (const auto& owned : queues_) {
    if (!Pool::instance().is_over(*owned->queue)) return;
  }
  close_descriptors_of(environment_);
  waker_->silence();
  uv_async_t* async = async_;
  async_ = nullptr;
  uv_close(as_handle(async), [](uv_handle_t* handle) {
    EventLoop* self = static_cast<EventLoop*>(handle->data);
    delete reinterpret_cast<uv_async_t*>(handle);
    napi_remove_async_cleanup_hook(self->hook_);
  });
}

}  // namespace brickd
