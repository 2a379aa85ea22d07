// PoolQueue for JavaScript: a queue of the pool whose completions arrive on the event loop of the environment that made it.
#include "exports.h"

#include <uv.h>

#include <vector>

#include "pool.h"

namespace brickd {

namespace {

constexpr size_t kReported = 1024;

class PoolQueue : public Napi::ObjectWrap<PoolQueue> {
 public:
  static Napi::FunctionReference& constructor(Napi::Env env) {
    return env.GetInstanceData<AddonData>()->pool_queue;
  }

  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "PoolQueue",
                       {InstanceMethod("submit", &PoolQueue::submit), InstanceMethod("setLimit", &PoolQueue::set_limit),
                        InstanceMethod("depth", &PoolQueue::depth), InstanceMethod("close", &PoolQueue::close)});
  }

  explicit PoolQueue(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<PoolQueue>(info), env_(info.Env()), queue_(std::make_shared<Queue>()), context_(env_, "brickd") {
    queue_->limit = info[0].As<Napi::Number>().Int32Value();
    callback_ = Napi::Persistent(info[1].As<Napi::Function>());
    reported_ = Napi::Persistent(Napi::Float64Array::New(env_, kReported));
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env_, &loop);
    async_ = new uv_async_t;
    async_->data = this;
    uv_async_init(loop, async_, [](uv_async_t* a) { static_cast<PoolQueue*>(a->data)->complete(); });
    uv_async_t* async = async_;
    queue_->wake = [async] { uv_async_send(async); };
    napi_add_async_cleanup_hook(env_, &PoolQueue::cleanup, this, &hook_);
    // Kept until the environment ends or the queue is closed and empty.
    Ref();
  }

 private:
  void submit(const Napi::CallbackInfo& info) {
    const auto addresses = info[0].As<Napi::Float64Array>();
    const auto ids = info[1].As<Napi::Float64Array>();
    const auto lanes = info[2].As<Napi::Float64Array>();
    const auto priorities = info[3].As<Napi::Uint8Array>();
    size_t count = info[4].As<Napi::Number>().Uint32Value();
    const double* a = addresses.Data();
    const double* i = ids.Data();
    const double* l = lanes.Data();
    const uint8_t* p = priorities.Data();
    tasks_.clear();
    for (size_t n = 0; n < count; n++) {
      tasks_.push_back(Task{reinterpret_cast<Record*>(static_cast<uintptr_t>(a[n])), i[n], static_cast<int64_t>(l[n]),
                            p[n] < kPriorities ? p[n] : kPriorities - 1});
    }
    Pool::instance().submit(queue_, tasks_);
  }

  void set_limit(const Napi::CallbackInfo& info) {
    Pool::instance().set_limit(queue_, info[0].As<Napi::Number>().Int32Value());
  }

  Napi::Value depth(const Napi::CallbackInfo& info) {
    auto [queued, running] = Pool::instance().depth(*queue_);
    Napi::Array pair = Napi::Array::New(info.Env(), 2);
    pair.Set(uint32_t{0}, static_cast<double>(queued));
    pair.Set(uint32_t{1}, static_cast<double>(running));
    return pair;
  }

  void close(const Napi::CallbackInfo&) {
    Pool::instance().close(queue_);
    closed_ = true;
    release_if_done();
  }

  // A closed queue whose last task has been reported lets go of its event loop handle.
  void release_if_done() {
    if (!closed_ || async_ == nullptr) return;
    auto [queued, running] = Pool::instance().depth(*queue_);
    if (queued > 0 || running > 0 || !queue_->finished.empty()) return;
    Pool::instance().abandon(queue_);
    uv_async_t* async = async_;
    async_ = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(async), [](uv_handle_t* h) { delete reinterpret_cast<uv_async_t*>(h); });
    napi_remove_async_cleanup_hook(hook_);
    Unref();
  }

  void complete() {
    Napi::HandleScope scope(env_);
    Pool::instance().take_finished(*queue_, finished_);
    Napi::Float64Array out = reported_.Value();
    for (size_t at = 0; at < finished_.size(); at += kReported) {
      size_t n = std::min(kReported, finished_.size() - at);
      std::copy_n(finished_.data() + at, n, out.Data());
      callback_.MakeCallback(Value(), {out, Napi::Number::New(env_, static_cast<double>(n))}, context_);
      if (env_.IsExceptionPending()) {
        napi_fatal_exception(env_, env_.GetAndClearPendingException().Value());
      }
    }
    release_if_done();
  }

  static void cleanup(napi_async_cleanup_hook_handle handle, void* data) {
    PoolQueue* self = static_cast<PoolQueue*>(data);
    Pool::instance().abandon(self->queue_);
    uv_async_t* async = self->async_;
    if (async == nullptr) return;
    self->async_ = nullptr;
    async->data = handle;
    uv_close(reinterpret_cast<uv_handle_t*>(async), [](uv_handle_t* h) {
      napi_remove_async_cleanup_hook(static_cast<napi_async_cleanup_hook_handle>(h->data));
      delete reinterpret_cast<uv_async_t*>(h);
    });
  }

  Napi::Env env_;
  std::shared_ptr<Queue> queue_;
  Napi::AsyncContext context_;
  Napi::FunctionReference callback_;
  Napi::Reference<Napi::Float64Array> reported_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  uv_async_t* async_ = nullptr;
  bool closed_ = false;
  std::vector<Task> tasks_;
  std::vector<double> finished_;
};

Napi::Value open_queue(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber() || !info[1].IsFunction()) {
    Napi::TypeError::New(info.Env(), "openQueue(limit, onComplete)").ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  return PoolQueue::constructor(info.Env()).New({info[0], info[1]});
}

void set_pool_threads(const Napi::CallbackInfo& info) {
  Pool::instance().set_threads(info[0].As<Napi::Number>().Int32Value());
}

}  // namespace

void export_pool(Napi::Env env, Napi::Object exports) {
  env.GetInstanceData<AddonData>()->pool_queue = Napi::Persistent(PoolQueue::define(env));
  exports.Set("openQueue", Napi::Function::New(env, open_queue));
  exports.Set("setPoolThreads", Napi::Function::New(env, set_pool_threads));
}

}  // namespace brickd
