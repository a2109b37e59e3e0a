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

// A room hears of the end of a publish after the session has gone on.
constexpr core::seconds echo_limit{2};
constexpr core::millis echo_pause{100};

/// The other end of a publish's life: whoever holds it may end the publish, and may outlive it.
class remote_publisher : public core::publisher {
public:
  remote_publisher(std::weak_ptr<session> x, std::uint64_t question, asio::io_context& context)
      : session_{std::move(x)}, question_{question}, context_{context} {}

  void drop(core::end_reason why, const std::string& what) override {
    // The session keeps its loop, so the context lives as long as `alive`.
    if (const auto alive = session_.lock())
      asio::post(context_, [session = session_, question = question_, why, what] {
        if (const auto x = session.lock())
          x->drop(question, why, what);
      });
  }

private:
  std::weak_ptr<session> session_;
  std::uint64_t question_;
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
  if (auto good = check_params(target.params); !good)
    return refuse(good.error());
  // Those that run need all there is.
  if (loop_->is_exhausted())
    return refuse({core::errc::too_many,
                   "the processor is exhausted: publishers are read too late for seconds now"});
  request_ = {};
  request_.key = *key;
  request_.params = target.params;
  request_.protocol = "rtmp";
  request_.address = address_;
  request_.agent = target.agent;
  request_.domain = target.domain;
  send_request();
}

void session::send_request() {
  auto x = request_;
  const auto question = ++question_;
  doomed_.reset();
  x.session = std::make_shared<remote_publisher>(weak_from_this(), question, loop_->context());
  loop_->control.publish(std::move(x),
                         [weak = weak_from_this(), question](core::result<core::admission> y) {
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
    return is_own_echo(x.error()) ? ask_again() : refuse(x.error());
  ended_ = std::nullopt;
  trimmed_ = 0;
  has_complained_ = false;
  input_ = std::exchange(x->input, nullptr);
  phase_ = phase::publishing;
  since_ = last_bytes_ = rate_since_ = loop_->clock.steady();
  rate_bytes_ = 0;
  set_mark(burst_mark);
  const bool is_open = carry_out(protocol_.accept_publish(), since_);
  if (const auto end = std::exchange(doomed_, {}))
    drop(question, end->why, end->what);
  if (is_open && phase_ != phase::closing && phase_ != phase::closed)
    read();
}

/// The stream is taken by this connection's own publish before, whose end is not yet heard.
bool session::is_own_echo(const core::failure& why) const {
  return why.code == core::errc::already_exists && ended_ == request_.key
         && since_ - ended_at_ < echo_limit && loop_->clock.steady() - since_ < echo_limit;
}

void session::ask_again() {
  ask_again_.expires_after(echo_pause);
  ask_again_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self && self->phase_ == phase::asked)
      self->send_request();
  });
}

/// The first damage is told at once, because the publish may last for days.
void session::look_at_losses() {
  if (!input_)
    return;
  const auto& lost = protocol_.lost();
  if (lost.trimmed > trimmed_)
    core::metrics::all().repairs.add({"nal"}, static_cast<double>(lost.trimmed - trimmed_));
  trimmed_ = lost.trimmed;
  if (lost.damaged + lost.trimmed == 0 || std::exchange(has_complained_, true))
    return;
  complain(lost.trimmed > 0
               ? "a video frame is damaged; what stands behind its last NAL unit is not recorded"
               : "a frame is damaged and not recorded");
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
  ended_ = request_.key;
  ended_at_ = loop_->clock.steady();
  const auto& lost = protocol_.lost();
  if (lost.before_header + lost.damaged + lost.trimmed > 0)
    complain(std::to_string(lost.before_header) + " frames came before their sequence header and "
             + std::to_string(lost.damaged) + " were damaged; they are not recorded; "
             + std::to_string(lost.trimmed) + " lost the bytes behind their last NAL unit");
  input->end(how);
}

void session::drop(std::uint64_t question, core::end_reason why, const std::string& what) {
  if (question != question_)
    return;
  if (phase_ == phase::asked)
    doomed_ = core::publish_end{why, 21, what};
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
