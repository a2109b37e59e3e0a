// SPDX-License-Identifier: MIT
#pragma once

#include "io/rtmp/loop.hpp"
#include "io/rtmp/protocol.hpp"
#include "io/rtmp/seats.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

namespace io::rtmp {

/// One connection: moves bytes between its socket and its protocol, and frames to the media input.
/// Lives on the thread of its loop.
///
/// It is woken when `mark` bytes have come (SO_RCVLOWAT), when the connection ends, or by the
/// loop's timer when its last read is older than a burst (design.md 3).
class session : public std::enable_shared_from_this<session> {
public:
  session(std::shared_ptr<loop> home, boost::asio::ip::tcp::socket socket,
          std::unique_ptr<seats::seat> seat, std::string address, std::uint64_t seed);
  void start();
  /// Called by the loop's timer.
  void look_after(core::steady_time now);
  /// The server ends.
  void shut_down();
  /// Ends the publish of this question, also when it is not answered yet. On the loop's thread; any
  /// other thread uses the `core::publisher` of the request.
  void drop(std::uint64_t question, core::end_reason why, const std::string& what);

private:
  /// Bytes: a quarter of a second at 16 Mbit/s. Faster publishers are woken by it; all others are
  /// read together by the loop's timer, which wakes far less often.
  static constexpr int burst_mark = 512 * 1024;

  enum class phase : std::uint8_t { greeting, asked, publishing, closing, closed };

  void wait();
  void read();
  std::size_t readable();
  bool carry_out(core::result<void> fed, core::steady_time arrival);
  void ask(const push_target& target);
  void send_request();
  void answer(std::uint64_t question, core::result<core::admission>& x);
  bool is_own_echo(const core::failure& why) const;
  void ask_again();
  void refuse(const core::failure& why);
  void end_publish(const core::publish_end& how);
  void flush();
  void begin_closing();
  void close();
  void set_mark(int bytes);
  void complain(const std::string& text);
  void look_at_rate(core::steady_time now);
  void look_at_losses();

  std::shared_ptr<loop> loop_;
  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<seats::seat> seat_;
  std::string address_;
  protocol protocol_;
  phase phase_ = phase::greeting;

  std::string subject_; // app/stream, once it is known
  std::shared_ptr<core::media_input> input_;
  bool is_quiet_ = true;       // the media input knows that nothing comes
  std::uint64_t question_ = 0; // which request of this connection; late answers carry an older one
  std::optional<core::publish_end> doomed_; // dropped before its answer came
  core::publish_request request_;           // the last one; names the publish that runs
  boost::asio::steady_timer ask_again_;
  std::uint64_t trimmed_ = 0;   // frames of the publish that were told to the metrics
  bool has_complained_ = false; // about a damaged frame of the publish

  /// The last publish of this connection, once it has ended.
  std::optional<core::stream_key> ended_;
  core::steady_time ended_at_;

  core::bytes out_;
  bool is_writing_ = false;
  bool is_write_broken_ = false;
  bool is_waiting_ = false;
  int mark_ = 1;

  core::steady_time since_; // of the phase
  core::steady_time last_read_;
  core::steady_time last_bytes_;
  core::steady_time rate_since_;
  std::size_t rate_bytes_ = 0;
};

} // namespace io::rtmp
