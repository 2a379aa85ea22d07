// Opening, closing and duplicating descriptors; paths are byte strings. Results below zero are -errno.
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "binding/arguments.h"
#include "binding/exports.h"
#include "net/event_loop.h"
#include "net/ownership.h"
#include "net/tls_session.h"
#include "ops/batch.h"

namespace brickd {

namespace {

uint32_t environment_of(const Napi::CallbackInfo& info) { return EventLoop::of(info.Env()).environment(); }

Napi::Value open_path(const Napi::CallbackInfo& info) {
  Arguments a(info, "open(path, flags, mode)");
  std::string path = a.text(0);
  int flags = a.integer(1) | O_CLOEXEC;
  int mode = a.integer(2);
  if (!a.good()) return info.Env().Undefined();
  int64_t fd = retry([&] { return ::open(path.c_str(), flags, mode); });
  if (fd >= 0) own_descriptor(static_cast<int>(fd), environment_of(info));
  return number_result(info, fd);
}

Napi::Value close_fd(const Napi::CallbackInfo& info) {
  Arguments a(info, "closeFd(fd)");
  int fd = a.integer(0);
  if (!a.good()) return info.Env().Undefined();
  end_tls(fd);
  disown_descriptor(fd);
  // Never again on EINTR: the descriptor is gone, and its number may be another's.
  return number_result(info, ::close(fd) < 0 && errno != EINTR ? -errno : 0);
}

Napi::Value dup_fd(const Napi::CallbackInfo& info) {
  Arguments a(info, "dupFd(fd)");
  int fd = a.integer(0);
  if (!a.good()) return info.Env().Undefined();
  int64_t copy = retry([&] { return ::fcntl(fd, F_DUPFD_CLOEXEC, 3); });
  if (copy >= 0) own_descriptor(static_cast<int>(copy), environment_of(info));
  return number_result(info, copy);
}

Napi::Value send_fd(const Napi::CallbackInfo& info) {
  Arguments a(info, "sendFd(fd)");
  int fd = a.integer(0);
  if (!a.good()) return info.Env().Undefined();
  return number_result(info, static_cast<int64_t>(send_descriptor(fd, environment_of(info))));
}

Napi::Value take_fd(const Napi::CallbackInfo& info) {
  Arguments a(info, "takeFd(fd, ticket)");
  int fd = a.integer(0);
  size_t ticket = a.size(1);
  if (!a.good()) return info.Env().Undefined();
  return Napi::Boolean::New(info.Env(), take_descriptor(fd, ticket, environment_of(info)));
}

Napi::Value owned_fds(const Napi::CallbackInfo& info) {
  return number_result(info, count_descriptors_of(environment_of(info)));
}

Napi::Value in_use(const Napi::CallbackInfo& info) { return number_result(info, descriptors_in_use()); }

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
  exports.Set("environment", static_cast<double>(EventLoop::of(env).environment()));
  exports.Set("sendFd", Napi::Function::New<send_fd>(env, "sendFd"));
  exports.Set("takeFd", Napi::Function::New<take_fd>(env, "takeFd"));
  exports.Set("descriptorsInUse", Napi::Function::New<in_use>(env, "descriptorsInUse"));
  exports.Set("ownedFds", Napi::Function::New<owned_fds>(env, "ownedFds"));
  exports.Set("dup2", Napi::Function::New<dup_to>(env, "dup2"));
}

}  // namespace brickd
