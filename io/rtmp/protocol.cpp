// SPDX-License-Identifier: MIT
#include "io/rtmp/protocol.hpp"

#include "io/rtmp/amf.hpp"
#include "io/rtmp/byte_order.hpp"

#include <algorithm>

namespace io::rtmp {

namespace {

// Commands before a publish have some hundred bytes each; the issue allows 4 MiB in all.
constexpr chunk_reader::limits before_publish{128 * 1024, 512 * 1024};
// The issue allows 8 MiB for one message; beside it there is place for some frames of the other
// track.
constexpr chunk_reader::limits while_publishing{8 * 1024 * 1024, 12 * 1024 * 1024};
constexpr std::size_t max_behind_question = 1024 * 1024; // the session stops reading meanwhile
constexpr std::size_t max_output = 64 * 1024; // a client that asks much and reads nothing
constexpr std::uint32_t min_window = 4096;    // smaller ones would answer every message
constexpr std::size_t tag_header = 11;        // FLV 10.1, E.4.1

core::failure broken(std::string what) { return {core::errc::bad_request, std::move(what)}; }

/// AMF3 messages hold AMF0 behind one byte that says so (AMF3 4.1); some clients leave it out.
core::byte_view inside_amf3(core::byte_view x) {
  return !x.empty() && x[0] == 0 ? x.subspan(1) : x;
}

} // namespace

protocol::protocol(std::uint64_t seed)
    : handshake_{seed}, chunks_{before_publish}, window_{own_window} {}

core::result<void> protocol::feed(burst x) {
  if (phase_ == phase::over)
    return {};
  if (phase_ == phase::asked) {
    if (behind_question_.size() + x.size > max_behind_question)
      return broken("too much was sent before the publish was accepted");
    behind_question_.insert(behind_question_.end(), x.view().begin(), x.view().end());
    return {};
  }
  auto done = read(std::move(x));
  if (!done)
    phase_ = phase::over;
  return done;
}

core::result<void> protocol::read(burst x) {
  auto left = x.view();
  if (phase_ == phase::greeting) {
    const auto before = left.size();
    auto done = handshake_.feed(left, answers_.raw());
    received_ += before - left.size();
    if (!done)
      return done;
    if (!handshake_.is_done())
      return {};
    phase_ = phase::idle;
  }
  chunks_.begin_burst(std::move(x));
  auto done = read_messages(left);
  settle_frames();
  chunks_.end_burst();
  return done;
}

/// A frame keeps the whole block of its burst, but only its own bytes are counted by those who hold
/// it. Where most of a block is something else, the frames move to one of their own.
void protocol::settle_frames() {
  const auto* block = chunks_.current_burst().block.get();
  const auto each_frame = [&](auto f) {
    for (auto& event : events_)
      if (auto* media = std::get_if<media_arrived>(&event))
        for (auto& x : media->items)
          if (block && x.media.owner.get() == block)
            f(x.media);
  };
  std::size_t size = 0;
  each_frame([&](const core::frame& x) { size += x.data.size(); });
  if (size == 0 || size >= chunks_.current_burst().size / 2)
    return;
  const auto own = std::make_shared_for_overwrite<std::uint8_t[]>(size);
  auto* to = own.get();
  each_frame([&](core::frame& x) {
    std::copy(x.data.begin(), x.data.end(), to);
    x.data = {to, x.data.size()};
    x.owner = own;
    to += x.data.size();
  });
}

/// Acknowledgements are due at fixed byte positions, so the reader gets no more than up to the
/// next.
core::result<void> protocol::read_messages(core::byte_view x) {
  while (!x.empty() || chunks_.has_more()) {
    const auto due = acknowledged_ + window_;
    auto part = x.first(static_cast<std::size_t>(
        std::min<std::uint64_t>(x.size(), due > received_ ? due - received_ : 0)));
    while (!part.empty() || chunks_.has_more()) {
      const auto before = part.size();
      auto whole = chunks_.next(part);
      const auto taken = before - part.size();
      received_ += taken;
      x = x.subspan(taken);
      if (!whole)
        return whole.error();
      if (*whole) {
        if (auto done = on(**whole); !done)
          return done;
        if (answers_.size() > max_output)
          return broken("the client asks faster than it reads answers");
        if (phase_ == phase::over)
          return {};
        if (phase_ == phase::asked) {
          behind_question_.assign(x.begin(), x.end());
          return {};
        }
        // The message may have changed the window.
        break;
      }
    }
    if (received_ >= acknowledged_ + window_) {
      answers_.acknowledge(static_cast<std::uint32_t>(received_));
      acknowledged_ = received_;
    }
  }
  return {};
}

core::result<void> protocol::accept_publish() {
  if (phase_ != phase::asked)
    return {};
  phase_ = phase::publishing;
  media_ = {};
  chunks_.set_limits(while_publishing);
  if (has_fc_)
    answers_.fc_status("onFCPublish", "NetStream.Publish.Start", fc_name_);
  answers_.stream_begins(publishing_);
  answers_.status(publishing_, "status", "NetStream.Publish.Start", "The stream is published.");
  return feed(burst::copy_of(std::exchange(behind_question_, {})));
}

void protocol::refuse_publish(std::string_view code, std::string_view reason) {
  if (phase_ != phase::asked)
    return;
  answers_.status(publishing_, "error", code, reason);
  core::bytes{}.swap(behind_question_);
  phase_ = phase::over;
}

void protocol::drop(std::string_view reason) {
  if (phase_ == phase::over)
    return;
  if (phase_ == phase::publishing)
    answers_.status(publishing_, "status", "NetStream.Unpublish.Success", reason);
  phase_ = phase::over;
}

core::result<void> protocol::on(const message& x) {
  const auto control = [&](std::size_t size) { return x.payload.size() >= size; };
  switch (x.type) {
  case set_chunk_size:
    return control(4) ? chunks_.set_chunk_size(be32(x.payload.data()))
                      : broken("a chunk size is missing");
  case abort_message:
    if (!control(4))
      return broken("an abort names no chunk stream");
    chunks_.abort(be32(x.payload.data()));
    return {};
  case window_size:
    return on_window(x.payload);
  case user_control:
    // 6: ping request (RTMP 1.0, 7.1.7)
    if (control(6) && be16(x.payload.data()) == 6)
      answers_.pong(be32(x.payload.data() + 2));
    return {};
  case amf0_command:
    return on_command(x, x.payload);
  case amf3_command:
    return on_command(x, inside_amf3(x.payload));
  case amf0_metadata:
    on_metadata(x.payload);
    return {};
  case amf3_metadata:
    on_metadata(inside_amf3(x.payload));
    return {};
  case audio_message:
  case video_message:
    if (is_publishing() && x.stream == publishing_)
      on_media(x.type, x.timestamp, x.payload, x.owner);
    return {};
  case aggregate:
    if (is_publishing() && x.stream == publishing_)
      on_aggregate(x);
    return {};
  default:
    // Acknowledgements, bandwidth, shared objects and what later versions may add.
    return {};
  }
}

core::result<void> protocol::on_window(core::byte_view payload) {
  if (payload.size() < 4)
    return broken("a window size is missing");
  // Not above our own: a client may stop when it has sent that much unacknowledged.
  window_ = std::clamp(be32(payload.data()), min_window, own_window);
  return {};
}

void protocol::on_media(std::uint8_t type, std::uint32_t timestamp, core::byte_view payload,
                        const std::shared_ptr<const void>& owner) {
  auto* last = events_.empty() ? nullptr : std::get_if<media_arrived>(&events_.back());
  std::vector<core::media_item> first;
  auto& items = last ? last->items : first;
  auto done = type == video_message ? media_.video(payload, timestamp, owner, items)
                                    : media_.audio(payload, timestamp, owner, items);
  if (!first.empty())
    events_.push_back(media_arrived{std::move(first)});
  if (!done)
    turn_away(publishing_, "NetStream.Publish.Rejected", done.error().what);
}

/// FLV tags behind each other; their time stamps count from the first one's, which stands for that
/// of the message (RTMP 1.0, 7.1.6).
void protocol::on_aggregate(const message& x) {
  auto rest = x.payload;
  std::optional<std::uint32_t> first;
  while (rest.size() >= tag_header && is_publishing()) {
    const auto type = rest[0];
    const std::size_t size = be24(&rest[1]);
    const auto time = (std::uint32_t{rest[7]} << 24) | be24(&rest[4]);
    rest = rest.subspan(tag_header);
    if (size > rest.size())
      return;
    if (!first)
      first = time;
    const auto body = rest.first(size);
    const auto timestamp = x.timestamp + (time - *first);
    if (type == audio_message || type == video_message)
      on_media(type, timestamp, body, x.owner);
    else if (type == amf0_metadata)
      on_metadata(body);
    // Behind each tag stands its size.
    rest = rest.subspan(std::min<std::size_t>(size + 4, rest.size()));
  }
}

/// Only the encoder's name is of use; whoever sends other things here is not told.
void protocol::on_metadata(core::byte_view payload) {
  amf::reader values{payload};
  // "@setDataFrame", "onMetaData", {...} or without the first.
  for (int i = 0; i < 3 && !values.at_end(); ++i) {
    auto x = values.next();
    if (!x)
      return;
    const auto* found = x->find("encoder");
    if (const auto* text = found ? found->text() : nullptr)
      encoder_ = text->substr(0, 200);
  }
}

void protocol::leave(int code, std::string what) {
  answers_.status(publishing_, "status", "NetStream.Unpublish.Success",
                  "The stream is no longer published.");
  phase_ = phase::idle;
  chunks_.set_limits(before_publish);
  events_.push_back(publish_left{code, std::move(what)});
}

void protocol::turn_away(std::uint32_t stream, std::string_view code, std::string what) {
  answers_.status(stream, "error", code, what);
  phase_ = phase::over;
  events_.push_back(turned_away{std::move(what)});
}

std::size_t protocol::held() const {
  return sizeof *this + handshake_.held() + chunks_.held() + media_.held() + answers_.held()
         + behind_question_.capacity() + app_.capacity() + url_.capacity() + agent_.capacity()
         + encoder_.capacity() + fc_name_.capacity() + streams_.capacity() * sizeof(std::uint32_t);
}

} // namespace io::rtmp
