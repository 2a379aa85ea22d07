// The JavaScript class Poller: readiness of a descriptor, reported on the caller's event loop.
#include <string>

#include "binding/arguments.h"
#include "binding/exports.h"
#include "net/event_loop.h"

namespace brickd {

namespace {

class Poller : public Napi::ObjectWrap<Poller> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Poller",
                       {InstanceMethod<&Poller::set>("set"), InstanceMethod<&Poller::close>("close"),
                        InstanceMethod<&Poller::keep>("ref")});
  }

  explicit Poller(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Poller>(info) {
    Arguments a(info, "poll(fd, onReady)");
    int fd = a.integer(0);
    Napi::Function on_ready = a.function(1);
    if (!a.good()) return;
    int error = 0;
    watch_ = EventLoop::of(info.Env()).open_watch(fd, on_ready, error);
    if (watch_ == nullptr) {
      throw_error(info.Env(), std::string("can't watch the descriptor: ") + uv_strerror(error));
    }
  }

 private:
  Napi::Value set(const Napi::CallbackInfo& info) {
    Arguments a(info, "set(events)");
    int wanted = a.integer(0);
    if (!a.good() || watch_ == nullptr) return info.Env().Undefined();
    int events = ((wanted & kReadable) != 0 ? UV_READABLE : 0) | ((wanted & kWritable) != 0 ? UV_WRITABLE : 0) |
                 ((wanted & kHungUp) != 0 ? UV_DISCONNECT : 0);
    int error = EventLoop::watch_for(watch_, events);
    if (error != 0) {
      throw_error(info.Env(), std::string("can't watch the descriptor: ") + uv_strerror(error));
    }
    return info.Env().Undefined();
  }

  Napi::Value keep(const Napi::CallbackInfo& info) {
    Arguments a(info, "ref(keep)");
    bool wanted = a.boolean(0);
    if (!a.good() || watch_ == nullptr) return info.Env().Undefined();
    uv_handle_t* handle = reinterpret_cast<uv_handle_t*>(&watch_->handle);
    if (wanted) {
      uv_ref(handle);
    } else {
      uv_unref(handle);
    }
    return info.Env().Undefined();
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    if (watch_ != nullptr) EventLoop::of(info.Env()).close_watch(watch_);
    watch_ = nullptr;
    return info.Env().Undefined();
  }

  // Belongs to the event loop: a poller that is forgotten goes on until the environment ends.
  Watch* watch_ = nullptr;
};

Napi::Value poll(const Napi::CallbackInfo& info) {
  return EventLoop::of(info.Env()).poller_class.New({info[0], info[1]});
}

}  // namespace

void export_poller(Napi::Env env, Napi::Object exports) {
  EventLoop::of(env).poller_class = Napi::Persistent(Poller::define(env));
  exports.Set("poll", Napi::Function::New<poll>(env, "poll"));
}

}  // namespace brickd
