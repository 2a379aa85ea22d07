// Descriptors as such: opening by a byte-string path, closing, copying. Results below zero are -errno.
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "arguments.h"
#include "batch.h"
#include "exports.h"

namespace brickd {

namespace {

Napi::Value open_path(const Napi::CallbackInfo& info) {
  Arguments a(info, "open(path, flags, mode)");
  std::string path = a.text(0);
  int flags = a.integer(1) | O_CLOEXEC;
  int mode = a.integer(2);
  if (!a.good()) return info.Env().Undefined();
  return number_result(info, retry([&] { return ::open(path.c_str(), flags, mode); }));
}

Napi::Value close_fd(const Napi::CallbackInfo& info) {
  Arguments a(info, "closeFd(fd)");
  int fd = a.integer(0);
  if (!a.good()) return info.Env().Undefined();
  // Never again on EINTR: the descriptor is gone, and its number may be another's.
  return number_result(info, ::close(fd) < 0 && errno != EINTR ? -errno : 0);
}

Napi::Value dup_fd(const Napi::CallbackInfo& info) {
  Arguments a(info, "dupFd(fd)");
  int fd = a.integer(0);
  if (!a.good()) return info.Env().Undefined();
  return number_result(info, retry([&] { return ::fcntl(fd, F_DUPFD_CLOEXEC, 3); }));
}

Napi::Value dup_to(const Napi::CallbackInfo& info) {
  Arguments a(info, "dup2(from, to)");
  int from = a.integer(0);
  int to = a.integer(1);
  if (!a.good()) return info.Env().Undefined();
  if (from == to) return number_result(info, ::fcntl(from, F_GETFD) < 0 ? -errno : to);
  // The standard streams are for children too; other descriptors are not.
  int flags = to > STDERR_FILENO ? O_CLOEXEC : 0;
  return number_result(info, retry([&] { return ::dup3(from, to, flags); }));
}

}  // namespace

void export_descriptors(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New<open_path>(env, "open"));
  exports.Set("closeFd", Napi::Function::New<close_fd>(env, "closeFd"));
  exports.Set("dupFd", Napi::Function::New<dup_fd>(env, "dupFd"));
  exports.Set("dup2", Napi::Function::New<dup_to>(env, "dup2"));
}

}  // namespace brickd
