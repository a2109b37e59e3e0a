// SPDX-License-Identifier: MIT
#include "io/rtmp/answers.hpp"

#include "io/rtmp/amf.hpp"
#include "io/rtmp/byte_order.hpp"

namespace io::rtmp {

namespace {

// Chunk streams as Flash Media Server uses them; 2 is fixed (RTMP 1.0, 5.4).
constexpr std::uint8_t control_stream = 2;
constexpr std::uint8_t command_stream = 3;
constexpr std::uint8_t status_stream = 5;

// User control events (RTMP 1.0, 7.1.7)
constexpr std::uint16_t stream_begin_event = 0;
constexpr std::uint16_t ping_response_event = 7;

void put_status(amf::writer& to, std::string_view level, std::string_view code,
                std::string_view description) {
  to.begin_object().key("level").text(level).key("code").text(code);
  to.key("description").text(description).end_object();
}

} // namespace

void answers::control(message_type type, core::byte_view payload) {
  chunks_.write(out_, control_stream, type, 0, payload);
}

void answers::command(std::uint32_t stream, core::byte_view payload) {
  chunks_.write(out_, stream == 0 ? command_stream : status_stream, amf0_command, stream, payload);
}

void answers::window(std::uint32_t size) {
  core::bytes x;
  put_be32(x, size);
  control(window_size, x);
}

void answers::bandwidth(std::uint32_t size) {
  core::bytes x;
  put_be32(x, size);
  x.push_back(2); // dynamic (RTMP 1.0, 5.4.5)
  control(peer_bandwidth, x);
}

void answers::acknowledge(std::uint32_t received) {
  core::bytes x;
  put_be32(x, received);
  control(acknowledgement, x);
}

void answers::chunk_size(std::uint32_t size) { chunks_.set_size(out_, size); }

void answers::stream_begins(std::uint32_t stream) {
  core::bytes x;
  put_be16(x, stream_begin_event);
  put_be32(x, stream);
  control(user_control, x);
}

void answers::pong(std::uint32_t timestamp) {
  core::bytes x;
  put_be16(x, ping_response_event);
  put_be32(x, timestamp);
  control(user_control, x);
}

void answers::connected(double transaction, double encoding) {
  core::bytes x;
  amf::writer to{x};
  to.text("_result").number(transaction);
  to.begin_object()
      .key("fmsVer")
      .text("FMS/3,5,7,7009")
      .key("capabilities")
      .number(31)
      .end_object();
  to.begin_object().key("level").text("status");
  to.key("code").text("NetConnection.Connect.Success");
  to.key("description").text("Connection succeeded.");
  to.key("objectEncoding").number(encoding).end_object();
  command(0, x);
}

void answers::done(double transaction) {
  core::bytes x;
  amf::writer{x}.text("_result").number(transaction).null().undefined();
  command(0, x);
}

void answers::stream_created(double transaction, std::uint32_t stream) {
  core::bytes x;
  amf::writer{x}.text("_result").number(transaction).null().number(stream);
  command(0, x);
}

void answers::failed(double transaction, std::string_view code, std::string_view description) {
  core::bytes x;
  amf::writer to{x};
  to.text("_error").number(transaction).null();
  put_status(to, "error", code, description);
  command(0, x);
}

void answers::fc_status(std::string_view name, std::string_view code,
                        std::string_view description) {
  core::bytes x;
  amf::writer to{x};
  to.text(name).number(0).null();
  to.begin_object().key("code").text(code).key("description").text(description).end_object();
  command(0, x);
}

void answers::status(std::uint32_t stream, std::string_view level, std::string_view code,
                     std::string_view description) {
  core::bytes x;
  amf::writer to{x};
  to.text("onStatus").number(0).null();
  put_status(to, level, code, description);
  command(stream, x);
}

} // namespace io::rtmp
