// The addon: puts its parts together, once per environment (main thread and each worker).
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <cerrno>

#include "batch.h"
#include "exports.h"

namespace brickd {

namespace {

napi_value run_batch_at(napi_env env, napi_callback_info info) {
  napi_value arg;
  size_t argc = 1;
  double address = 0;
  napi_get_cb_info(env, info, &argc, &arg, nullptr, nullptr);
  napi_get_value_double(env, arg, &address);
  napi_value result;
  int n = address == 0 ? -EFAULT : run_batch(reinterpret_cast<Record*>(static_cast<uintptr_t>(address)));
  napi_create_int32(env, n, &result);
  return result;
}

Napi::Value address_of(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  void* data = nullptr;
  size_t length = 0;
  bool array_buffer = info[0].IsArrayBuffer();
  if (!array_buffer || napi_get_arraybuffer_info(env, info[0], &data, &length) != napi_ok) {
    Napi::TypeError::New(env, "addressOf(ArrayBuffer)").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  return Napi::Number::New(env, static_cast<double>(reinterpret_cast<uintptr_t>(data)));
}

Napi::Object op_codes(Napi::Env env) {
  Napi::Object codes = Napi::Object::New(env);
  int code = 0;
#define X(name, function) codes.Set(#name, ++code);
  BRICKD_OPS(X)
#undef X
  return codes;
}

Napi::Object constants(Napi::Env env) {
  Napi::Object c = Napi::Object::New(env);
#define C(name) c.Set(#name, static_cast<double>(name));
  C(O_PATH) C(O_DIRECTORY) C(O_NOFOLLOW) C(O_NOATIME) C(O_TMPFILE) C(O_CLOEXEC) C(O_DIRECT) C(O_DSYNC) C(O_SYNC)
  C(O_NONBLOCK) C(O_APPEND) C(O_TRUNC) C(O_CREAT) C(O_EXCL) C(O_RDONLY) C(O_WRONLY) C(O_RDWR) C(O_NOCTTY)
  C(RESOLVE_NO_XDEV) C(RESOLVE_NO_MAGICLINKS) C(RESOLVE_NO_SYMLINKS) C(RESOLVE_BENEATH) C(RESOLVE_IN_ROOT) C(RESOLVE_CACHED)
  C(AT_REMOVEDIR) C(AT_EMPTY_PATH) C(AT_SYMLINK_NOFOLLOW) C(AT_SYMLINK_FOLLOW) C(AT_FDCWD)
  C(RENAME_NOREPLACE) C(RENAME_EXCHANGE) C(RWF_NOWAIT) C(RWF_DSYNC) C(RWF_SYNC) C(RWF_HIPRI) C(RWF_APPEND)
  C(FALLOC_FL_KEEP_SIZE) C(FALLOC_FL_PUNCH_HOLE) C(FALLOC_FL_ZERO_RANGE) C(FALLOC_FL_COLLAPSE_RANGE)
  C(S_IFMT) C(S_IFREG) C(S_IFDIR) C(S_IFLNK) C(S_IFCHR) C(S_IFBLK) C(S_IFIFO) C(S_IFSOCK)
  C(UTIME_NOW) C(UTIME_OMIT) C(EUCLEAN) C(EREMOTE)
#undef C
  return c;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonData);
  exports.Set("ops", op_codes(env));
  exports.Set("constants", constants(env));
  exports.Set("addressOf", Napi::Function::New(env, address_of));
  napi_value run;
  napi_create_function(env, "runBatch", NAPI_AUTO_LENGTH, run_batch_at, nullptr, &run);
  napi_set_named_property(env, exports, "runBatch", run);
  export_pool(env, exports);
  export_poller(env, exports);
  export_sockets(env, exports);
  export_process(env, exports);
  export_hash(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(brickd, init)

}  // namespace brickd
