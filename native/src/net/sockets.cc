// Socket calls on descriptors and memory addresses: receive, send, listen, accept. Results below zero are -errno.
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "binding/arguments.h"
#include "binding/exports.h"
#include "net/event_loop.h"
#include "net/ownership.h"
#include "net/tls_session.h"
#include "ops/batch.h"

namespace brickd {

namespace {

// The result of a call that has made a socket: it is the environment's.
Napi::Value socket_result(const Napi::CallbackInfo& info, int64_t fd) {
  if (fd >= 0) {
    own_descriptor(static_cast<int>(fd), EventLoop::of(info.Env()).environment(), DescriptorKind::kSocket);
  }
  return number_result(info, fd);
}

// Pieces of one sendmsg.
constexpr size_t kMaxPieces = 512;

Napi::Value receive(const Napi::CallbackInfo& info) {
  Arguments a(info, "recv(fd, address, length)");
  int fd = a.integer(0);
  void* to = a.address<void>(1);
  size_t length = a.size(2);
  if (!a.good()) return info.Env().Undefined();
  if (TlsSession* tls = tls_of(fd)) return number_result(info, tls->receive(to, length));
  return number_result(info, retry([&] { return ::recv(fd, to, length, MSG_DONTWAIT); }));
}

// Pieces in memory that come before the first one in a pipe; those have the address -1 - descriptor.
size_t in_memory(const double* pieces, size_t count) {
  size_t n = 0;
  while (n < count && pieces[2 * n] >= 0) n++;
  return n;
}

// What lies in a pipe, without copying it.
int64_t send_from_pipe(int fd, const double* piece, bool more, int64_t& wanted) {
  int from = static_cast<int>(-1 - to_integer(piece[0]));
  wanted = to_integer(piece[1]);
  if (wanted < 0) return -EINVAL;
  unsigned flags = SPLICE_F_NONBLOCK | (more ? SPLICE_F_MORE : 0);
  return retry([&] { return ::splice(from, nullptr, fd, nullptr, static_cast<size_t>(wanted), flags); });
}

// One sendmsg of pieces (address, length); `wanted` becomes their total length.
int64_t send_some(int fd, const double* pieces, size_t count, bool more, int64_t& wanted) {
  struct iovec v[kMaxPieces];
  wanted = 0;
  for (size_t i = 0; i < count; i++) {
    int64_t length = to_integer(pieces[2 * i + 1]);
    if (length < 0) return -EINVAL;
    v[i].iov_base = reinterpret_cast<void*>(static_cast<uintptr_t>(to_integer(pieces[2 * i])));
    v[i].iov_len = static_cast<size_t>(length);
    wanted += length;
  }
  struct msghdr m {};
  m.msg_iov = v;
  m.msg_iovlen = count;
  int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
  return retry([&] { return ::sendmsg(fd, &m, flags); });
}

Napi::Value send_pieces(const Napi::CallbackInfo& info) {
  Arguments a(info, "sendv(fd, pieces, count)");
  int fd = a.integer(0);
  size_t count = a.size(2);
  if (count > SIZE_MAX / 4) count = SIZE_MAX / 4;
  const double* pieces = a.elements<double>(1, napi_float64_array, 2 * count);
  if (!a.good()) return info.Env().Undefined();
  if (TlsSession* tls = tls_of(fd)) return number_result(info, tls->send(pieces, count));
  int64_t sent = 0;
  while (count > 0) {
    size_t some = std::min(in_memory(pieces, count), kMaxPieces);
    int64_t wanted = 0;
    int64_t n;
    if (some > 0) {
      n = send_some(fd, pieces, some, some < count, wanted);
    } else {
      some = 1;
      n = send_from_pipe(fd, pieces, count > 1, wanted);
    }
    if (n < 0) return number_result(info, sent > 0 ? sent : n);
    sent += n;
    if (n < wanted) break;
    pieces += 2 * some;
    count -= some;
  }
  return number_result(info, sent);
}

// The errno that says what getaddrinfo's code means.
int errno_of_lookup(int code) {
  switch (code) {
    case EAI_SYSTEM:
      return errno;
    case EAI_MEMORY:
      return ENOMEM;
    case EAI_AGAIN:
      return EAGAIN;
    case EAI_FAMILY:
      return EAFNOSUPPORT;
    default:
      return EADDRNOTAVAIL;
  }
}

int64_t listen_at(const struct addrinfo& address, int backlog) {
  int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int on = 1;
  int off = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // IPv4 clients come to the IPv6 wildcard whatever the system's default is.
  if (address.ai_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  if (::bind(fd, address.ai_addr, address.ai_addrlen) == 0 && ::listen(fd, backlog) == 0) return fd;
  int error = errno;
  ::close(fd);
  return -error;
}

Napi::Value listen_tcp(const Napi::CallbackInfo& info) {
  Arguments a(info, "listenTcp(host, port, family, backlog)");
  std::string host = a.text(0);
  int port = a.integer(1);
  int family = a.integer(2);
  int backlog = a.integer(3);
  if (!a.good()) return info.Env().Undefined();
  if (port < 0 || port > 65535 || (family != 4 && family != 6)) return number_result(info, -EINVAL);
  struct addrinfo hints {};
  hints.ai_family = family == 6 ? AF_INET6 : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  struct addrinfo* found = nullptr;
  int error = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return number_result(info, -errno_of_lookup(error));
  int64_t result = -EADDRNOTAVAIL;
  for (const struct addrinfo* at = found; at != nullptr && result < 0; at = at->ai_next)
    result = listen_at(*at, backlog);
  ::freeaddrinfo(found);
  return socket_result(info, result);
}

Napi::Value accept_one(const Napi::CallbackInfo& info) {
  Arguments a(info, "accept(fd)");
  int fd = a.integer(0);
  if (!a.good()) return info.Env().Undefined();
  return socket_result(info, retry([&] { return ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); }));
}

using NameCall = int (*)(int, struct sockaddr*, socklen_t*);

Napi::Value name_of(const Napi::CallbackInfo& info, const char* usage, NameCall call) {
  Arguments a(info, usage);
  int fd = a.integer(0);
  if (!a.good()) return info.Env().Undefined();
  struct sockaddr_storage storage {};
  struct sockaddr* address = reinterpret_cast<struct sockaddr*>(&storage);
  socklen_t length = sizeof(storage);
  if (call(fd, address, &length) < 0) return number_result(info, -errno);
  char host[NI_MAXHOST] = "";
  char port[NI_MAXSERV] = "0";
  if (storage.ss_family == AF_INET || storage.ss_family == AF_INET6) {
    int error = ::getnameinfo(address, length, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    if (error != 0) return number_result(info, -errno_of_lookup(error));
  }
  Napi::Array pair = Napi::Array::New(info.Env(), 2);
  pair.Set(uint32_t{0}, Napi::String::New(info.Env(), host));
  pair.Set(uint32_t{1}, Napi::Number::New(info.Env(), static_cast<double>(::strtol(port, nullptr, 10))));
  return pair;
}

Napi::Value peer_name(const Napi::CallbackInfo& info) { return name_of(info, "peerName(fd)", ::getpeername); }
Napi::Value sock_name(const Napi::CallbackInfo& info) { return name_of(info, "sockName(fd)", ::getsockname); }

Napi::Value set_sock_opt(const Napi::CallbackInfo& info) {
  Arguments a(info, "setSockOpt(fd, level, name, value)");
  int fd = a.integer(0);
  int level = a.integer(1);
  int name = a.integer(2);
  int value = a.integer(3);
  if (!a.good()) return info.Env().Undefined();
  return number_result(info, retry([&] { return ::setsockopt(fd, level, name, &value, sizeof(value)); }));
}

Napi::Value shutdown_socket(const Napi::CallbackInfo& info) {
  Arguments a(info, "shutdown(fd, how)");
  int fd = a.integer(0);
  int how = a.integer(1);
  if (!a.good()) return info.Env().Undefined();
  return number_result(info, retry([&] { return ::shutdown(fd, how); }));
}

}  // namespace

void export_sockets(Napi::Env env, Napi::Object exports) {
  exports.Set("recv", Napi::Function::New<receive>(env, "recv"));
  exports.Set("sendv", Napi::Function::New<send_pieces>(env, "sendv"));
  exports.Set("listenTcp", Napi::Function::New<listen_tcp>(env, "listenTcp"));
  exports.Set("accept", Napi::Function::New<accept_one>(env, "accept"));
  exports.Set("peerName", Napi::Function::New<peer_name>(env, "peerName"));
  exports.Set("sockName", Napi::Function::New<sock_name>(env, "sockName"));
  exports.Set("setSockOpt", Napi::Function::New<set_sock_opt>(env, "setSockOpt"));
  exports.Set("shutdown", Napi::Function::New<shutdown_socket>(env, "shutdown"));
}

}  // namespace brickd
