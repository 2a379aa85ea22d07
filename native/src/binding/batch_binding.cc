// What JavaScript needs to run batches: op codes, addresses of memory, and a batch run on the calling thread.
#include <ctime>

#include "binding/arguments.h"
#include "binding/exports.h"
#include "ops/batch.h"

namespace brickd {

namespace {

// A run that takes longer has kept the event loop waiting. By a clock of some milliseconds' grain, which costs next to
// nothing.
constexpr int64_t kSlowNs = 40'000'000;

int64_t coarse_now() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

// The hottest call of all: without the wrapper classes.
napi_value run_batch_at(napi_env env, napi_callback_info info) {
  napi_value argument = nullptr;
  size_t count = 1;
  double address = 0;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  if (napi_get_value_double(env, argument, &address) != napi_ok || !is_batch_address(address)) {
    throw_type_error(env, "wrong arguments: runBatch(address)");
    return nullptr;
  }
  int64_t started = coarse_now();
  int errno_now = run_batch(reinterpret_cast<Record*>(static_cast<uintptr_t>(address)));
  if (coarse_now() - started >= kSlowNs) errno_now += kSlowMark;
  napi_value result = nullptr;
  napi_create_int32(env, errno_now, &result);
  return result;
}

// Node-API knows a SharedArrayBuffer only by a view on it. By plain calls: each of them can fail, in an environment
// that is ending, and the wrapper classes end the process when they are asked for something of a value that is none.
bool shared_address(napi_env env, napi_value memory, void** data) {
  napi_value global = nullptr;
  napi_value type = nullptr;
  napi_value view = nullptr;
  bool shared = false;
  return napi_get_global(env, &global) == napi_ok &&
         napi_get_named_property(env, global, "SharedArrayBuffer", &type) == napi_ok &&
         napi_instanceof(env, memory, type, &shared) == napi_ok && shared &&
         napi_get_named_property(env, global, "Uint8Array", &type) == napi_ok &&
         napi_new_instance(env, type, 1, &memory, &view) == napi_ok &&
         napi_get_typedarray_info(env, view, nullptr, nullptr, data, nullptr, nullptr) == napi_ok;
}

Napi::Value address_of(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  void* data = nullptr;
  bool found = false;
  if (info[0].IsArrayBuffer()) {
    found = napi_get_arraybuffer_info(env, info[0], &data, nullptr) == napi_ok;
  } else if (info[0].IsObject() && !info[0].IsTypedArray()) {
    found = shared_address(env, info[0], &data);
  }
  if (!found) {
    if (!env.IsExceptionPending())
      throw_type_error(env, "wrong arguments: addressOf(ArrayBuffer or SharedArrayBuffer)");
    return env.Undefined();
  }
  return Napi::Number::New(env, static_cast<double>(reinterpret_cast<uintptr_t>(data)));
}

}  // namespace

void export_batch(Napi::Env env, Napi::Object exports) {
  Napi::Object ops = Napi::Object::New(env);
#define X(name, function, heavy, op_class) ops.Set(#name, static_cast<double>(k##name));
  BRICKD_OPS(X)
#undef X
  exports.Set("ops", ops);
  exports.Set("addressOf", Napi::Function::New<address_of>(env, "addressOf"));
  napi_value run = nullptr;
  napi_create_function(env, "runBatch", NAPI_AUTO_LENGTH, run_batch_at, nullptr, &run);
  exports.Set("runBatch", Napi::Value(env, run));
}

}  // namespace brickd
