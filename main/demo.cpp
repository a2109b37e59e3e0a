// SPDX-License-Identifier: MIT
#include "main/demo.hpp"

#include "pipelines/demo_source.hpp"

#include <condition_variable>
#include <cstdio>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

namespace demo {
namespace {

using namespace std::chrono_literals;

/// Not an address: nothing can be posted there.
constexpr auto terminal = "terminal:";

constexpr core::seconds length{20};
constexpr core::seconds cut_after{10};
constexpr core::seconds admission_limit{10};

const core::stream_key bars{"demo", "bars"};

class printing_poster : public core::http_poster {
public:
  explicit printing_poster(core::http_poster& other) : other_{other} {}

  void post(const std::string& url, std::string body, core::millis limit, answered then) override {
    if (url != terminal)
      return other_.post(url, std::move(body), limit, std::move(then));
    auto event = nlohmann::json::parse(body, nullptr, false);
    std::printf("announced: %s\n", body.c_str());
    if (event.is_object() && event.contains("video_url") && event["video_url"].is_string())
      std::printf("play it:   ffplay '%s'\n", event["video_url"].get<std::string>().c_str());
    std::fflush(stdout);
    then(core::http_answer{200, {}});
  }

private:
  core::http_poster& other_;
};

/// The demo's publisher may be ended like any other.
class bars_publisher : public core::publisher {
public:
  void drop(core::end_reason, const std::string&) override {
    std::lock_guard guard{mutex_};
    dropped_ = true;
    changed_.notify_all();
  }
  /// True when it was dropped before the time was over.
  bool wait(core::seconds x) {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, x, [this] { return dropped_; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool dropped_ = false;
};

class running : public session {
public:
  running(core::control& control, std::string public_url, std::string push_url,
          std::shared_ptr<bars_publisher> publisher, std::unique_ptr<pipelines::demo_source> source)
      : control_{control}, public_url_{std::move(public_url)}, push_url_{std::move(push_url)},
        publisher_{std::move(publisher)}, source_{std::move(source)}, thread_{[this] { play(); }} {}

  ~running() override {
    publisher_->drop(core::end_reason::shutdown, "the server is ending");
    thread_.join();
  }

private:
  void play() {
    if (!publisher_->wait(cut_after)) {
      control_.cut(bars, [](auto) {});
      if (!publisher_->wait(length - cut_after + 2s))
        std::printf("\nThe demo is over; the server goes on. Try next:\n"
                    "  curl '%s/api/v1/files?stream=demo/bars'\n"
                    "  ffmpeg -re -f lavfi -i testsrc=size=640x360:rate=25 -c:v libx264 -g 50 "
                    "-f flv %s/live/a\n"
                    "Ctrl-C ends it.\n",
                    public_url_.c_str(), push_url_.c_str());
      std::fflush(stdout);
    }
    source_.reset(); // Ends the publish when it was dropped early.
  }

  core::control& control_;
  std::string public_url_;
  std::string push_url_;
  std::shared_ptr<bars_publisher> publisher_;
  std::unique_ptr<pipelines::demo_source> source_;
  std::thread thread_;
};

} // namespace

core::endpoint endpoint() {
  core::endpoint x;
  x.name = "terminal";
  x.url = terminal;
  x.keys = {"demo"};
  x.events = {1, 0, 100};
  return x;
}

std::unique_ptr<core::http_poster> printing(core::http_poster& other) {
  return std::make_unique<printing_poster>(other);
}

core::result<std::unique_ptr<session>> start(core::control& control, const push_params& params,
                                             const std::string& public_url,
                                             const std::string& push_url) {
  auto publisher = std::make_shared<bars_publisher>();
  core::publish_request request;
  request.key = bars;
  request.params = params(bars);
  request.protocol = "demo";
  request.address = "this process";
  request.agent = "test picture";
  request.domain = "localhost";
  request.session = publisher;
  auto answer = std::make_shared<std::promise<core::result<core::admission>>>();
  auto admitted = answer->get_future();
  control.publish(request, [answer](auto x) { answer->set_value(std::move(x)); });
  if (admitted.wait_for(admission_limit) != std::future_status::ready)
    return core::failure{core::errc::timed_out, "the demo was not admitted in time"};
  auto admission = admitted.get();
  if (!admission)
    return admission.error();
  pipelines::demo_source::options options;
  options.length = length;
  auto source = pipelines::demo_source::start(admission->input, options);
  if (!source)
    return source.error();
  return std::unique_ptr<session>{
      new running{control, public_url, push_url, publisher, std::move(*source)}};
}

} // namespace demo
