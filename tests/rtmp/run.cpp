// SPDX-License-Identifier: MIT
#include "tests/rtmp/run.hpp"

#include "io/rtmp/amf.hpp"
#include "io/rtmp/byte_order.hpp"

#include <cstring>

namespace tests::rtmp {

namespace {

template <class... Ts> struct overloaded : Ts... { using Ts::operator()...; };
template <class... Ts> overloaded(Ts...) -> overloaded<Ts...>;

} // namespace

void connection::feed(core::byte_view x) {
  // A block of just this size, so that ASan sees each byte read beyond it.
  auto done = protocol.feed(io::rtmp::burst::copy_of(x));
  take();
  if (!done && result.failure.empty())
    result.failure = done.error().what;
}

void connection::take() {
  for (bool has_asked = true; has_asked;) {
    has_asked = false;
    for (auto& x : protocol.take_events()) {
      std::visit(
          overloaded{
              [&](io::rtmp::publish_asked& e) {
                has_asked = true;
                const auto& t = e.target;
                result.told.push_back("publish " + t.app + " " + t.stream + " " + t.params + " "
                                      + t.domain + " " + t.agent);
              },
              [&](io::rtmp::media_arrived& e) {
                result.items.insert(result.items.end(), e.items.begin(), e.items.end());
              },
              [&](io::rtmp::publish_left& e) {
                result.told.push_back("left " + std::to_string(e.code));
              },
              [&](io::rtmp::turned_away& e) { result.told.push_back("turned away: " + e.what); },
          },
          x);
    }
    if (has_asked) {
      auto done = protocol.accept_publish();
      if (!done)
        result.failure = done.error().what;
    }
  }
  auto out = protocol.take_output();
  result.answers.insert(result.answers.end(), out.begin(), out.end());
}

outcome run(core::byte_view sent, const std::vector<std::size_t>& splits) {
  connection x;
  std::size_t at = 0;
  for (auto split : splits) {
    x.feed(sent.subspan(at, split - at));
    at = split;
  }
  x.feed(sent.subspan(at));
  return std::move(x.result);
}

std::string difference(const outcome& x, const std::vector<clip_frame>& expected) {
  if (!x.failure.empty())
    return "failed: " + x.failure;
  if (x.items.size() != expected.size() + 2)
    return std::to_string(x.items.size()) + " items, not " + std::to_string(expected.size() + 2);
  if (!x.items[0].config || !x.items[1].config)
    return "the configurations are missing";
  if (x.items[0].config->config != avc_record() || x.items[1].config->config != aac_config())
    return "the configurations differ";
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto& got = x.items[i + 2].media;
    const auto& want = expected[i];
    const auto where = "frame " + std::to_string(i) + ": ";
    if (x.items[i + 2].config)
      return where + "a configuration";
    if ((got.kind == core::track_kind::video) != want.is_video || got.key != want.key)
      return where + "kind or key";
    if (got.dts != core::millis{want.dts})
      return where + "dts " + std::to_string(got.dts.count());
    if (got.pts != core::millis{std::int64_t{want.dts} + want.composition})
      return where + "pts " + std::to_string(got.pts.count());
    if (got.data.size() != want.data.size()
        || std::memcmp(got.data.data(), want.data.data(), want.data.size()) != 0)
      return where + "content";
  }
  return {};
}

std::vector<std::string> answers_in(core::byte_view answers) {
  std::vector<std::string> lines;
  if (answers.size() < 3073)
    return {"handshake incomplete"};
  answers = answers.subspan(3073);
  io::rtmp::chunk_reader reader{{1 << 20, 1 << 20}};
  const auto all = io::rtmp::burst::copy_of(answers);
  answers = all.view();
  reader.begin_burst(all);
  while (!answers.empty()) {
    auto next = reader.next(answers);
    if (!next)
      return {"broken: " + next.error().what};
    if (!*next)
      break;
    const auto& x = **next;
    if (x.type == 1)
      (void)reader.set_chunk_size(io::rtmp::be32(x.payload.data()));
    if (x.type != 20) {
      static constexpr const char* names[]
          = {"", "chunk size", "abort", "acknowledgement", "control", "window", "bandwidth"};
      lines.push_back(std::string{x.type < 7 ? names[x.type] : "?"} + " "
                      + std::to_string(io::rtmp::be32(x.payload.data())));
      continue;
    }
    io::rtmp::amf::reader values{x.payload};
    auto line = *values.next()->text();
    const auto transaction = *values.next()->number();
    if (transaction != 0)
      line += " " + std::to_string(static_cast<int>(transaction));
    while (!values.at_end()) {
      auto value = *values.next();
      if (const auto* code = value.find("code"))
        line += " " + *code->text();
      if (const auto* number = value.number())
        line += " " + std::to_string(static_cast<int>(*number));
    }
    lines.push_back(line);
  }
  return lines;
}

} // namespace tests::rtmp
