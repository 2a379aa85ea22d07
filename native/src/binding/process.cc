// Process-wide calls that Node.js lacks: process name, umask, descriptor limit, file lock, exit. Results below zero are
// -errno.
#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "binding/arguments.h"
#include "binding/exports.h"
#include "ops/batch.h"
#include "pool/umask.h"
#include "pool/user_groups.h"

namespace brickd {

namespace {

int64_t name_process(const std::string& name) {
  if (::syscall(SYS_gettid) == ::getpid()) return ::prctl(PR_SET_NAME, name.c_str()) < 0 ? -errno : 0;
  // From another thread: the main thread's name is what the process goes by.
  std::string path = "/proc/self/task/" + std::to_string(::getpid()) + "/comm";
  int fd = static_cast<int>(retry([&] { return ::open(path.c_str(), O_WRONLY | O_CLOEXEC); }));
  if (fd < 0) return fd;
  int64_t n = retry([&] { return ::write(fd, name.data(), name.size()); });
  ::close(fd);
  return n < 0 ? n : 0;
}

Napi::Value set_process_name(const Napi::CallbackInfo& info) {
  Arguments a(info, "setProcessName(name)");
  std::string name = a.text(0);
  if (!a.good()) return info.Env().Undefined();
  return number_result(info, name_process(name.substr(0, 15)));
}

Napi::Value umask_for_all(const Napi::CallbackInfo& info) {
  Arguments a(info, "umask(mask)");
  int mask = a.integer(0);
  if (!a.good()) return info.Env().Undefined();
  return number_result(info, set_umask(mask));
}

// The hard limit is raised where that is needed and allowed, and never lowered: not every process could raise it again.
Napi::Value set_file_limit(const Napi::CallbackInfo& info) {
  Arguments a(info, "setFileLimit(count)");
  rlim_t wanted = static_cast<rlim_t>(a.size(0));
  if (!a.good()) return info.Env().Undefined();
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) return number_result(info, -errno);
  struct rlimit asked = {wanted, std::max(wanted, limit.rlim_max)};
  if (::setrlimit(RLIMIT_NOFILE, &asked) < 0) {
    asked = {std::min(wanted, limit.rlim_max), limit.rlim_max};
    // What could be had is what the result tells.
    ::setrlimit(RLIMIT_NOFILE, &asked);
  }
  if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) return number_result(info, -errno);
  return Napi::Number::New(info.Env(), static_cast<double>(limit.rlim_cur));
}

Napi::Value file_limit(const Napi::CallbackInfo& info) {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) return number_result(info, -errno);
  return Napi::Number::New(info.Env(), static_cast<double>(limit.rlim_cur));
}

Napi::Value lock_file(const Napi::CallbackInfo& info) {
  Arguments a(info, "lockFile(fd)");
  int fd = a.integer(0);
  if (!a.good()) return info.Env().Undefined();
  return number_result(info, retry([&] { return ::lockf(fd, F_TLOCK, 0); }));
}

Napi::Value new_session(const Napi::CallbackInfo& info) {
  return number_result(info, retry([&] { return ::setsid(); }));
}

Napi::Value exit_now(const Napi::CallbackInfo& info) {
  Arguments a(info, "exitNow(code)");
  int code = a.integer(0);
  if (a.good()) ::_exit(code);
  return info.Env().Undefined();
}

template <typename T>
Napi::Array number_list(Napi::Env env, const T* values, size_t count) {
  Napi::Array list = Napi::Array::New(env, count);
  for (size_t i = 0; i < count; i++) list.Set(static_cast<uint32_t>(i), static_cast<double>(values[i]));
  return list;
}

Napi::Value malloc_counters(const Napi::CallbackInfo& info) {
  struct mallinfo2 m = ::mallinfo2();
  const size_t values[] = {m.arena,   m.ordblks, m.smblks,   m.hblks,    m.hblkhd,
                           m.usmblks, m.fsmblks, m.uordblks, m.fordblks, m.keepcost};
  return number_list(info.Env(), values, std::size(values));
}

Napi::Value malloc_give_back(const Napi::CallbackInfo& info) { return number_result(info, ::malloc_trim(0)); }

Napi::Value groups_of(const Napi::CallbackInfo& info) {
  Arguments a(info, "groupsOf(uid)");
  uid_t uid = static_cast<uid_t>(a.integer(0));
  if (!a.good()) return info.Env().Undefined();
  std::vector<gid_t> groups;
  int error = groups_of_user(uid, groups);
  if (error != 0) return number_result(info, error);
  return number_list(info.Env(), groups.data(), groups.size());
}

Napi::Value take_groups_of(const Napi::CallbackInfo& info) {
  Arguments a(info, "takeGroupsOf(uid)");
  uid_t uid = static_cast<uid_t>(a.integer(0));
  if (!a.good()) return info.Env().Undefined();
  std::vector<gid_t> groups;
  int error = take_groups_of_user(uid, groups);
  if (error != 0) return number_result(info, error);
  return number_list(info.Env(), groups.data(), groups.size());
}

}  // namespace

void export_process(Napi::Env env, Napi::Object exports) {
  exports.Set("setProcessName", Napi::Function::New<set_process_name>(env, "setProcessName"));
  exports.Set("umask", Napi::Function::New<umask_for_all>(env, "umask"));
  exports.Set("setFileLimit", Napi::Function::New<set_file_limit>(env, "setFileLimit"));
  exports.Set("fileLimit", Napi::Function::New<file_limit>(env, "fileLimit"));
  exports.Set("lockFile", Napi::Function::New<lock_file>(env, "lockFile"));
  exports.Set("setsid", Napi::Function::New<new_session>(env, "setsid"));
  exports.Set("exitNow", Napi::Function::New<exit_now>(env, "exitNow"));
  exports.Set("mallinfo", Napi::Function::New<malloc_counters>(env, "mallinfo"));
  exports.Set("mallocTrim", Napi::Function::New<malloc_give_back>(env, "mallocTrim"));
  exports.Set("takeGroupsOf", Napi::Function::New<take_groups_of>(env, "takeGroupsOf"));
  exports.Set("groupsOf", Napi::Function::New<groups_of>(env, "groupsOf"));
}

}  // namespace brickd
