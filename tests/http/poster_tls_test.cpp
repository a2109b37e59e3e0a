// SPDX-License-Identifier: MIT
#include "io/http/poster.hpp"
#include "tests/http/posting.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>
#include <filesystem>
#include <openssl/ssl.h>

using io::http::poster;
using tests::post_once;
using tests::raw_server;

namespace {

/// A CA of our own and two certificates by it, made with the openssl command line.
class authority {
public:
  authority() {
    std::string name = (std::filesystem::temp_directory_path() / "livetape-tls-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test-ca "
        "-addext basicConstraints=critical,CA:TRUE -keyout ca.key -out ca.pem");
    make("good", "IP:127.0.0.1,DNS:localhost");
    make("other", "DNS:other.example.com");
  }
  ~authority() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  authority(const authority&) = delete;
  authority& operator=(const authority&) = delete;

  std::string file(const std::string& name) const { return (folder_ / name).string(); }

private:
  void make(const std::string& name, const std::string& names) {
    run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" + name
        + " -addext subjectAltName=" + names
        + " -addext basicConstraints=CA:FALSE -CA ca.pem -CAkey ca.key -keyout " + name
        + ".key -out " + name + ".pem");
  }
  void run(const std::string& what) {
    auto line = "cd '" + folder_.string() + "' && openssl " + what + " >openssl.log 2>&1";
    REQUIRE(std::system(line.c_str()) == 0);
  }
  std::filesystem::path folder_;
};

/// An HTTPS receiver that answers 200; `most` is the newest TLS version that it speaks.
class tls_receiver {
public:
  tls_receiver(const authority& by, const std::string& name, int most = TLS1_3_VERSION)
      : context_{SSL_CTX_new(TLS_server_method())}, server_{[this](int fd) { serve(fd); }} {
    SSL_CTX_use_certificate_file(context_, by.file(name + ".pem").c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context_, by.file(name + ".key").c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_set_max_proto_version(context_, most);
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_security_level(context_, 0);
  }
  ~tls_receiver() { SSL_CTX_free(context_); }
  tls_receiver(const tls_receiver&) = delete;
  tls_receiver& operator=(const tls_receiver&) = delete;

  std::string url(const std::string& host) const {
    return "https://" + host + ":" + std::to_string(server_.port()) + "/callback";
  }
  int requests() const { return requests_; }

private:
  void serve(int fd) {
    SSL* tls = SSL_new(context_);
    SSL_set_fd(tls, fd);
    if (SSL_accept(tls) == 1) {
      char piece[8192];
      int n = SSL_read(tls, piece, sizeof piece);
      if (n > 0) {
        ++requests_;
        static const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsafe";
        SSL_write(tls, answer.data(), static_cast<int>(answer.size()));
      }
    }
    SSL_free(tls);
  }
  SSL_CTX* context_;
  std::atomic<int> requests_{0};
  raw_server server_; // ends before the context
};

poster::options trusting(const std::string& ca) {
  return {.version = "0.1.0", .ca_file = ca, .at_once = 64, .waiting = 64};
}

} // namespace

TEST_CASE("https is posted to whom the certificate names and the CA vouches for") {
  authority ca;
  tls_receiver good{ca, "good"};
  tls_receiver other{ca, "other"};
  tls_receiver old{ca, "good", TLS1_1_VERSION};

  poster p{trusting(ca.file("ca.pem"))};
  auto x = post_once(p, good.url("127.0.0.1"), "{}");
  INFO((x ? std::string{} : x.error().what));
  REQUIRE(x);
  CHECK(x->status == 200);
  CHECK(x->body == "safe");
  auto by_name = post_once(p, good.url("localhost"), "{}");
  CHECK(by_name);

  auto wrong_name = post_once(p, other.url("127.0.0.1"), "{}");
  REQUIRE_FALSE(wrong_name);
  CHECK(wrong_name.error().code == core::errc::endpoint_failed);
  CHECK(wrong_name.error().what.starts_with("TLS: "));
  CHECK(other.requests() == 0);

  CHECK_FALSE(post_once(p, old.url("127.0.0.1"), "{}"));
  CHECK(old.requests() == 0);

  poster stranger{trusting("")};
  auto unknown_ca = post_once(stranger, good.url("127.0.0.1"), "{}");
  REQUIRE_FALSE(unknown_ca);
  CHECK(unknown_ca.error().code == core::errc::endpoint_failed);
  CHECK(good.requests() == 2);

  poster lost{trusting("/no/such/file.pem")};
  auto no_ca = post_once(lost, good.url("127.0.0.1"), "{}");
  REQUIRE_FALSE(no_ca);
  CHECK(no_ca.error().what.find("/no/such/file.pem") != std::string::npos);
}
