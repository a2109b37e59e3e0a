// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/media.hpp"
#include "io/rtmp/answers.hpp"
#include "io/rtmp/chunk_reader.hpp"
#include "io/rtmp/handshake.hpp"
#include "io/rtmp/media_reader.hpp"
#include "io/rtmp/push_target.hpp"

#include <string>
#include <variant>
#include <vector>

namespace io::rtmp {

namespace amf {
class reader;
struct value;
} // namespace amf

/// The client wants to publish; nothing more is read before `accept_publish` or `refuse_publish`.
struct publish_asked {
  push_target target;
};
/// Configurations and frames in order of arrival.
struct media_arrived {
  std::vector<core::media_item> items;
};
/// The client ended its publish; `code` 1 deleteStream, 2 closeStream (contract.md 1.5).
struct publish_left {
  int code = 1;
  std::string what;
};
/// The client was told no and is to be closed when its answer is sent; a publish of it is over.
struct turned_away {
  std::string what;
};
using event = std::variant<publish_asked, media_arrived, publish_left, turned_away>;

/// The server's side of one RTMP connection, without a socket: bytes in; answers and events out.
/// What comes out does not depend on how the bytes are divided between calls of `feed`.
///
///                    publish            accept_publish
///     greeting -> idle -----> asked ----------------------> publishing
///                  ^            | refuse_publish               |  | drop, unknown codec
///                  |            v                              |  v
///                  |          over <---------------------------+--
///                  +------------- deleteStream, closeStream ---+
class protocol {
public:
  /// `seed`: any number that differs between connections.
  explicit protocol(std::uint64_t seed);

  /// A failure ends the connection: its sentence is for the log. Events from before it are valid.
  core::result<void> feed(burst x);
  /// Bytes for the client.
  core::bytes take_output() { return answers_.take(); }
  std::vector<event> take_events() { return std::exchange(events_, {}); }

  /// Goes on with what came behind the question.
  core::result<void> accept_publish();
  /// `code`: "NetStream.Publish.BadName" or ".Unauthorized".
  void refuse_publish(std::string_view code, std::string_view reason);
  /// Tells the client that the server ends its publish.
  void drop(std::string_view reason);

  bool is_publishing() const { return phase_ == phase::publishing; }
  /// What the encoder called itself in its metadata; empty when it did not.
  const std::string& encoder() const { return encoder_; }
  const media_reader::losses& lost() const { return media_.lost(); }
  /// Bytes of memory that the connection holds, without events that were not taken.
  std::size_t held() const;

private:
  enum class phase : std::uint8_t { greeting, idle, asked, publishing, over };

  /// Bytes between acknowledgements; what Flash Media Server uses.
  static constexpr std::uint32_t own_window = 2'500'000;

  core::result<void> read(burst x);
  void settle_frames();
  core::result<void> read_messages(core::byte_view x);
  core::result<void> on(const message& x);
  core::result<void> on_window(core::byte_view payload);
  core::result<void> on_command(const message& x, core::byte_view payload);
  core::result<void> on_connect(double transaction, amf::reader& arguments);
  core::result<void> on_publish(const message& x, amf::reader& arguments);
  void on_create_stream(double transaction);
  void on_delete_stream(amf::reader& arguments);
  void on_play(const message& x);
  void on_call(const std::string& name, double transaction, const message& x,
               amf::reader& arguments);
  void on_metadata(core::byte_view payload);
  void on_aggregate(const message& x);
  void on_media(std::uint8_t type, std::uint32_t timestamp, core::byte_view payload,
                const std::shared_ptr<const void>& owner);
  void leave(int code, std::string what);
  void turn_away(std::uint32_t stream, std::string_view code, std::string what);

  phase phase_ = phase::greeting;
  handshake handshake_;
  chunk_reader chunks_;
  media_reader media_;
  answers answers_;
  std::vector<event> events_;
  core::bytes behind_question_; // came after `publish` and is not read yet

  std::uint64_t received_ = 0; // bytes of the connection
  std::uint64_t acknowledged_ = 0;
  std::uint32_t window_;

  bool is_connected_ = false;
  std::string app_;
  std::string url_;
  std::string agent_;
  std::string encoder_;
  std::vector<std::uint32_t> streams_; // made by createStream and not deleted
  std::uint32_t last_stream_ = 0;
  std::uint32_t publishing_ = 0; // message stream of the publish
  std::string fc_name_;          // of FCPublish: is told by onFCPublish
  bool has_fc_ = false;
};

} // namespace io::rtmp
