// Builds OpenSSL contexts from the contents of certificate files, and verifies clients' certificates.
#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <atomic>

#include "net/tls_session.h"

namespace brickd {

namespace {

// Of OpenSSL, as Debian has it for all programs: keys of at least 112 bits of security.
constexpr int kSecurityLevel = 2;
// Lifetime of a session that may be resumed: a certificate that runs out meanwhile lives no longer than that.
constexpr long kSessionSeconds = 300;
// Ciphertext is received in pieces of several records.
constexpr size_t kReadAhead = 64 * 1024;

// Descriptor that key material is appended to; below zero: none. One per process.
std::atomic<int> key_log_descriptor{-1};

Owned<BIO> reader(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// No terminal is asked for the password of an encrypted key.
int no_password(char*, int, int, void*) { return 0; }

void log_key(const SSL*, const char* line) {
  int fd = key_log_descriptor.load();
  if (fd < 0) return;
  std::string text = std::string(line) + "\n";
  if (::write(fd, text.data(), text.size()) < 0) key_log_descriptor = -1;
}

// Adds the certificates and revocation lists of a PEM text. Returns how many.
int add_all(X509_STORE* store, const std::string& text) {
  Owned<BIO> from = reader(text);
  STACK_OF(X509_INFO)* found = PEM_X509_INFO_read_bio(from.get(), nullptr, no_password, nullptr);
  if (found == nullptr) return 0;
  int count = 0;
  for (int i = 0; i < sk_X509_INFO_num(found); i++) {
    X509_INFO* info = sk_X509_INFO_value(found, i);
    if (info->x509 != nullptr && X509_STORE_add_cert(store, info->x509) == 1) count++;
    if (info->crl != nullptr && X509_STORE_add_crl(store, info->crl) == 1) count++;
  }
  sk_X509_INFO_pop_free(found, X509_INFO_free);
  return count;
}

// The certificate itself and those that are sent with it.
bool show_certificate(SSL_CTX* context, const std::string& text) {
  Owned<BIO> from = reader(text);
  Owned<X509> own(PEM_read_bio_X509_AUX(from.get(), nullptr, no_password, nullptr));
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) return false;
  for (;;) {
    Owned<X509> above(PEM_read_bio_X509(from.get(), nullptr, no_password, nullptr));
    if (!above) break;
    if (SSL_CTX_add1_chain_cert(context, above.get()) != 1) return false;
  }
  // The end of the text is the only error that is none.
  bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (at_end) ERR_clear_error();
  return at_end;
}

SSL_TICKET_RETURN take_ticket(SSL* ssl, SSL_SESSION*, const unsigned char*, size_t, SSL_TICKET_STATUS status, void*) {
  // A session of TLS 1.2 names its client without a new proof of the certificate's key.
  if (SSL_version(ssl) < TLS1_3_VERSION) return SSL_TICKET_RETURN_IGNORE_RENEW;
  switch (status) {
    case SSL_TICKET_SUCCESS:
      return SSL_TICKET_RETURN_USE;
    case SSL_TICKET_SUCCESS_RENEW:
      return SSL_TICKET_RETURN_USE_RENEW;
    case SSL_TICKET_FATAL_ERR_MALLOC:
    case SSL_TICKET_FATAL_ERR_OTHER:
      return SSL_TICKET_RETURN_ABORT;
    default:
      return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
}

Owned<SSL_CTX> new_context() {
  Owned<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  if (!context) return context;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_security_level(context.get(), kSecurityLevel);
  return context;
}

}  // namespace

std::string take_tls_error() {
  unsigned long code = ERR_get_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "unknown error" : reason;
}

std::shared_ptr<TlsContext> TlsContext::create(const std::vector<TlsProfile>& profiles, int key_log,
                                               std::string& problem, std::vector<std::string>& notes) {
  ERR_clear_error();
  if (key_log >= 0) key_log_descriptor = key_log;
  auto made = std::make_shared<TlsContext>();
  made->context_ = new_context();
  if (!made->context_) {
    problem = take_tls_error();
    return nullptr;
  }
  for (const TlsProfile& profile : profiles) {
    if (!made->add_rules(profile, problem)) return nullptr;
  }
  if (!made->set_parameters(profiles, problem, notes)) return nullptr;
  return made;
}

bool TlsContext::add_rules(const TlsProfile& profile, std::string& problem) {
  Rules rules;
  rules.depth = profile.depth;
  rules.checks_revocation = profile.checks_revocation;
  rules.authorities.reset(X509_STORE_new());
  if (!rules.authorities || add_all(rules.authorities.get(), profile.authorities) == 0) {
    ERR_clear_error();
    problem = "could not load the list of authorities: it has no certificate";
    return false;
  }
  for (const std::string& text : profile.revocation) add_all(rules.authorities.get(), text);
  ERR_clear_error();
  Owned<SSL_CTX> lister = new_context();
  if (!lister || SSL_CTX_set_cipher_list(lister.get(), profile.ciphers.c_str()) != 1) {
    problem = "failed to find any valid ciphers in '" + profile.ciphers + "': " + take_tls_error();
    return false;
  }
  STACK_OF(SSL_CIPHER)* listed = SSL_CTX_get_ciphers(lister.get());
  for (int i = 0; i < sk_SSL_CIPHER_num(listed); i++) {
    rules.ciphers.insert(SSL_CIPHER_get_id(sk_SSL_CIPHER_value(listed, i)));
  }
  rules_.push_back(std::move(rules));
  return true;
}

bool TlsContext::set_parameters(const std::vector<TlsProfile>& profiles, std::string& problem,
                                std::vector<std::string>& notes) {
  SSL_CTX* c = context_.get();
  const TlsProfile& shown = profiles.front();
  SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                             SSL_OP_SINGLE_DH_USE | SSL_OP_SINGLE_ECDH_USE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(c, 1);
  SSL_CTX_set_default_read_buffer_len(c, kReadAhead);
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(c, verify, this);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  // A resumed session tells which profiles its certificate was accepted by only where there is but one.
  bool resumes = profiles.size() == 1;
  SSL_CTX_set_num_tickets(c, resumes ? 1 : 0);
  if (!resumes) SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
  SSL_CTX_set_session_ticket_cb(c, nullptr, take_ticket, nullptr);
  SSL_CTX_set_timeout(c, kSessionSeconds);
  static const unsigned char kName[] = "brickd";
  SSL_CTX_set_session_id_context(c, kName, sizeof(kName) - 1);
  if (key_log_descriptor >= 0) SSL_CTX_set_keylog_callback(c, log_key);

  std::string ciphers;
  for (const TlsProfile& profile : profiles) {
    if (ciphers.find(profile.ciphers) == std::string::npos) ciphers += (ciphers.empty() ? "" : ":") + profile.ciphers;
  }
  if (!shown.dh_parameters.empty()) {
    Owned<BIO> from = reader(shown.dh_parameters);
    Owned<EVP_PKEY> parameters(PEM_read_bio_Parameters(from.get(), nullptr));
    if (parameters && SSL_CTX_set0_tmp_dh_pkey(c, parameters.get()) == 1) {
      parameters.release();
    } else {
      notes.push_back("the DH parameters are not usable (" + take_tls_error() + "): DH ciphers are disabled");
    }
  }
  if (SSL_CTX_set1_groups_list(c, shown.curve.c_str()) != 1) {
    ERR_clear_error();
    notes.push_back("EC curve '" + shown.curve + "' is unknown: any is taken");
  }
  if (SSL_CTX_set_cipher_list(c, ciphers.c_str()) != 1) {
    problem = "failed to find any valid ciphers in '" + ciphers + "': " + take_tls_error();
    return false;
  }
  if (!show_certificate(c, shown.certificate)) {
    problem = "could not load our certificate: " + take_tls_error();
    return false;
  }
  Owned<BIO> from = reader(shown.key);
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(from.get(), nullptr, no_password, nullptr));
  if (!key || SSL_CTX_use_PrivateKey(c, key.get()) != 1) {
    problem = "could not load the private key: " + take_tls_error();
    return false;
  }
  return true;
}

// X509_V_OK, or why a profile does not accept the chain that a client has sent.
int TlsContext::judge(const Rules& rules, X509_STORE_CTX* given) {
  Owned<X509_STORE_CTX> own(X509_STORE_CTX_new());
  if (!own || X509_STORE_CTX_init(own.get(), rules.authorities.get(), X509_STORE_CTX_get0_cert(given),
                                  X509_STORE_CTX_get0_untrusted(given)) != 1) {
    return X509_V_ERR_OUT_OF_MEM;
  }
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(own.get());
  // Both sides of a cluster show the same certificate: what it may be used for is no matter.
  X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
  X509_VERIFY_PARAM_set_depth(param, rules.depth);
  X509_VERIFY_PARAM_set_auth_level(param, kSecurityLevel);
  if (rules.checks_revocation) X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  if (X509_verify_cert(own.get()) == 1) return X509_V_OK;
  int error = X509_STORE_CTX_get_error(own.get());
  return error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error;
}

int TlsContext::verify(X509_STORE_CTX* given, void* self) {
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(given, SSL_get_ex_data_X509_STORE_CTX_idx()));
  uint32_t accepted = 0;
  int error = X509_V_ERR_UNSPECIFIED;
  const auto& rules = static_cast<const TlsContext*>(self)->rules_;
  for (size_t i = 0; i < rules.size(); i++) {
    int verdict = judge(rules[i], given);
    if (verdict == X509_V_OK) {
      accepted |= uint32_t{1} << i;
    } else {
      error = verdict;
    }
  }
  ERR_clear_error();
  X509_STORE_CTX_set_error(given, accepted != 0 ? X509_V_OK : error);
  note_certificate_judged(ssl, accepted);
  return accepted != 0 ? 1 : 0;
}

uint32_t TlsContext::met_by(SSL* ssl, uint32_t accepted) const {
  if (SSL_session_reused(ssl) != 0 && rules_.size() == 1 && SSL_get_verify_result(ssl) == X509_V_OK) accepted = 1;
  if (SSL_version(ssl) >= TLS1_3_VERSION) return accepted;
  uint32_t id = SSL_CIPHER_get_id(SSL_get_current_cipher(ssl));
  for (size_t i = 0; i < rules_.size(); i++) {
    if (rules_[i].ciphers.count(id) == 0) accepted &= ~(uint32_t{1} << i);
  }
  return accepted;
}

}  // namespace brickd
