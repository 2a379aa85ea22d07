// Readiness of a descriptor on the event loop of the calling environment.
#include <uv.h>

#include "exports.h"

namespace brickd {

namespace {

class Poller : public Napi::ObjectWrap<Poller> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Poller",
                       {InstanceMethod("set", &Poller::set), InstanceMethod("close", &Poller::close),
                        InstanceMethod("ref", &Poller::keep)});
  }

  explicit Poller(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<Poller>(info), env_(info.Env()), context_(env_, "brickd") {
    callback_ = Napi::Persistent(info[1].As<Napi::Function>());
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env_, &loop);
    handle_ = new uv_poll_t;
    int error = uv_poll_init(loop, handle_, info[0].As<Napi::Number>().Int32Value());
    if (error != 0) {
      delete handle_;
      handle_ = nullptr;
      Napi::Error::New(env_, std::string("can't watch the descriptor: ") + uv_strerror(error)).ThrowAsJavaScriptException();
      return;
    }
    handle_->data = this;
    napi_add_async_cleanup_hook(env_, &Poller::cleanup, this, &hook_);
    // Kept while it watches: until close() or the end of the environment.
    Ref();
  }

 private:
  void set(const Napi::CallbackInfo& info) {
    if (handle_ == nullptr) return;
    int wanted = info[0].As<Napi::Number>().Int32Value();
    if (wanted == 0) {
      uv_poll_stop(handle_);
      return;
    }
    int events = ((wanted & 1) != 0 ? UV_READABLE : 0) | ((wanted & 2) != 0 ? UV_WRITABLE : 0);
    uv_poll_start(handle_, events, [](uv_poll_t* h, int status, int events) {
      static_cast<Poller*>(h->data)->ready(status, events);
    });
  }

  void ready(int status, int events) {
    Napi::HandleScope scope(env_);
    // An error condition is told as readable: the next receive finds out what it is.
    int told = status < 0 ? 1 : ((events & UV_READABLE) != 0 ? 1 : 0) | ((events & UV_WRITABLE) != 0 ? 2 : 0);
    callback_.MakeCallback(Value(), {Napi::Number::New(env_, told)}, context_);
    if (env_.IsExceptionPending()) napi_fatal_exception(env_, env_.GetAndClearPendingException().Value());
  }

  void keep(const Napi::CallbackInfo& info) {
    if (handle_ == nullptr) return;
    uv_handle_t* h = reinterpret_cast<uv_handle_t*>(handle_);
    if (info[0].ToBoolean()) uv_ref(h);
    else uv_unref(h);
  }

  void close(const Napi::CallbackInfo&) {
    if (handle_ == nullptr) return;
    uv_poll_stop(handle_);
    uv_close(reinterpret_cast<uv_handle_t*>(handle_), [](uv_handle_t* h) { delete reinterpret_cast<uv_poll_t*>(h); });
    handle_ = nullptr;
    napi_remove_async_cleanup_hook(hook_);
    Unref();
  }

  static void cleanup(napi_async_cleanup_hook_handle hook, void* data) {
    Poller* self = static_cast<Poller*>(data);
    uv_poll_t* handle = self->handle_;
    if (handle == nullptr) return;
    self->handle_ = nullptr;
    uv_poll_stop(handle);
    handle->data = hook;
    uv_close(reinterpret_cast<uv_handle_t*>(handle), [](uv_handle_t* h) {
      napi_remove_async_cleanup_hook(static_cast<napi_async_cleanup_hook_handle>(h->data));
      delete reinterpret_cast<uv_poll_t*>(h);
    });
  }

  Napi::Env env_;
  Napi::AsyncContext context_;
  Napi::FunctionReference callback_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  uv_poll_t* handle_ = nullptr;
};

Napi::Value poll(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber() || !info[1].IsFunction()) {
    Napi::TypeError::New(info.Env(), "poll(fd, onReady)").ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  return info.Env().GetInstanceData<AddonData>()->poller.New({info[0], info[1]});
}

}  // namespace

void export_poller(Napi::Env env, Napi::Object exports) {
  env.GetInstanceData<AddonData>()->poller = Napi::Persistent(Poller::define(env));
  exports.Set("poll", Napi::Function::New(env, poll));
}

}  // namespace brickd
