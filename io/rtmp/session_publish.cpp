// SPDX-License-Identifier: MIT
#include "core/log.hpp"
#include "core/metrics.hpp"
#include "io/rtmp/session.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

/// How a session asks whether it may publish, and how its publish ends.
namespace io::rtmp {

namespace asio = boost::asio;

namespace {

/// The other end of a publish's life: whoever holds it may end the publish, and may outlive it.
class remote_publisher : public core::publisher {
public:
  explicit remote_publisher(std::weak_ptr<session> x, asio::io_context& context)
      : session_{std::move(x)}, context_{context} {}

  void drop(core::end_reason why, const std::string& what) override {
    // The session keeps its loop, so the context lives as long as `alive`.
    if (const auto alive = session_.lock())
      asio::post(context_, [session = session_, why, what] {
        if (const auto x = session.lock())
          x->drop(why, what);
      });
  }

private:
  std::weak_ptr<session> session_;
  asio::io_context& context_;
};

/// An admission on its way to its session. When the session is gone by then, the publish ends.
struct claim {
  explicit claim(core::result<core::admission> x) : answer{std::move(x)} {}
  claim(const claim&) = delete;
  claim& operator=(const claim&) = delete;
  ~claim() {
    if (answer && answer->input)
      answer->input->end(
          {core::end_reason::interrupted, 3, "the client left before its publish was accepted"});
  }
  core::result<core::admission> answer;
};

/// What a stranger sent, fit for a log.
std::string printable(std::string x) {
  x.resize(std::min<std::size_t>(x.size(), 250));
  std::replace_if(
      x.begin(), x.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return x;
}

std::string_view status_code(core::errc x) {
  return x == core::errc::unauthorized || x == core::errc::forbidden
             ? "NetStream.Publish.Unauthorized"
             : "NetStream.Publish.BadName";
}

} // namespace

void session::ask(const push_target& target) {
  phase_ = phase::asked;
  since_ = loop_->clock.steady();
  subject_ = printable(target.app + "/" + target.stream);
  auto key = core::to_stream_key(target.app, target.stream);
  if (!key)
    return refuse(key.error());
  subject_ = key->text();
  core::publish_request x;
  x.key = *key;
  x.params = target.params;
  x.protocol = "rtmp";
  x.address = address_;
  x.agent = target.agent;
  x.domain = target.domain;
  x.session = std::make_shared<remote_publisher>(weak_from_this(), loop_->context());
  loop_->control.publish(std::move(x), [weak = weak_from_this(),
                                        question = ++question_](core::result<core::admission> y) {
    auto held = std::make_shared<claim>(std::move(y));
    if (const auto alive = weak.lock())
      asio::post(alive->loop_->context(), [weak, question, held] {
        if (const auto self = weak.lock())
          self->answer(question, held->answer);
      });
  });
}

/// Takes the media input out of `x`; one that is left there is ended by its claim.
void session::answer(std::uint64_t question, core::result<core::admission>& x) {
  if (phase_ != phase::asked || question != question_)
    return;
  if (!x)
    return refuse(x.error());
  input_ = std::exchange(x->input, nullptr);
  phase_ = phase::publishing;
  since_ = last_bytes_ = rate_since_ = loop_->clock.steady();
  rate_bytes_ = 0;
  set_mark(burst_mark);
  if (carry_out(protocol_.accept_publish(), since_))
    read();
}

void session::refuse(const core::failure& why) {
  complain("refused publish from " + address_ + ": " + why.what);
  core::metrics::all().refused.add({"rtmp", core::to_string(why.code)});
  protocol_.refuse_publish(status_code(why.code), why.what);
  begin_closing();
}

void session::end_publish(const core::publish_end& how) {
  const auto input = std::exchange(input_, nullptr);
  if (!input)
    return;
  const auto& lost = protocol_.lost();
  if (lost.before_header + lost.damaged > 0)
    complain(std::to_string(lost.before_header) + " frames came before their sequence header and "
             + std::to_string(lost.damaged) + " were damaged; they are not recorded");
  input->end(how);
}

void session::drop(core::end_reason why, const std::string& what) {
  // What was received counts.
  if (phase_ == phase::publishing)
    read();
  if (phase_ != phase::publishing)
    return;
  protocol_.drop(what);
  end_publish({why, 21, what});
  begin_closing();
}

} // namespace io::rtmp
