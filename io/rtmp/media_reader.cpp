// SPDX-License-Identifier: MIT
#include "io/rtmp/media_reader.hpp"

#include "core/codec.hpp"
#include "io/rtmp/byte_order.hpp"

#include <algorithm>
#include <string>

namespace io::rtmp {

namespace {

// FLV 10.1, E.4.3.1
constexpr std::uint8_t key_frame = 1;
constexpr std::uint8_t command_frame = 5;
constexpr std::uint8_t avc = 7;
constexpr std::uint8_t avc_header = 0;
constexpr std::uint8_t avc_nal_units = 1;
// Enhanced RTMP v1: the highest bit says that a FourCC takes the codec's place.
constexpr std::uint8_t enhanced_video = 0x80;
// FLV 10.1, E.4.2.1
constexpr std::uint8_t mp3_sound = 2;
constexpr std::uint8_t aac = 10;
constexpr std::uint8_t mp3_8khz_sound = 14;
constexpr std::uint8_t aac_header = 0;
// Enhanced RTMP v2
constexpr std::uint8_t enhanced_audio = 9;

core::failure unknown(std::string what) {
  return {core::errc::bad_request,
          std::move(what) + " is not recorded; send H.264 with AAC or MP3"};
}

std::string four_cc(core::byte_view body) {
  std::string x;
  for (std::size_t i = 1; i < 5 && i < body.size(); ++i)
    x += body[i] >= 0x20 && body[i] < 0x7f ? static_cast<char>(body[i]) : '?';
  return x;
}

std::string video_name(std::uint8_t codec) {
  switch (codec) {
  case 2:
    return "Sorenson H.263 video";
  case 3:
  case 6:
    return "screen video";
  case 4:
  case 5:
    return "VP6 video";
  case 12:
    return "HEVC video"; // not in FLV 10.1, but what several vendors use
  case 13:
    return "AV1 video";
  default:
    return "video of codec " + std::to_string(codec);
  }
}

std::string audio_name(std::uint8_t format) {
  switch (format) {
  case 0:
  case 3:
    return "PCM audio";
  case 1:
    return "ADPCM audio";
  case 4:
  case 5:
  case 6:
    return "Nellymoser audio";
  case 7:
  case 8:
    return "G.711 audio";
  case 11:
    return "Speex audio";
  default:
    return "audio of format " + std::to_string(format);
  }
}

core::nanos from_millis(std::int64_t x) { return core::millis{x}; }

core::media_item sound(core::byte_view data, std::uint32_t timestamp,
                       const std::shared_ptr<const void>& owner) {
  core::media_item x;
  x.media.kind = core::track_kind::audio;
  x.media.key = true;
  x.media.dts = x.media.pts = from_millis(timestamp);
  x.media.data = data;
  x.media.owner = owner;
  return x;
}

// More NAL units than the slices that any level allows (H.264 table A-6: 600 a picture at most),
// with what stands beside them; each costs whoever muxes the frame more than its bytes.
constexpr std::size_t most_units = 4096;

/// The NAL units at the front of a frame that are there as a whole; none of a frame of too many.
struct units {
  core::byte_view whole; // empty when there is nothing in them
  bool has_picture = false;
  bool has_idr = false;
};

units whole_units(core::byte_view frame, std::size_t length_size) {
  units x;
  bool has_content = false;
  std::size_t end = 0;
  std::size_t count = 0;
  for (auto rest = frame; rest.size() >= length_size;) {
    if (++count > most_units)
      return {};
    std::size_t size = 0;
    for (std::size_t i = 0; i < length_size; ++i)
      size = (size << 8) | rest[i];
    rest = rest.subspan(length_size);
    if (size > rest.size())
      break;
    if (size > 0) {
      // Slices are 1 to 5 (H.264 7.4.1, table 7-1).
      const auto type = rest[0] & 0x1f;
      x.has_picture = x.has_picture || (type >= 1 && type <= 5);
      x.has_idr = x.has_idr || type == 5;
      has_content = true;
    }
    rest = rest.subspan(size);
    end = frame.size() - rest.size();
  }
  if (has_content)
    x.whole = frame.first(end);
  return x;
}

} // namespace

/// Its time is known, and that it is not there: it becomes part of a gap.
void media_reader::lose(std::uint64_t& count, core::track_kind kind, std::uint32_t timestamp,
                        std::vector<core::media_item>& into) {
  ++count;
  core::media_item x;
  x.media.kind = kind;
  x.media.dts = x.media.pts = from_millis(timestamp);
  into.push_back(std::move(x));
}

core::result<void> media_reader::configure(core::result<core::track> read,
                                           std::shared_ptr<const core::track>& known,
                                           std::vector<core::media_item>& into) {
  if (!read)
    return read.error();
  if (known && *known == *read)
    return {};
  known = std::make_shared<const core::track>(*std::move(read));
  core::media_item x;
  x.config = known;
  into.push_back(std::move(x));
  return {};
}

core::result<void> media_reader::video(core::byte_view body, std::uint32_t timestamp,
                                       const std::shared_ptr<const void>& owner,
                                       std::vector<core::media_item>& into) {
  if (body.empty())
    return {};
  if (body[0] & enhanced_video)
    return unknown("video in the form of Enhanced RTMP (" + four_cc(body) + ")");
  const std::uint8_t kind = body[0] >> 4;
  const std::uint8_t codec = body[0] & 0x0f;
  if (kind == command_frame)
    return {};
  if (codec != avc)
    return unknown(video_name(codec));
  if (body.size() < 5) {
    lose(lost_.damaged, core::track_kind::video, timestamp, into);
    return {};
  }
  const auto rest = body.subspan(5);
  if (body[1] == avc_header) {
    if (rest.empty() || (video_ && std::ranges::equal(video_->config, rest)))
      return {};
    if (auto done = configure(core::codec::h264_track(rest), video_, into); !done)
      return done;
    nal_length_size_ = static_cast<std::size_t>(core::codec::nal_length_size(*video_));
    return {};
  }
  // 2 is the end of a sequence and carries nothing.
  if (body[1] != avc_nal_units)
    return {};
  if (!video_) {
    lose(lost_.before_header, core::track_kind::video, timestamp, into);
    return {};
  }
  const auto found = whole_units(rest, nal_length_size_);
  if (found.whole.empty()) {
    lose(lost_.damaged, core::track_kind::video, timestamp, into);
    return {};
  }
  const bool is_trimmed = found.whole.size() < rest.size();
  lost_.trimmed += is_trimmed ? 1 : 0;
  // Composition time: 24 bits with a sign.
  const auto raw = static_cast<std::int32_t>(be24(&body[2]));
  const auto composition = raw >= 0x800000 ? raw - 0x1000000 : raw;
  core::media_item x;
  x.media.kind = core::track_kind::video;
  // A recording that began with a frame whose picture was cut off would show nothing.
  x.media.key = kind == key_frame && (!is_trimmed || found.has_picture);
  x.media.open_gop = x.media.key && !found.has_idr;
  x.media.dts = from_millis(timestamp);
  x.media.pts = from_millis(std::int64_t{timestamp} + composition);
  x.media.data = found.whole;
  x.media.owner = owner;
  into.push_back(std::move(x));
  return {};
}

core::result<void> media_reader::audio(core::byte_view body, std::uint32_t timestamp,
                                       const std::shared_ptr<const void>& owner,
                                       std::vector<core::media_item>& into) {
  if (body.empty())
    return {};
  const std::uint8_t format = body[0] >> 4;
  if (format == mp3_sound || format == mp3_8khz_sound)
    return mp3(body.subspan(1), timestamp, owner, into);
  if (format == enhanced_audio)
    return unknown("audio in the form of Enhanced RTMP (" + four_cc(body) + ")");
  if (format != aac)
    return unknown(audio_name(format));
  if (body.size() < 3)
    return {};
  const auto rest = body.subspan(2);
  if (body[1] == aac_header) {
    if (audio_ && audio_->codec == core::codec_id::aac && std::ranges::equal(audio_->config, rest))
      return {};
    return configure(core::codec::aac_track(rest), audio_, into);
  }
  if (!audio_ || audio_->codec != core::codec_id::aac) {
    lose(lost_.before_header, core::track_kind::audio, timestamp, into);
    return {};
  }
  into.push_back(sound(rest, timestamp, owner));
  return {};
}

core::result<void> media_reader::mp3(core::byte_view data, std::uint32_t timestamp,
                                     const std::shared_ptr<const void>& owner,
                                     std::vector<core::media_item>& into) {
  if (data.empty())
    return {};
  if (data.size() < 4) {
    lose(lost_.damaged, core::track_kind::audio, timestamp, into);
    return {};
  }
  // Version and layer, sample rate, mono or not (ISO 11172-3 2.4.1.3): what a track is made of.
  const auto mode = static_cast<std::uint8_t>((data[3] & 0xc0) == 0xc0 ? 1 : 0);
  const std::array<std::uint8_t, 3> header{static_cast<std::uint8_t>(data[1] & 0xfe),
                                           static_cast<std::uint8_t>(data[2] & 0x0c), mode};
  const bool is_same = audio_ && audio_->codec == core::codec_id::mp3 && header == mp3_header_;
  if (data[0] != 0xff || !is_same) {
    auto read = core::codec::mp3_track(data);
    if (!read) {
      lose(lost_.damaged, core::track_kind::audio, timestamp, into);
      return {};
    }
    if (auto done = configure(std::move(read), audio_, into); !done)
      return done;
    mp3_header_ = header;
  }
  into.push_back(sound(data, timestamp, owner));
  return {};
}

std::size_t media_reader::held() const {
  return (video_ ? video_->config.capacity() : 0) + (audio_ ? audio_->config.capacity() : 0);
}

} // namespace io::rtmp
