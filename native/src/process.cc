// Descriptors and the process itself: what Node has no call for.
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "batch.h"
#include "exports.h"

namespace brickd {

namespace {

int integer(const Napi::CallbackInfo& info, size_t i) { return info[i].As<Napi::Number>().Int32Value(); }

Napi::Value number(const Napi::CallbackInfo& info, double n) { return Napi::Number::New(info.Env(), n); }

// Byte string: one char per byte.
std::string latin1(const Napi::CallbackInfo& info, size_t i) {
  size_t length = 0;
  napi_get_value_string_latin1(info.Env(), info[i], nullptr, 0, &length);
  std::string text(length + 1, '\0');
  napi_get_value_string_latin1(info.Env(), info[i], text.data(), length + 1, &length);
  text.resize(length);
  return text;
}

Napi::Value open_path(const Napi::CallbackInfo& info) {
  std::string path = latin1(info, 0);
  int flags = integer(info, 1) | O_CLOEXEC;
  return number(info, static_cast<double>(retry([&] { return ::open(path.c_str(), flags, integer(info, 2)); })));
}

Napi::Value close_fd(const Napi::CallbackInfo& info) {
  return number(info, ::close(integer(info, 0)) < 0 && errno != EINTR ? -errno : 0);
}

Napi::Value dup_fd(const Napi::CallbackInfo& info) {
  return number(info, static_cast<double>(result_of(::fcntl(integer(info, 0), F_DUPFD_CLOEXEC, 3))));
}

Napi::Value dup_to(const Napi::CallbackInfo& info) {
  return number(info, static_cast<double>(retry([&] { return ::dup3(integer(info, 0), integer(info, 1), O_CLOEXEC); })));
}

Napi::Value set_process_name(const Napi::CallbackInfo& info) {
  std::string name = info[0].As<Napi::String>().Utf8Value().substr(0, 15);
  if (::getpid() == static_cast<pid_t>(::syscall(SYS_gettid))) {
    return number(info, ::prctl(PR_SET_NAME, name.c_str()) < 0 ? -errno : 0);
  }
  // From another thread: the main thread's name is what the process goes by.
  FILE* f = ::fopen(("/proc/self/task/" + std::to_string(::getpid()) + "/comm").c_str(), "we");
  if (f == nullptr) return number(info, -errno);
  bool good = ::fputs(name.c_str(), f) >= 0;
  return number(info, ::fclose(f) == 0 && good ? 0 : -EIO);
}

Napi::Value set_umask(const Napi::CallbackInfo& info) { return number(info, ::umask(static_cast<mode_t>(integer(info, 0)))); }

Napi::Value raise_file_limit(const Napi::CallbackInfo& info) {
  rlim_t wanted = static_cast<rlim_t>(info[0].As<Napi::Number>().Int64Value());
  struct rlimit both {wanted, wanted};
  if (::setrlimit(RLIMIT_NOFILE, &both) < 0) {
    struct rlimit now;
    if (::getrlimit(RLIMIT_NOFILE, &now) < 0) return number(info, -errno);
    now.rlim_cur = now.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  struct rlimit now;
  if (::getrlimit(RLIMIT_NOFILE, &now) < 0) return number(info, -errno);
  return number(info, static_cast<double>(now.rlim_cur));
}

Napi::Value lock_file(const Napi::CallbackInfo& info) {
  return number(info, static_cast<double>(retry([&] { return ::lockf(integer(info, 0), F_TLOCK, 0); })));
}

Napi::Value new_session(const Napi::CallbackInfo& info) { return number(info, static_cast<double>(result_of(::setsid()))); }

Napi::Value malloc_counters(const Napi::CallbackInfo& info) {
  struct mallinfo2 m = ::mallinfo2();
  const size_t values[] = {m.arena,   m.ordblks,  m.smblks,   m.hblks,    m.hblkhd,
                           m.usmblks, m.fsmblks, m.uordblks, m.fordblks, m.keepcost};
  Napi::Array list = Napi::Array::New(info.Env());
  for (uint32_t i = 0; i < 10; i++) list.Set(i, static_cast<double>(values[i]));
  return list;
}

Napi::Value trim(const Napi::CallbackInfo& info) { return number(info, ::malloc_trim(0)); }

Napi::Value groups_of(const Napi::CallbackInfo& info) {
  uid_t uid = static_cast<uid_t>(info[0].As<Napi::Number>().Int64Value());
  std::vector<char> buffer(16384);
  struct passwd entry;
  struct passwd* found = nullptr;
  int error = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return number(info, error == 0 ? -ENOENT : -error);
  int count = 64;
  std::vector<gid_t> groups(static_cast<size_t>(count));
  if (::getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) < 0) {
    groups.resize(static_cast<size_t>(count));
    if (::getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) < 0) return number(info, -ERANGE);
  }
  Napi::Array list = Napi::Array::New(info.Env());
  for (int i = 0; i < count; i++) list.Set(static_cast<uint32_t>(i), static_cast<double>(groups[static_cast<size_t>(i)]));
  return list;
}

}  // namespace

void export_process(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New(env, open_path));
  exports.Set("closeFd", Napi::Function::New(env, close_fd));
  exports.Set("dupFd", Napi::Function::New(env, dup_fd));
  exports.Set("dup2", Napi::Function::New(env, dup_to));
  exports.Set("setProcessName", Napi::Function::New(env, set_process_name));
  exports.Set("umask", Napi::Function::New(env, set_umask));
  exports.Set("raiseFileLimit", Napi::Function::New(env, raise_file_limit));
  exports.Set("lockFile", Napi::Function::New(env, lock_file));
  exports.Set("setsid", Napi::Function::New(env, new_session));
  exports.Set("mallinfo", Napi::Function::New(env, malloc_counters));
  exports.Set("mallocTrim", Napi::Function::New(env, trim));
  exports.Set("groupsOf", Napi::Function::New(env, groups_of));
}

}  // namespace brickd
