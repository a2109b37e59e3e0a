// SPDX-License-Identifier: MIT
#include "benchmarks/server.hpp"
#include "benchmarks/waiting.hpp"

#include <arpa/inet.h>
#include <filesystem>
#include <fstream>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

namespace {

constexpr core::seconds start_limit{10};
constexpr core::seconds end_limit{10};
constexpr auto module_path = "/usr/lib/nginx/modules/ngx_rtmp_module.so"; // Debian's

class nginx_server : public server {
public:
  nginx_server(child x, std::uint16_t port) : process_{std::move(x)}, port_{port} {}
  std::string name() const override { return "nginx-rtmp"; }
  pid_t pid() const override { return process_.pid(); }
  std::string url() const override {
    return "rtmp://127.0.0.1:" + std::to_string(port_) + "/bench/s-{}";
  }
  core::result<void> end() override {
    auto status = process_.end(end_limit);
    return status ? core::result<void>{} : status.error();
  }

private:
  child process_;
  std::uint16_t port_;
};

int connect_to(std::uint16_t port, bool bind_only) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(port);
  auto* address = reinterpret_cast<sockaddr*>(&to);
  if ((bind_only ? ::bind(fd, address, sizeof to) : ::connect(fd, address, sizeof to)) == 0)
    return fd;
  ::close(fd);
  return -1;
}

std::uint16_t free_port() {
  const int fd = connect_to(0, true);
  sockaddr_in got{};
  socklen_t size = sizeof got;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&got), &size);
  ::close(fd);
  return ntohs(got.sin_port);
}

/// Two workers, because livetape may use both cores too; everything else is nginx's default. It
/// keeps what it wrote, so that it can be checked.
std::string configuration(const server_options& x, std::uint16_t port) {
  std::string out = std::string{"load_module "} + module_path
                    + ";\nuser root;\nworker_processes 2;\n" + "daemon off;\npid " + x.folder
                    + "/nginx.pid;\nerror_log " + x.folder
                    + "/nginx.log warn;\nworker_rlimit_nofile 65536;\n"
                    + "events { worker_connections 8192; }\nrtmp {\n  access_log off;\n  server {\n"
                    + "    listen 127.0.0.1:" + std::to_string(port)
                    + ";\n    chunk_size 4096;\n    application bench {\n      live on;\n";
  if (x.formats.count(core::format::flv))
    out += "      record all;\n      record_path " + x.folder + "/files;\n";
  if (x.formats.count(core::format::hls))
    out += "      hls on;\n      hls_path " + x.folder
           + "/files;\n      hls_fragment 6s;\n      hls_playlist_length 1h;\n"
             "      hls_cleanup off;\n";
  return out + "    }\n  }\n}\n";
}

} // namespace

core::result<std::unique_ptr<server>> start_nginx(const server_options& x) {
  if (x.formats.count(core::format::mp4))
    return core::failure{core::errc::bad_request, "nginx-rtmp writes no MP4"};
  if (!std::filesystem::exists(module_path))
    return core::failure{core::errc::not_found, "nginx with its RTMP module is not installed: "
                                                "apt-get install nginx-light libnginx-mod-rtmp"};
  std::error_code ignored;
  std::filesystem::create_directories(x.folder + "/files", ignored);
  const auto port = free_port();
  const auto path = x.folder + "/nginx.conf";
  std::ofstream{path} << configuration(x, port);
  auto started
      = child::start({"nginx", "-c", path, "-e", x.folder + "/nginx.log"}, x.folder + "/nginx.log");
  if (!started)
    return started.error();
  const bool is_there = within(start_limit, [&] {
    const int fd = connect_to(port, false);
    return fd >= 0 && ::close(fd) == 0;
  });
  if (!is_there)
    return core::failure{core::errc::internal, "nginx did not start: see " + x.folder};
  return std::unique_ptr<server>{new nginx_server{*std::move(started), port}};
}

} // namespace bench
