// SPDX-License-Identifier: MIT
#include "benchmarks/server.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

namespace bench {

namespace {

constexpr core::seconds start_limit{30};
constexpr core::seconds end_limit{30};

class livetape_server : public server {
public:
  livetape_server(child x, std::string url) : process_{std::move(x)}, url_{std::move(url)} {}
  std::string name() const override { return "livetape"; }
  pid_t pid() const override { return process_.pid(); }
  std::string url() const override { return url_; }
  core::result<void> end() override {
    auto status = process_.end(end_limit);
    if (!status)
      return status.error();
    if (*status != 0)
      return core::failure{core::errc::internal,
                           "livetape ended with status " + std::to_string(*status)};
    return {};
  }

private:
  child process_;
  std::string url_;
};

} // namespace

core::result<std::unique_ptr<server>> start_livetape(const server_options& x) {
  // The default configuration, but for what is recorded, and free ports.
  nlohmann::json formats = nlohmann::json::object();
  for (const auto format : x.formats) {
    auto& policy = formats[to_string(format)] = nlohmann::json::object();
    if (!x.fragment.empty())
      policy["fragment"] = x.fragment;
  }
  nlohmann::json config{
      {"node", {{"data_dir", x.folder + "/data"}, {"name", "bench"}}},
      {"log", {{"level", "warning"}}},
      {"http", {{"listen", "127.0.0.1:0"}}},
      {"ingest", {{"rtmp", {{"listen", "127.0.0.1:0"}}}}},
      {"recording", {{"formats", formats}, {"enabled", !x.formats.empty()}}},
  };
  if (x.formats.empty())
    config["recording"].erase("formats");
  if (!x.notify.empty())
    config["notify"]["endpoints"]
        = {{{"name", "bench"}, {"url", x.notify}, {"key", "benchmark-key"}, {"events", {"file"}}}};
  const auto path = x.folder + "/livetape.json";
  std::ofstream{path} << config.dump(2) << '\n';
  const auto program = x.livetape.empty() ? own_folder() + "/livetape" : x.livetape;
  auto started = child::start({program, "run", "--config", path}, x.folder + "/livetape.log");
  if (!started)
    return started.error();
  constexpr std::string_view key = "ready rtmp=";
  auto ready = started->line(start_limit);
  // It says first what it will do.
  while (ready && ready->find(key) == std::string::npos)
    ready = started->line(start_limit);
  const auto at = ready ? ready->find(key) : std::string::npos;
  if (at == std::string::npos) {
    std::ifstream log{x.folder + "/livetape.log"};
    return core::failure{
        core::errc::internal,
        program + " did not start: " + std::string{std::istreambuf_iterator<char>{log}, {}}};
  }
  const auto begin = at + key.size();
  const auto address = ready->substr(begin, ready->find(' ', begin) - begin);
  return std::unique_ptr<server>{
      new livetape_server{*std::move(started), "rtmp://" + address + "/bench/s-{}"}};
}

} // namespace bench
