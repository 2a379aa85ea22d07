// Pipes through which pages of the page cache go from a file to a socket without being copied.
#include <fcntl.h>
#include <unistd.h>

#include "binding/arguments.h"
#include "binding/exports.h"
#include "net/event_loop.h"
#include "net/ownership.h"

namespace brickd {

namespace {

Napi::Value make_pipe(const Napi::CallbackInfo& info) {
  Arguments a(info, "pipe(bytes)");
  int bytes = a.integer(0);
  if (!a.good()) return info.Env().Undefined();
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return number_result(info, -errno);
  if (::fcntl(ends[1], F_SETPIPE_SZ, bytes) < bytes) {
    int error = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    return number_result(info, -error);
  }
  uint32_t environment = EventLoop::of(info.Env()).environment();
  Napi::Array result = Napi::Array::New(info.Env(), 2);
  for (uint32_t i = 0; i < 2; i++) {
    own_descriptor(ends[i], environment);
    result.Set(i, ends[i]);
  }
  return result;
}

}  // namespace

void export_pipes(Napi::Env env, Napi::Object exports) {
  exports.Set("pipe", Napi::Function::New<make_pipe>(env, "pipe"));
}

}  // namespace brickd
