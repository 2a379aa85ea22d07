// Sockets by descriptor: receiving and sending at addresses, listening, accepting. Results below zero are -errno.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "batch.h"
#include "exports.h"

namespace brickd {

namespace {

constexpr uint32_t kMaxPieces = 512;

// Arguments of the hot calls, read without the wrapper classes.
struct Numbers {
  double v[4] = {0, 0, 0, 0};
  Numbers(napi_env env, napi_callback_info info, size_t count) {
    napi_value args[4];
    napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
    for (size_t i = 0; i < count; i++) napi_get_value_double(env, args[i], &v[i]);
  }
};

napi_value number(napi_env env, int64_t n) {
  napi_value v;
  napi_create_int64(env, n, &v);
  return v;
}

napi_value recv_at(napi_env env, napi_callback_info info) {
  Numbers a(env, info, 3);
  void* to = reinterpret_cast<void*>(static_cast<uintptr_t>(a.v[1]));
  size_t length = static_cast<size_t>(a.v[2]);
  return number(env, retry([&] { return ::recv(static_cast<int>(a.v[0]), to, length, MSG_DONTWAIT); }));
}

napi_value sendv(napi_env env, napi_callback_info info) {
  napi_value args[3];
  size_t argc = 3;
  napi_get_cb_info(env, info, &argc, args, nullptr, nullptr);
  int32_t fd = -1;
  uint32_t count = 0;
  void* data = nullptr;
  size_t length = 0;
  napi_get_value_int32(env, args[0], &fd);
  napi_get_value_uint32(env, args[2], &count);
  if (napi_get_typedarray_info(env, args[1], nullptr, &length, &data, nullptr, nullptr) != napi_ok) return number(env, -EINVAL);
  if (count > kMaxPieces || count * 2 > length) return number(env, -EINVAL);
  const double* pieces = static_cast<const double*>(data);
  struct iovec v[kMaxPieces];
  for (uint32_t i = 0; i < count; i++) {
    v[i].iov_base = reinterpret_cast<void*>(static_cast<uintptr_t>(pieces[2 * i]));
    v[i].iov_len = static_cast<size_t>(pieces[2 * i + 1]);
  }
  struct msghdr m {};
  m.msg_iov = v;
  m.msg_iovlen = count;
  return number(env, retry([&] { return ::sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL); }));
}

int listen_on(const std::string& host, int port, int family, int backlog) {
  struct addrinfo hints {};
  hints.ai_family = family == 6 ? AF_INET6 : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  struct addrinfo* found = nullptr;
  int error = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return error == EAI_SYSTEM ? -errno : -EADDRNOTAVAIL;
  int result = -EADDRNOTAVAIL;
  for (struct addrinfo* a = found; a != nullptr; a = a->ai_next) {
    int fd = ::socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      result = -errno;
      continue;
    }
    int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (::bind(fd, a->ai_addr, a->ai_addrlen) == 0 && ::listen(fd, backlog) == 0) {
      result = fd;
      break;
    }
    result = -errno;
    ::close(fd);
  }
  ::freeaddrinfo(found);
  return result;
}

Napi::Value listen_tcp(const Napi::CallbackInfo& info) {
  int result = listen_on(info[0].As<Napi::String>().Utf8Value(), info[1].As<Napi::Number>().Int32Value(),
                         info[2].As<Napi::Number>().Int32Value(), info[3].As<Napi::Number>().Int32Value());
  return Napi::Number::New(info.Env(), result);
}

Napi::Value accept_one(const Napi::CallbackInfo& info) {
  int fd = info[0].As<Napi::Number>().Int32Value();
  return Napi::Number::New(info.Env(), static_cast<double>(retry([&] {
    return ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  })));
}

template <typename F>
Napi::Value name_of(const Napi::CallbackInfo& info, F get) {
  Napi::Env env = info.Env();
  struct sockaddr_storage address {};
  socklen_t length = sizeof(address);
  if (get(info[0].As<Napi::Number>().Int32Value(), reinterpret_cast<struct sockaddr*>(&address), &length) < 0) {
    return Napi::Number::New(env, -errno);
  }
  char text[INET6_ADDRSTRLEN] = "";
  int port = 0;
  if (address.ss_family == AF_INET) {
    auto* a = reinterpret_cast<struct sockaddr_in*>(&address);
    inet_ntop(AF_INET, &a->sin_addr, text, sizeof(text));
    port = ntohs(a->sin_port);
  } else if (address.ss_family == AF_INET6) {
    auto* a = reinterpret_cast<struct sockaddr_in6*>(&address);
    inet_ntop(AF_INET6, &a->sin6_addr, text, sizeof(text));
    port = ntohs(a->sin6_port);
  }
  Napi::Array pair = Napi::Array::New(env, 2);
  pair.Set(uint32_t{0}, Napi::String::New(env, text));
  pair.Set(uint32_t{1}, Napi::Number::New(env, port));
  return pair;
}

Napi::Value peer_name(const Napi::CallbackInfo& info) { return name_of(info, ::getpeername); }
Napi::Value sock_name(const Napi::CallbackInfo& info) { return name_of(info, ::getsockname); }

Napi::Value set_sock_opt(const Napi::CallbackInfo& info) {
  int value = info[3].As<Napi::Number>().Int32Value();
  int n = ::setsockopt(info[0].As<Napi::Number>().Int32Value(), info[1].As<Napi::Number>().Int32Value(),
                       info[2].As<Napi::Number>().Int32Value(), &value, sizeof(value));
  return Napi::Number::New(info.Env(), n < 0 ? -errno : 0);
}

Napi::Value shutdown_socket(const Napi::CallbackInfo& info) {
  int n = ::shutdown(info[0].As<Napi::Number>().Int32Value(), info[1].As<Napi::Number>().Int32Value());
  return Napi::Number::New(info.Env(), n < 0 ? -errno : 0);
}

void set_raw(Napi::Env env, Napi::Object exports, const char* name, napi_callback function) {
  napi_value f;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &f);
  napi_set_named_property(env, exports, name, f);
}

}  // namespace

void export_sockets(Napi::Env env, Napi::Object exports) {
  set_raw(env, exports, "recv", recv_at);
  set_raw(env, exports, "sendv", sendv);
  exports.Set("listenTcp", Napi::Function::New(env, listen_tcp));
  exports.Set("accept", Napi::Function::New(env, accept_one));
  exports.Set("peerName", Napi::Function::New(env, peer_name));
  exports.Set("sockName", Napi::Function::New(env, sock_name));
  exports.Set("setSockOpt", Napi::Function::New(env, set_sock_opt));
  exports.Set("shutdown", Napi::Function::New(env, shutdown_socket));
}

}  // namespace brickd
