// Entry point of the addon: registers its functions, once per environment (the main thread and each worker).
#include "binding/exports.h"
#include "net/event_loop.h"

namespace brickd {

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  if (EventLoop::create(env) == nullptr) return exports;
  export_batch(env, exports);
  export_layout(env, exports);
  export_constants(env, exports);
  export_pool(env, exports);
  export_poller(env, exports);
  export_sockets(env, exports);
  export_tls(env, exports);
  export_pipes(env, exports);
  export_descriptors(env, exports);
  export_process(env, exports);
  export_hash(env, exports);
  export_heap_bound(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(brickd, init)

}  // namespace brickd
