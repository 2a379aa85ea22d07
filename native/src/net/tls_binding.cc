// TLS for JavaScript: contexts as objects, sessions by descriptor.
#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include "binding/arguments.h"
#include "binding/exports.h"
#include "net/event_loop.h"
#include "net/tls_session.h"
#include "ops/batch.h"

namespace brickd {

namespace {

using SharedContext = std::shared_ptr<TlsContext>;

std::string contents(const Napi::Value& value) {
  if (!value.IsBuffer()) return {};
  auto buffer = value.As<Napi::Buffer<char>>();
  return std::string(buffer.Data(), buffer.Length());
}

TlsProfile profile_of(const Napi::Object& o) {
  TlsProfile profile;
  profile.certificate = contents(o.Get("certificate"));
  profile.key = contents(o.Get("key"));
  profile.authorities = contents(o.Get("authorities"));
  profile.dh_parameters = contents(o.Get("dhParameters"));
  profile.depth = o.Get("depth").ToNumber().Int32Value();
  profile.ciphers = o.Get("ciphers").ToString().Utf8Value();
  profile.curve = o.Get("curve").ToString().Utf8Value();
  Napi::Value lists = o.Get("revocation");
  profile.checks_revocation = lists.IsArray();
  if (profile.checks_revocation) {
    Napi::Array all = lists.As<Napi::Array>();
    for (uint32_t i = 0; i < all.Length(); i++) profile.revocation.push_back(contents(all.Get(i)));
  }
  return profile;
}

Napi::Value tls_context(const Napi::CallbackInfo& info) {
  Arguments a(info, "tlsContext(profiles, keyLog)");
  int key_log = a.integer(1);
  if (!a.good()) return info.Env().Undefined();
  std::vector<TlsProfile> profiles;
  if (info[0].IsArray()) {
    Napi::Array all = info[0].As<Napi::Array>();
    for (uint32_t i = 0; i < all.Length(); i++) profiles.push_back(profile_of(all.Get(i).ToObject()));
  }
  if (profiles.empty() || profiles.size() > kMostProfiles) {
    throw_type_error(info.Env(), "tlsContext wants 1 to " + std::to_string(kMostProfiles) + " profiles");
    return info.Env().Undefined();
  }
  std::string problem;
  std::vector<std::string> notes;
  SharedContext made = TlsContext::create(profiles, key_log, problem, notes);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("problem", problem);
  Napi::Array said = Napi::Array::New(info.Env(), notes.size());
  for (size_t i = 0; i < notes.size(); i++) said.Set(static_cast<uint32_t>(i), notes[i]);
  result.Set("notes", said);
  if (made != nullptr) {
    result.Set("context", Napi::External<SharedContext>::New(info.Env(), new SharedContext(std::move(made)),
                                                             [](Napi::Env, SharedContext* p) { delete p; }));
  } else {
    result.Set("context", info.Env().Null());
  }
  return result;
}

Napi::Value tls_begin(const Napi::CallbackInfo& info) {
  Arguments a(info, "tlsBegin(fd, context)");
  int fd = a.integer(0);
  if (!a.good()) return info.Env().Undefined();
  if (!info[1].IsExternal()) {
    throw_type_error(info.Env(), "wrong arguments: tlsBegin(fd, context)");
    return info.Env().Undefined();
  }
  SharedContext context = *info[1].As<Napi::External<SharedContext>>().Data();
  bool begun = begin_tls(fd, TlsSession::create(fd, std::move(context)));
  return number_result(info, begun ? 0 : -ENOMEM);
}

// The session of the descriptor that is the first argument; null, with an exception pending, if there is none.
TlsSession* session_of(const Napi::CallbackInfo& info, const char* usage) {
  Arguments a(info, usage);
  int fd = a.integer(0);
  if (!a.good()) return nullptr;
  TlsSession* tls = tls_of(fd);
  if (tls == nullptr) throw_error(info.Env(), std::string(usage) + ": the connection is plain");
  return tls;
}

Napi::Value tls_handshake(const Napi::CallbackInfo& info) {
  TlsSession* tls = session_of(info, "tlsHandshake(fd)");
  if (tls == nullptr) return info.Env().Undefined();
  switch (tls->shake_hands()) {
    case TlsSession::Step::kDone:
      return number_result(info, 0);
    case TlsSession::Step::kWantsRead:
      return number_result(info, kReadable);
    case TlsSession::Step::kWantsWrite:
      return number_result(info, kWritable);
    default:
      return number_result(info, -EPROTO);
  }
}

Napi::Value tls_problem(const Napi::CallbackInfo& info) {
  TlsSession* tls = session_of(info, "tlsProblem(fd)");
  return tls == nullptr ? info.Env().Undefined() : Napi::String::New(info.Env(), tls->problem());
}

Napi::Value tls_peer(const Napi::CallbackInfo& info) {
  TlsSession* tls = session_of(info, "tlsPeer(fd)");
  if (tls == nullptr) return info.Env().Undefined();
  std::string name = tls->peer_name();
  napi_value text = nullptr;
  napi_create_string_latin1(info.Env(), name.data(), name.size(), &text);
  Napi::Object peer = Napi::Object::New(info.Env());
  peer.Set("name", Napi::Value(info.Env(), text));
  peer.Set("profiles", static_cast<double>(tls->profiles()));
  peer.Set("protocol", tls->protocol());
  peer.Set("cipher", tls->cipher());
  peer.Set("resumed", tls->resumed());
  return peer;
}

Napi::Value is_tls(const Napi::CallbackInfo& info) {
  Arguments a(info, "isTls(fd)");
  int fd = a.integer(0);
  if (!a.good()) return info.Env().Undefined();
  return Napi::Boolean::New(info.Env(), tls_of(fd) != nullptr);
}

Napi::Value tls_unsent(const Napi::CallbackInfo& info) {
  TlsSession* tls = session_of(info, "tlsUnsent(fd)");
  return tls == nullptr ? info.Env().Undefined() : number_result(info, static_cast<int64_t>(tls->unsent()));
}

Napi::Value tls_pending(const Napi::CallbackInfo& info) {
  TlsSession* tls = session_of(info, "tlsPending(fd)");
  return tls == nullptr ? info.Env().Undefined() : Napi::Boolean::New(info.Env(), tls->pending());
}

Napi::Value peek_byte(const Napi::CallbackInfo& info) {
  Arguments a(info, "peekByte(fd)");
  int fd = a.integer(0);
  if (!a.good()) return info.Env().Undefined();
  unsigned char byte = 0;
  int64_t n = retry([&] { return ::recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK); });
  if (n == 0) return number_result(info, -ENOTCONN);
  return number_result(info, n < 0 ? n : byte);
}

}  // namespace

void export_tls(Napi::Env env, Napi::Object exports) {
  exports.Set("tlsContext", Napi::Function::New<tls_context>(env, "tlsContext"));
  exports.Set("tlsBegin", Napi::Function::New<tls_begin>(env, "tlsBegin"));
  exports.Set("tlsHandshake", Napi::Function::New<tls_handshake>(env, "tlsHandshake"));
  exports.Set("tlsProblem", Napi::Function::New<tls_problem>(env, "tlsProblem"));
  exports.Set("tlsPeer", Napi::Function::New<tls_peer>(env, "tlsPeer"));
  exports.Set("isTls", Napi::Function::New<is_tls>(env, "isTls"));
  exports.Set("tlsUnsent", Napi::Function::New<tls_unsent>(env, "tlsUnsent"));
  exports.Set("tlsPending", Napi::Function::New<tls_pending>(env, "tlsPending"));
  exports.Set("peekByte", Napi::Function::New<peek_byte>(env, "peekByte"));
}

}  // namespace brickd
