// A TLS context of the brick port: certificates, CAs and parameters, built from the contents of their files.
// Connections hold a reference; renewed files make a new context.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace brickd {

// TLS as one brick wants it. Texts are contents of files in PEM.
struct TlsProfile {
  std::string certificate;
  std::string key;
  std::string authorities;
  // Further authorities and revocation lists; where revocation is asked for, every authority of a chain needs a list.
  std::vector<std::string> revocation;
  bool checks_revocation = false;
  // Authorities between the certificate of a client and the root.
  int depth = 1;
  std::string ciphers;
  // Empty: no key exchange by finite fields.
  std::string dh_parameters;
  std::string curve;
};

// Profiles that a context can tell apart.
constexpr size_t kMostProfiles = 32;

struct Free {
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(X509_STORE* p) const { X509_STORE_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_CRL* p) const { X509_CRL_free(p); }
  void operator()(X509_STORE_CTX* p) const { X509_STORE_CTX_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(BIO* p) const { BIO_free(p); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

class TlsContext {
 public:
  // All that the bricks of the process want, at least one profile and at most kMostProfiles. The first one's
  // certificate is shown. Key material of connections is appended to `key_log` if that is a descriptor. Null if that
  // can't be: `problem` says why. `notes` gets what is wrong but does no harm.
  static std::shared_ptr<TlsContext> create(const std::vector<TlsProfile>& profiles, int key_log, std::string& problem,
                                            std::vector<std::string>& notes);

  SSL* connection() const { return SSL_new(context_.get()); }

  // The profiles that a connection meets after its handshake, as bits: those that have accepted the certificate of the
  // client, and have the cipher in their lists.
  uint32_t met_by(SSL* ssl, uint32_t accepted) const;

 private:
  // How the certificates of clients are judged, and with which ciphers.
  struct Rules {
    Owned<X509_STORE> authorities;
    int depth = 1;
    bool checks_revocation = false;
    std::set<uint32_t> ciphers;
  };

  bool add_rules(const TlsProfile& profile, std::string& problem);
  bool set_parameters(const std::vector<TlsProfile>& profiles, std::string& problem, std::vector<std::string>& notes);
  static int verify(X509_STORE_CTX* given, void* self);
  static int judge(const Rules& rules, X509_STORE_CTX* given);

  Owned<SSL_CTX> context_;
  std::vector<Rules> rules_;
};

// The oldest error that OpenSSL has noted on this thread, as text; clears the errors.
std::string take_tls_error();

}  // namespace brickd
