// The TLS state of one connection, found by its descriptor: receiving and sending on that descriptor decrypts and
// encrypts. Like the descriptor it belongs to one environment at a time, and moves with it.
//
//   receive:  socket ──recv──> OpenSSL's buffer (several records) ──decrypt, copy──> the caller's memory
//   send:     the caller's pieces ──gather, encrypt──> output of the thread ──send──> socket
//                                                                            └──> unsent: what the socket did not take
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "net/tls_context.h"

namespace brickd {

class TlsSession {
 public:
  static std::unique_ptr<TlsSession> create(int fd, std::shared_ptr<TlsContext> context);
  ~TlsSession();

  enum class Step { kDone, kFailed, kWantsRead, kWantsWrite };
  // Goes on with the handshake. After kFailed `problem` says why.
  Step shake_hands();

  // As recv(2) and sendmsg(2) of a socket that does not block; -EPROTO where TLS has failed.
  int64_t receive(void* to, size_t length);
  // Pieces (address, length) as sendv has them: a stream of RPC records. What was encrypted counts as sent. No TLS
  // record has bytes of two RPC records: clients read one RPC record at a time and then wait for the socket, which does
  // not tell of plain text that OpenSSL has left.
  int64_t send(const double* pieces, size_t count);

  // Sends what the socket had not taken, as far as it does now. Returns 0 or -errno.
  int64_t flush();
  size_t unsent() const { return unsent_.size() - unsent_at_; }
  // Whether something was received that has not been read, so that nobody is told of it by the socket.
  bool pending() const { return SSL_has_pending(ssl_.get()) != 0; }

  const std::string& problem() const { return problem_; }
  // Common name of the client's certificate, in UTF-8; empty if it has none. Of several the first one.
  std::string peer_name() const;
  uint32_t profiles() const { return profiles_; }
  std::string protocol() const { return SSL_get_version(ssl_.get()); }
  std::string cipher() const { return SSL_get_cipher_name(ssl_.get()); }
  bool resumed() const { return SSL_session_reused(ssl_.get()) != 0; }

  void certificate_judged(uint32_t accepted) { accepted_ = accepted; }

 private:
  struct FreeSsl {
    void operator()(SSL* p) const { SSL_free(p); }
  };

  explicit TlsSession(int fd) : fd_(fd) {}
  int64_t put_out();
  void fail(int error);
  Step fail_with(int64_t result);

  const int fd_;
  std::shared_ptr<TlsContext> context_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  std::string unsent_;
  size_t unsent_at_ = 0;
  // Bytes of the RPC record that is being sent which have not been encrypted.
  size_t record_left_ = 0;
  uint32_t accepted_ = 0;
  uint32_t profiles_ = 0;
  bool established_ = false;
  bool failed_ = false;
  std::string problem_;
};

// Called during the handshake, with the profiles that have accepted the certificate.
void note_certificate_judged(SSL* ssl, uint32_t accepted);

// The session of a descriptor; null: it is plain.
TlsSession* tls_of(int fd);
// Makes the descriptor one with TLS. False if it can't be.
bool begin_tls(int fd, std::unique_ptr<TlsSession> session);
// To be called before the descriptor is closed: says goodbye to the peer if that needs no waiting.
void end_tls(int fd);

}  // namespace brickd
