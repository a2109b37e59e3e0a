// SPDX-License-Identifier: MIT
#include "benchmarks/micro/publish.hpp"

#include "core/codec.hpp"
#include "core/timeline.hpp"
#include "tests/support/rtmp_client.hpp"

namespace bench::micro {

namespace {

constexpr std::size_t round_bytes = 500'000; // 2 s of 2 Mbit/s
constexpr std::size_t audio_size = 372;      // 128 kbit/s
constexpr std::size_t key_size = 60'000; // of key frames, each seven times as large as the others
constexpr std::size_t picture_size
    = (round_bytes - audio_per_round * audio_size - key_size) / (video_per_round - 1);

/// An access unit delimiter and one slice.
core::bytes picture(bool key) {
  auto x = tests::rtmp::nal_unit(0x09, 2, 0xf0);
  const auto size = (key ? key_size : picture_size) - x.size() - 4;
  tests::rtmp::put(x, tests::rtmp::nal_unit(key ? 0x65 : 0x41, size, 0x5a));
  return x;
}

/// When frame `i` of `count` in a round comes.
std::uint32_t due(std::size_t i, std::size_t count) {
  return static_cast<std::uint32_t>(round_length.count() * i / count);
}

void put_round(tests::rtmp::client& to, std::uint32_t start) {
  static const auto key = picture(true);
  static const auto other = picture(false);
  static const core::bytes sound(audio_size, 0x21);
  std::size_t audio = 0;
  for (std::size_t i = 0; i < video_per_round; ++i) {
    const bool is_key = i == 0;
    to.tag(true, start + due(i, video_per_round),
           tests::rtmp::body_of({true, is_key, 0, 0, is_key ? key : other}));
    for (; audio < audio_per_round && due(audio, audio_per_round) < due(i + 1, video_per_round);
         ++audio)
      to.tag(false, start + due(audio, audio_per_round),
             tests::rtmp::body_of({false, true, 0, 0, sound}));
  }
}

encoder_bytes make_encoder() {
  encoder_bytes x;
  tests::rtmp::client to;
  to.shortest_form = 1;
  tests::rtmp::hello(to);
  x.hello = std::exchange(to.out, {});
  to.set_chunk_size(4096);
  tests::rtmp::headers(to);
  put_round(to, 0);
  x.opening = std::exchange(to.out, {});
  put_round(to, round_length.count());
  x.round = std::exchange(to.out, {});
  return x;
}

} // namespace

const encoder_bytes& encoder() {
  static const auto x = make_encoder();
  return x;
}

core::result<void> open_publish(io::rtmp::protocol& x) {
  if (auto done = x.feed(io::rtmp::burst::copy_of(encoder().hello)); !done)
    return done;
  (void)x.take_events();
  if (auto done = x.accept_publish(); !done)
    return done;
  if (auto done = x.feed(io::rtmp::burst::copy_of(encoder().opening)); !done)
    return done;
  // Two configurations come before the first frame.
  if (!x.is_publishing() || take_media(x).size() != frames_per_round + 2)
    return core::failure{core::errc::internal, "the publish did not begin as it should"};
  (void)x.take_output();
  return {};
}

std::vector<core::media_item> take_media(io::rtmp::protocol& from) {
  std::vector<core::media_item> out;
  for (auto& event : from.take_events())
    if (auto* media = std::get_if<io::rtmp::media_arrived>(&event))
      out.insert(out.end(), std::make_move_iterator(media->items.begin()),
                 std::make_move_iterator(media->items.end()));
  return out;
}

std::vector<core::media_item> raw_round() {
  io::rtmp::protocol server{1};
  if (!open_publish(server) || !server.feed(io::rtmp::burst::copy_of(encoder().round)))
    return {};
  return take_media(server);
}

core::result<media> muxer_round() {
  media out;
  auto video = core::codec::h264_track(tests::rtmp::avc_record());
  auto audio = core::codec::aac_track(tests::rtmp::aac_config());
  if (!video || !audio)
    return video ? audio.error() : video.error();
  out.tracks.video = *std::move(video);
  out.tracks.audio = *std::move(audio);
  core::timeline line;
  core::timeline::timed timed;
  core::media_item config;
  config.config = std::make_shared<core::track>(*out.tracks.audio);
  line.push(config, {}, timed);
  for (auto& x : raw_round()) {
    const core::steady_time arrival{x.media.dts};
    line.push(std::move(x), arrival, timed);
  }
  line.flush(timed);
  std::size_t frames = 0;
  for (auto& x : timed.items) {
    if (x.config)
      continue;
    const auto burst = static_cast<std::size_t>(x.media.dts / core::millis{500});
    out.bursts.at(burst).push_back(std::move(x.media));
    ++frames;
  }
  if (frames != frames_per_round || !timed.repairs.empty())
    return core::failure{core::errc::internal, "the round has not the frames that it should"};
  return out;
}

} // namespace bench::micro
