// Pipes that carry pages of the page cache from a file to a socket, so that nothing is copied on the way.
#include <fcntl.h>
#include <unistd.h>

#include "arguments.h"
#include "batch.h"
#include "event_loop.h"
#include "exports.h"
#include "ownership.h"

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

// As many bytes as the file has and the pipe takes, up to the length asked for.
int64_t op_splice(Context& c, Record& r) {
  int from = c.fd(r, 0);
  loff_t offset = r.integer(1);
  int64_t length = r.integer(2);
  int to = c.fd(r, 3);
  if (offset < 0 || length < 0) return -EINVAL;
  int64_t done = 0;
  while (done < length) {
    size_t left = static_cast<size_t>(length - done);
    int64_t n = retry([&] { return ::splice(from, &offset, to, nullptr, left, SPLICE_F_NONBLOCK); });
    if (n < 0) return done > 0 ? done : n;
    if (n == 0) break;
    done += n;
  }
  return done;
}

void export_pipes(Napi::Env env, Napi::Object exports) {
  exports.Set("pipe", Napi::Function::New<make_pipe>(env, "pipe"));
}

}  // namespace brickd
