// SPDX-License-Identifier: MIT
#include "io/rtmp/amf.hpp"
#include "io/rtmp/protocol.hpp"

/// What the protocol does with the commands of a client (RTMP 1.0, 7.2).
namespace io::rtmp {

namespace {

constexpr std::uint32_t out_chunk_size = 4096; // no answer is longer
constexpr std::size_t max_streams = 8;         // open at once; encoders make one
constexpr std::size_t max_name = 16 * 1024;    // a name may carry a long query
constexpr std::size_t max_url = 1024;          // only its host is of use, which is at most 253
constexpr std::size_t max_said = 200;          // of what is only shown

core::failure broken(std::string what) { return {core::errc::bad_request, std::move(what)}; }

std::string next_text(amf::reader& x) {
  if (x.at_end())
    return {};
  auto read = x.next();
  const auto* text = read ? read->text() : nullptr;
  return text ? *text : std::string{};
}

} // namespace

core::result<void> protocol::on_command(const message& x, core::byte_view payload) {
  amf::reader arguments{payload};
  auto first = arguments.next();
  if (!first)
    return broken("a command cannot be read: " + first.error().what);
  const auto* name = first->text();
  if (!name)
    return broken("a command has no name");
  double transaction = 0;
  if (!arguments.at_end()) {
    auto second = arguments.next();
    if (!second)
      return broken("a command cannot be read: " + second.error().what);
    if (const auto* number = second->number())
      transaction = *number;
  }
  if (*name == "connect")
    return on_connect(transaction, arguments);
  if (!is_connected_)
    return broken("the first command is not connect");
  if (*name == "publish")
    return on_publish(x, arguments);
  on_call(*name, transaction, x, arguments);
  return {};
}

core::result<void> protocol::on_connect(double transaction, amf::reader& arguments) {
  if (is_connected_)
    return broken("the client connects a second time");
  auto named = arguments.next();
  if (!named)
    return broken("connect cannot be read: " + named.error().what);
  const auto text = [&](std::string_view key) {
    const auto* found = named->find(key);
    const auto* x = found ? found->text() : nullptr;
    return x ? *x : std::string{};
  };
  app_ = text("app");
  url_ = text("tcUrl").substr(0, max_url);
  agent_ = text("flashVer").substr(0, max_said);
  if (app_.size() > max_name)
    return broken("the name of the app is too long");
  const auto* encoding = named->find("objectEncoding");
  const auto* number = encoding ? encoding->number() : nullptr;
  is_connected_ = true;
  answers_.window(own_window);
  answers_.bandwidth(own_window);
  answers_.chunk_size(out_chunk_size);
  answers_.connected(transaction, number && *number == 3 ? 3 : 0);
  return {};
}

core::result<void> protocol::on_publish(const message& x, amf::reader& arguments) {
  if (is_publishing()) {
    answers_.status(x.stream, "error", "NetStream.Publish.BadName",
                    "This connection publishes already");
    return {};
  }
  if (!arguments.at_end())
    (void)arguments.next(); // the command object, always null
  const auto name = next_text(arguments);
  if (name.size() > max_name) {
    turn_away(x.stream, "NetStream.Publish.BadName", "the name of the stream is too long");
    return {};
  }
  publishing_ = x.stream;
  phase_ = phase::asked;
  auto target = to_push_target(app_, name, url_);
  target.agent = agent_;
  events_.push_back(publish_asked{std::move(target)});
  return {};
}

void protocol::on_create_stream(double transaction) {
  if (streams_.size() == max_streams) {
    answers_.failed(transaction, "NetConnection.Call.Failed", "Too many streams");
    return;
  }
  streams_.push_back(++last_stream_);
  answers_.stream_created(transaction, last_stream_);
}

void protocol::on_delete_stream(amf::reader& arguments) {
  auto which = arguments.at_end() ? core::result<amf::value>{amf::value{}} : arguments.next();
  const auto* number = which ? which->number() : nullptr;
  // Without a number it is the one that is published.
  if (number)
    std::erase_if(streams_, [&](std::uint32_t x) { return *number == x; });
  else if (is_publishing())
    std::erase(streams_, publishing_);
  if (is_publishing() && (!number || *number == publishing_))
    leave(1, "the client sent deleteStream");
}

void protocol::on_play(const message& x) {
  constexpr auto code = "NetStream.Play.Failed";
  constexpr auto why = "This server records what is pushed to it; it does not play over RTMP";
  if (is_publishing() && x.stream != publishing_)
    answers_.status(x.stream, "error", code, why);
  else
    turn_away(x.stream, code, why);
}

void protocol::on_call(const std::string& name, double transaction, const message& x,
                       amf::reader& arguments) {
  const auto skip_object = [&] {
    if (!arguments.at_end())
      (void)arguments.next();
  };
  if (name == "createStream") {
    on_create_stream(transaction);
  } else if (name == "releaseStream") {
    answers_.done(transaction);
  } else if (name == "FCPublish") {
    skip_object();
    fc_name_ = next_text(arguments).substr(0, max_said);
    has_fc_ = true;
    answers_.done(transaction);
  } else if (name == "FCUnpublish") {
    // Not the end yet: closeStream or deleteStream follows and says which.
    skip_object();
    answers_.fc_status("onFCUnpublish", "NetStream.Unpublish.Success",
                       next_text(arguments).substr(0, max_said));
    answers_.done(transaction);
  } else if (name == "closeStream") {
    if (is_publishing() && x.stream == publishing_)
      leave(2, "the client sent closeStream");
  } else if (name == "deleteStream") {
    skip_object();
    on_delete_stream(arguments);
  } else if (name == "play" || name == "play2") {
    on_play(x);
  } else if (transaction != 0 && name != "_result" && name != "_error") {
    answers_.failed(transaction, "NetConnection.Call.Failed",
                    "The command " + name.substr(0, 100) + " is not known here");
  }
}

} // namespace io::rtmp
