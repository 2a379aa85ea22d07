// Encrypts and decrypts the traffic of a TLS connection behind the calls that receive and send on its descriptor.
#include "net/tls_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "net/ownership.h"
#include "ops/batch.h"

namespace brickd {

namespace {

// Plain text of a record.
constexpr size_t kRecord = 16384;
// Encrypted before it is sent: a few records per system call.
constexpr size_t kOutput = 128 * 1024;

std::atomic<TlsSession*> sessions[kFollowedDescriptors];

// What OpenSSL has written within the present call, for all sessions of the thread.
thread_local std::string output;

int bio_read(BIO* bio, char* to, size_t length, size_t* got) {
  BIO_clear_retry_flags(bio);
  *got = 0;
  int fd = static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio)));
  ssize_t n = retry([&] { return ::recv(fd, to, length, MSG_DONTWAIT); });
  if (n > 0) {
    *got = static_cast<size_t>(n);
    return 1;
  }
  if (n == -EAGAIN) {
    BIO_set_retry_read(bio);
    return 0;
  }
  if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  errno = n < 0 ? static_cast<int>(-n) : 0;
  return 0;
}

int bio_write(BIO*, const char* from, size_t length, size_t* put) {
  output.append(from, length);
  *put = length;
  return 1;
}

long bio_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default:
      return 0;
  }
}

BIO_METHOD* make_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "brickd socket");
  BIO_meth_set_read_ex(method, bio_read);
  BIO_meth_set_write_ex(method, bio_write);
  BIO_meth_set_ctrl(method, bio_control);
  return method;
}

BIO* socket_bio(int fd) {
  static BIO_METHOD* const method = make_method();
  BIO* bio = BIO_new(method);
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(fd)));
  BIO_set_init(bio, 1);
  return bio;
}

// The pieces of a send, one after the other, as stretches of plain text for a TLS record each.
class PlainText {
 public:
  // record_left: bytes still to come of the RPC record that the pieces begin with; kept up to date.
  PlainText(const double* pieces, size_t count, size_t& record_left)
      : pieces_(pieces), left_(count), record_left_(record_left) {}

  bool at_end() {
    skip_empty();
    return left_ == 0;
  }

  // The next stretch: in place where it lies in one piece, else gathered. Returns its bytes, or -errno.
  int64_t next(const unsigned char*& at) {
    if (record_left_ == 0) record_left_ = whole_record();
    const size_t limit = std::min(kRecord, record_left_);
    size_t gathered = 0;
    while (gathered < limit && !at_end()) {
      const size_t some = std::min(length() - done_, limit - gathered);
      if (pieces_[0] < 0) {
        const int pipe = static_cast<int>(-1 - static_cast<int64_t>(pieces_[0]));
        ssize_t n = retry([&] { return ::read(pipe, record_ + gathered, some); });
        if (n < 0) return n;
        if (static_cast<size_t>(n) < some) return -EPROTO;
      } else {
        const unsigned char* from = here();
        if (some == limit) {
          advance(some);
          at = from;
          return static_cast<int64_t>(some);
        }
        ::memcpy(record_ + gathered, from, some);
      }
      gathered += some;
      advance(some);
    }
    at = record_;
    return static_cast<int64_t>(gathered);
  }

 private:
  size_t length() const { return pieces_[1] > 0 ? static_cast<size_t>(pieces_[1]) : 0; }
  const unsigned char* here() const {
    return reinterpret_cast<const unsigned char*>(static_cast<uintptr_t>(pieces_[0])) + done_;
  }

  void skip_empty() {
    while (left_ > 0 && done_ >= length()) {
      done_ = 0;
      pieces_ += 2;
      left_--;
    }
  }

  // Bytes of the RPC record that begins here, by its mark, which whoever encodes records writes in one piece.
  size_t whole_record() {
    if (at_end() || pieces_[0] < 0 || length() - done_ < 4) return kRecord;
    const unsigned char* mark = here();
    const uint32_t bytes = (uint32_t{mark[0]} << 24 | uint32_t{mark[1]} << 16 | uint32_t{mark[2]} << 8 | mark[3]);
    return 4 + size_t{bytes & 0x7fffffff};
  }

  void advance(size_t bytes) {
    done_ += bytes;
    record_left_ -= bytes;
  }

  const double* pieces_;
  size_t left_;
  size_t& record_left_;
  // Bytes of the first piece that have been handed out.
  size_t done_ = 0;
  unsigned char record_[kRecord];
};

}  // namespace

void note_certificate_judged(SSL* ssl, uint32_t accepted) {
  static_cast<TlsSession*>(SSL_get_app_data(ssl))->certificate_judged(accepted);
}

TlsSession* tls_of(int fd) {
  return fd >= 0 && fd < kFollowedDescriptors ? sessions[fd].load(std::memory_order_acquire) : nullptr;
}

bool begin_tls(int fd, std::unique_ptr<TlsSession> session) {
  if (fd < 0 || fd >= kFollowedDescriptors || session == nullptr) return false;
  TlsSession* none = nullptr;
  if (!sessions[fd].compare_exchange_strong(none, session.get())) return false;
  session.release();
  return true;
}

void end_tls(int fd) {
  if (tls_of(fd) == nullptr) return;
  delete sessions[fd].exchange(nullptr);
}

std::unique_ptr<TlsSession> TlsSession::create(int fd, std::shared_ptr<TlsContext> context) {
  std::unique_ptr<TlsSession> made(new TlsSession(fd));
  made->ssl_.reset(context->connection());
  BIO* bio = made->ssl_ ? socket_bio(fd) : nullptr;
  if (bio == nullptr) return nullptr;
  SSL_set_bio(made->ssl_.get(), bio, bio);
  SSL_set_app_data(made->ssl_.get(), made.get());
  SSL_set_accept_state(made->ssl_.get());
  made->context_ = std::move(context);
  return made;
}

