// The JavaScript class PoolQueue: a queue of the pool whose completions are reported on the event loop that opened it.
#include "binding/arguments.h"
#include "binding/exports.h"
#include "net/event_loop.h"

namespace brickd {

namespace {

class PoolQueue : public Napi::ObjectWrap<PoolQueue> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "PoolQueue",
                       {InstanceMethod<&PoolQueue::submit>("submit"), InstanceMethod<&PoolQueue::set_limit>("setLimit"),
                        InstanceMethod<&PoolQueue::depth>("depth"), InstanceMethod<&PoolQueue::close>("close")});
  }

  explicit PoolQueue(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PoolQueue>(info) {
    Arguments a(info, "openQueue(limit, onComplete, flags)");
    int limit = a.integer(0);
    Napi::Function on_complete = a.function(1);
    if (a.good()) owned_ = EventLoop::of(info.Env()).open_queue(limit, on_complete, info[2]);
  }

 private:
  Napi::Value submit(const Napi::CallbackInfo& info) {
    Arguments a(info, "submit(addresses, ids, lanes, priorities, count)");
    size_t count = a.size(4);
    const double* addresses = a.elements<double>(0, napi_float64_array, count);
    const double* ids = a.elements<double>(1, napi_float64_array, count);
    const double* lanes = a.elements<double>(2, napi_float64_array, count);
    const uint8_t* priorities = a.elements<uint8_t>(3, napi_uint8_array, count);
    if (!a.good()) return info.Env().Undefined();
    tasks_.clear();
    for (size_t i = 0; i < count; i++) {
      if (!is_batch_address(addresses[i]) || priorities[i] >= kPriorities) {
        throw_type_error(info.Env(), "submit: no address of a batch, or no priority");
        return info.Env().Undefined();
      }
      Record* records = reinterpret_cast<Record*>(static_cast<uintptr_t>(addresses[i]));
      tasks_.push_back(Task{records, ids[i], to_integer(lanes[i]), priorities[i], is_heavy(records)});
    }
    Pool::instance().submit(owned_->queue, tasks_);
    return info.Env().Undefined();
  }

  Napi::Value set_limit(const Napi::CallbackInfo& info) {
    Arguments a(info, "setLimit(limit)");
    int limit = a.integer(0);
    if (a.good()) Pool::instance().set_limit(owned_->queue, limit);
    return info.Env().Undefined();
  }

  Napi::Value depth(const Napi::CallbackInfo& info) {
    auto [queued, running] = Pool::instance().depth(*owned_->queue);
    Napi::Array pair = Napi::Array::New(info.Env(), 2);
    pair.Set(uint32_t{0}, static_cast<double>(queued));
    pair.Set(uint32_t{1}, static_cast<double>(running));
    return pair;
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    Pool::instance().close(owned_->queue, false);
    return info.Env().Undefined();
  }

  std::shared_ptr<OwnedQueue> owned_;
  std::vector<Task> tasks_;
};

Napi::Value open_queue(const Napi::CallbackInfo& info) {
  return EventLoop::of(info.Env()).queue_class.New({info[0], info[1], info[2]});
}

Napi::Value set_pool_threads(const Napi::CallbackInfo& info) {
  Arguments a(info, "setPoolThreads(count)");
  int count = a.integer(0);
  if (a.good()) Pool::instance().set_threads(count);
  return info.Env().Undefined();
}

Napi::Value pool_status(const Napi::CallbackInfo& info) {
  Pool::Status status = Pool::instance().status();
  const int values[] = {status.threads, status.idle, status.stuck};
  Napi::Array list = Napi::Array::New(info.Env(), 3);
  for (uint32_t i = 0; i < 3; i++) list.Set(i, values[i]);
  return list;
}

}  // namespace

void export_pool(Napi::Env env, Napi::Object exports) {
  EventLoop::of(env).queue_class = Napi::Persistent(PoolQueue::define(env));
  exports.Set("openQueue", Napi::Function::New<open_queue>(env, "openQueue"));
  exports.Set("setPoolThreads", Napi::Function::New<set_pool_threads>(env, "setPoolThreads"));
  exports.Set("poolStatus", Napi::Function::New<pool_status>(env, "poolStatus"));
}

}  // namespace brickd
