// Ends a worker whose JavaScript heap reaches its limit. Node.js does this too, but leaves the engine too little room
// for the allocation that reached the limit: if that is a large one (a growing table), the engine aborts the process.
#include <napi.h>

// node.h defines the newest one that it has; ours has counted by now.
#undef NAPI_VERSION
#include <node.h>

#include <algorithm>
#include <memory>

#include "binding/arguments.h"
#include "binding/exports.h"

namespace brickd {

namespace {

// Room given at first, and at most in all, until the thread gets to where it can end.
constexpr size_t kLeastRoom = size_t{256} << 20;
constexpr size_t kMostRoom = size_t{4} << 30;

struct HeapBound {
  v8::Isolate* isolate;
  node::Environment* environment;
  // Set when the bound has been met; memory that whoever made the environment shares with it.
  int32_t* reached;
  Napi::ObjectReference flag;
};

// Called by the engine amid a collection: nothing of JavaScript may be touched.
size_t on_near_limit(void* data, size_t current, size_t initial) {
  const HeapBound* bound = static_cast<HeapBound*>(data);
  if (__atomic_exchange_n(bound->reached, 1, __ATOMIC_RELAXED) == 0) node::Stop(bound->environment);
  // As much again: what grows by doubling gets through.
  return std::min(current + std::max(current, kLeastRoom), std::max(current, initial + kMostRoom));
}

void unbind(void* data) {
  std::unique_ptr<HeapBound> bound(static_cast<HeapBound*>(data));
  bound->isolate->RemoveNearHeapLimitCallback(on_near_limit, 0);
}

Napi::Value end_at_heap_bound(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments a(info, "endAtHeapBound(reached)");
  const int32_t* reached = a.elements<int32_t>(0, napi_int32_array, 1);
  if (!a.good()) return env.Undefined();
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  v8::HandleScope scope(isolate);
  node::Environment* environment = node::GetCurrentEnvironment(isolate->GetCurrentContext());
  if (environment == nullptr) return env.Undefined();
  auto bound = std::make_unique<HeapBound>(
      HeapBound{isolate, environment, const_cast<int32_t*>(reached), Napi::Persistent(info[0].As<Napi::Object>())});
  isolate->AddNearHeapLimitCallback(on_near_limit, bound.get());
  napi_add_env_cleanup_hook(env, unbind, bound.release());
  return env.Undefined();
}

}  // namespace

void export_heap_bound(Napi::Env env, Napi::Object exports) {
  exports.Set("endAtHeapBound", Napi::Function::New<end_at_heap_bound>(env, "endAtHeapBound"));
}

}  // namespace brickd