TlsSession::~TlsSession() {
  if (!established_ || failed_ || unsent() > 0) return;
  output.clear();
  SSL_shutdown(ssl_.get());
  put_out();
  ERR_clear_error();
}

void TlsSession::fail(int error) {
  failed_ = true;
  int errno_then = errno;
  long verdict = SSL_get_verify_result(ssl_.get());
  if (error == SSL_ERROR_SYSCALL || error == SSL_ERROR_ZERO_RETURN) {
    problem_ =
        errno_then != 0 && error == SSL_ERROR_SYSCALL ? ::strerror(errno_then) : "the peer has closed the connection";
    ERR_clear_error();
    return;
  }
  problem_ = take_tls_error();
  if (!established_ && verdict != X509_V_OK) problem_ += std::string(": ") + X509_verify_cert_error_string(verdict);
}

TlsSession::Step TlsSession::fail_with(int64_t result) {
  failed_ = true;
  problem_ = ::strerror(static_cast<int>(-result));
  return Step::kFailed;
}

TlsSession::Step TlsSession::shake_hands() {
  if (failed_) return Step::kFailed;
  if (unsent() > 0) {
    int64_t flushed = flush();
    if (flushed == -EAGAIN) return Step::kWantsWrite;
    if (flushed < 0) return fail_with(flushed);
  }
  ERR_clear_error();
  output.clear();
  errno = 0;
  int result = SSL_do_handshake(ssl_.get());
  int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
  if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ) fail(error);
  int64_t sent = put_out();
  if (failed_) return Step::kFailed;
  if (sent < 0) return fail_with(sent);
  if (error == SSL_ERROR_NONE && !established_) {
    established_ = true;
    profiles_ = context_->met_by(ssl_.get(), accepted_);
    context_.reset();
  }
  if (unsent() > 0) return Step::kWantsWrite;
  return established_ ? Step::kDone : Step::kWantsRead;
}

int64_t TlsSession::receive(void* to, size_t length) {
  if (failed_) return -EPROTO;
  auto* at = static_cast<unsigned char*>(to);
  size_t got = 0;
  int error = SSL_ERROR_NONE;
  ERR_clear_error();
  output.clear();
  while (got < length) {
    size_t n = 0;
    errno = 0;
    if (SSL_read_ex(ssl_.get(), at + got, length - got, &n) == 1) {
      got += n;
      continue;
    }
    error = SSL_get_error(ssl_.get(), 0);
    break;
  }
  // Answers to messages of the protocol itself.
  if (!output.empty()) put_out();
  switch (error) {
    case SSL_ERROR_NONE:
    case SSL_ERROR_ZERO_RETURN:
      return static_cast<int64_t>(got);
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return got > 0 ? static_cast<int64_t>(got) : -EAGAIN;
    default:
      fail(error);
      if (got == 0) return -EPROTO;
      // Whoever reads comes back for the error only if the socket is readable.
      ::shutdown(fd_, SHUT_RD);
      return static_cast<int64_t>(got);
  }
}

int64_t TlsSession::send(const double* pieces, size_t count) {
  if (failed_) return -EPROTO;
  int64_t flushed = flush();
  if (flushed < 0) return flushed;
  PlainText text(pieces, count, record_left_);
  int64_t total = 0;
  ERR_clear_error();
  output.clear();
  while (!text.at_end() && unsent() == 0) {
    const unsigned char* at = nullptr;
    int64_t length = text.next(at);
    if (length < 0) return length;
    if (length == 0) break;
    size_t written = 0;
    if (SSL_write_ex(ssl_.get(), at, static_cast<size_t>(length), &written) != 1 ||
        written != static_cast<size_t>(length)) {
      fail(SSL_get_error(ssl_.get(), 0));
      return -EPROTO;
    }
    total += length;
    if (output.size() < kOutput) continue;
    int64_t sent = put_out();
    if (sent < 0) return sent;
  }
  int64_t sent = put_out();
  return sent < 0 ? sent : total;
}

int64_t TlsSession::flush() {
  while (unsent() > 0) {
    ssize_t n = retry([&] { return ::send(fd_, unsent_.data() + unsent_at_, unsent(), MSG_DONTWAIT | MSG_NOSIGNAL); });
    if (n < 0) return n;
    unsent_at_ += static_cast<size_t>(n);
  }
  if (!unsent_.empty()) std::string().swap(unsent_);
  unsent_at_ = 0;
  return 0;
}

// Sends the thread's output, and keeps what the socket does not take. Returns 0 or -errno.
int64_t TlsSession::put_out() {
  size_t at = 0;
  int64_t result = 0;
  while (at < output.size() && unsent() == 0) {
    ssize_t n = retry([&] { return ::send(fd_, output.data() + at, output.size() - at, MSG_DONTWAIT | MSG_NOSIGNAL); });
    if (n == -EAGAIN) break;
    if (n < 0) {
      result = n;
      at = output.size();
      break;
    }
    at += static_cast<size_t>(n);
  }
  if (at < output.size()) unsent_.append(output, at);
  output.clear();
  return result;
}

std::string TlsSession::peer_name() const {
  Owned<X509> certificate(SSL_get1_peer_certificate(ssl_.get()));
  if (!certificate) return {};
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* text = nullptr;
  int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (length < 0) return {};
  std::string name(reinterpret_cast<char*>(text), static_cast<size_t>(length));
  OPENSSL_free(text);
  return name;
}

}  // namespace brickd
