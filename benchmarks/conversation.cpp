// SPDX-License-Identifier: MIT
#include "benchmarks/conversation.hpp"

#include "io/rtmp/amf.hpp"
#include "io/rtmp/byte_order.hpp"

#include <charconv>

namespace bench {

namespace {

using namespace io::rtmp;

constexpr std::size_t packet_size = 1536; // C1, C2, S1, S2 (RTMP 1.0, 5.2.3)
constexpr std::uint8_t command_chunks = 3;
// Transaction numbers: servers may answer the calls between them too.
constexpr double connect_call = 1;
constexpr double create_call = 4;
constexpr std::size_t most = 1024 * 1024; // bytes of what a server may say

} // namespace

std::string target::name_of(unsigned number) const {
  auto out = name;
  if (const auto at = out.find("{}"); at != std::string::npos)
    out.replace(at, 2, std::to_string(number));
  return out;
}

core::result<target> read_target(const std::string& url) {
  const core::failure bad{core::errc::bad_request,
                          url + " is no address like rtmp://127.0.0.1:1935/live/s-{}"};
  constexpr std::string_view scheme = "rtmp://";
  if (url.compare(0, scheme.size(), scheme) != 0)
    return bad;
  const auto slash = url.find('/', scheme.size());
  const auto last = url.find('/', slash == std::string::npos ? slash : slash + 1);
  if (last == std::string::npos || last + 1 == url.size())
    return bad;
  target out;
  out.host = url.substr(scheme.size(), slash - scheme.size());
  out.app = url.substr(slash + 1, last - slash - 1);
  out.name = url.substr(last + 1);
  if (const auto colon = out.host.find(':'); colon != std::string::npos) {
    const auto* end = out.host.data() + out.host.size();
    if (std::from_chars(out.host.data() + colon + 1, end, out.port).ptr != end)
      return bad;
    out.host.resize(colon);
  }
  return out;
}

conversation::conversation(const target& to, std::string name, std::size_t chunk_size)
    : to_{to}, name_{std::move(name)}, chunk_size_{chunk_size}, reader_{{most, most}} {
  out_.push_back(3); // C0
  out_.resize(1 + packet_size);
}

core::result<void> conversation::feed(core::byte_view x) {
  if (phase_ == phase::handshake) {
    const auto part = x.first(std::min(x.size(), 1 + 2 * packet_size - greeting_.size()));
    greeting_.insert(greeting_.end(), part.begin(), part.end());
    x = x.subspan(part.size());
    if (greeting_.size() < 1 + 2 * packet_size)
      return {};
    out_.insert(out_.end(), greeting_.begin() + 1,
                greeting_.begin() + 1 + static_cast<std::ptrdiff_t>(packet_size)); // C2 echoes S1
    greeting_ = {};
    writer_.set_size(out_, static_cast<std::uint32_t>(chunk_size_));
    connect();
    phase_ = phase::connecting;
  }
  const auto all = io::rtmp::burst::copy_of(x);
  x = all.view();
  reader_.begin_burst(all);
  core::result<void> done;
  while (done && (!x.empty() || reader_.has_more())) {
    auto message = reader_.next(x);
    if (!message)
      done = message.error();
    else if (!*message)
      break;
    else
      done = take(**message);
  }
  reader_.end_burst();
  return done;
}

core::result<void> conversation::take(const message& x) {
  if (x.type == set_chunk_size && x.payload.size() >= 4)
    return reader_.set_chunk_size(be32(x.payload.data()));
  if (x.type == amf0_command)
    return command(x.payload);
  return {};
}

core::result<void> conversation::command(core::byte_view x) {
  amf::reader in{x};
  std::vector<amf::value> values;
  while (!in.at_end()) {
    auto value = in.next();
    if (!value)
      return value.error();
    values.push_back(*std::move(value));
  }
  const auto* name = values.empty() ? nullptr : values[0].text();
  if (name == nullptr)
    return {};
  if (*name == "_result") {
    const auto* answered = values.size() > 1 ? values[1].number() : nullptr;
    if (answered == nullptr)
      return {};
    if (phase_ == phase::connecting && *answered == connect_call) {
      create();
      phase_ = phase::creating;
    } else if (phase_ == phase::creating && *answered == create_call) {
      const auto* id = values.size() > 3 ? values[3].number() : nullptr;
      stream_ = id != nullptr ? static_cast<std::uint32_t>(*id) : 1;
      publish();
      phase_ = phase::asking;
    }
    return {};
  }
  const auto* what = values.size() > 3 ? &values[3] : nullptr;
  const auto text = [&](const char* key) {
    const auto* found = what != nullptr ? what->find(key) : nullptr;
    return found != nullptr && found->text() != nullptr ? *found->text() : std::string{};
  };
  if (*name == "onStatus" && text("code") == "NetStream.Publish.Start") {
    phase_ = phase::publishing;
    return {};
  }
  if (*name == "_error" || (*name == "onStatus" && text("level") == "error"))
    return core::failure{core::errc::forbidden,
                         "the server refused: " + text("code") + " " + text("description")};
  return {};
}

void conversation::connect() {
  core::bytes x;
  amf::writer out{x};
  out.text("connect").number(connect_call).begin_object();
  out.key("app").text(to_.app);
  out.key("type").text("nonprivate");
  out.key("flashVer").text("FMLE/3.0 (compatible; livetape-bench)");
  out.key("tcUrl").text("rtmp://" + to_.host + ":" + std::to_string(to_.port) + "/" + to_.app);
  out.end_object();
  writer_.write(out_, command_chunks, amf0_command, 0, x);
}

void conversation::create() {
  const auto bare = name_.substr(0, name_.find('?'));
  core::bytes x;
  amf::writer{x}.text("releaseStream").number(2).null().text(bare);
  writer_.write(out_, command_chunks, amf0_command, 0, x);
  x.clear();
  amf::writer{x}.text("FCPublish").number(3).null().text(bare);
  writer_.write(out_, command_chunks, amf0_command, 0, x);
  x.clear();
  amf::writer{x}.text("createStream").number(create_call).null();
  writer_.write(out_, command_chunks, amf0_command, 0, x);
}

void conversation::publish() {
  core::bytes x;
  amf::writer{x}.text("publish").number(5).null().text(name_).text("live");
  writer_.write(out_, command_chunks, amf0_command, stream_, x);
}

void conversation::leave() {
  core::bytes x;
  amf::writer{x}.text("FCUnpublish").number(6).null().text(name_.substr(0, name_.find('?')));
  writer_.write(out_, command_chunks, amf0_command, 0, x);
  x.clear();
  amf::writer{x}.text("deleteStream").number(7).null().number(stream_);
  writer_.write(out_, command_chunks, amf0_command, 0, x);
}

} // namespace bench
