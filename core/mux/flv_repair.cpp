// SPDX-License-Identifier: MIT
#include "core/codec.hpp"
#include "core/mux/byte_order.hpp"
#include "core/mux/file_access.hpp"
#include "core/mux/flv_header.hpp"
#include "core/mux/flv_tags.hpp"
#include "core/mux/foreign.hpp"
#include "core/mux/formats.hpp"
#include "core/mux/tally.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>

namespace core::mux::flv {

namespace {

// Parameter sets are far smaller (codec.cpp refuses more than 64 KiB); of a frame only the first
// bytes are looked at.
constexpr std::size_t largest_configuration = 64 * 1024;
constexpr std::size_t looked_at = 16;

enum class origin : std::uint8_t { ours, foreign };

/// Goes through the tags of a file from `start` on, up to the first that is not whole. One of ours
/// ends also where a tag is not as we write it; in a foreign one such a tag is passed over.
class reader {
public:
  reader(file& in, origin of, std::uint64_t start)
      : file_{in}, window_{in, 4096}, of_{of}, at_{start} {}

  result<void> run() {
    for (;;) {
      auto more = next();
      if (!more)
        return more.error();
      if (!*more)
        break;
    }
    if (video_)
      tally_.add(track_kind::video, millis{video_->pts}, millis{guess_last()});
    return {};
  }

  std::uint64_t end() const { return at_; }
  const track_set& tracks() const { return tracks_; }
  const key_frame_index& keys() const { return keys_; }
  const tally& counted() const { return tally_; }

private:
  struct picture {
    std::int64_t dts = 0;
    std::int64_t pts = 0;
  };

  result<bool> next() {
    auto head = window_.at(at_, tag_header_size);
    if (!head)
      return head.error();
    if (head->size() < tag_header_size)
      return false;
    auto type = (*head)[0];
    std::size_t size = get24(&(*head)[1]);
    std::int64_t time = get24(&(*head)[4]) | std::int64_t{(*head)[7]} << 24;
    auto end = at_ + tag_header_size + size + trailer_size;
    if (get24(&(*head)[8]) != 0 || (size < 2 && of_ == origin::ours) || end > file_.size())
      return false;
    auto trailer = window_.at(end - trailer_size, trailer_size);
    if (!trailer)
      return trailer.error();
    if (trailer->size() < trailer_size || get32(trailer->data()) != tag_header_size + size)
      return false;
    auto data = window_.at(at_ + tag_header_size, std::min(size, looked_at));
    if (!data)
      return data.error();
    bool foreign = of_ == origin::foreign;
    bool configuration
        = data->size() >= 2 && (*data)[1] == 0 && (type == video_tag || (*data)[0] >> 4 == 10);
    if (configuration) {
      if (size > largest_configuration)
        return take(foreign, end);
      data = window_.at(at_ + tag_header_size, size);
      if (!data)
        return data.error();
    }
    bool good = type == video_tag   ? video(*data, time, configuration)
                : type == audio_tag ? audio(*data, time, configuration)
                                    : false;
    return take(good || foreign, end);
  }

  bool take(bool good, std::uint64_t end) {
    if (good)
      at_ = end;
    return good;
  }

  bool video(byte_view data, std::int64_t time, bool configuration) {
    if (data.size() < 5 || (data[0] & 0x0f) != 7)
      return false;
    if (configuration) {
      auto parsed = codec::h264_track(data.subspan(5));
      if (parsed)
        tracks_.video = *std::move(parsed);
      return tracks_.video.has_value();
    }
    if (!tracks_.video || data[1] != 1)
      return false;
    auto composition = static_cast<std::int64_t>(get24(&data[2]));
    if (composition & 0x80'0000)
      composition -= 0x100'0000;
    if (data[0] >> 4 == 1)
      keys_.add(time, at_);
    if (video_) {
      step_ = std::max<std::int64_t>(time - video_->dts, 0);
      tally_.add(track_kind::video, millis{video_->pts}, millis{*step_});
    }
    video_ = picture{time, time + composition};
    return true;
  }

  bool audio(byte_view data, std::int64_t time, bool configuration) {
    bool aac = data[0] >> 4 == 10;
    if (configuration) {
      auto parsed = codec::aac_track(data.subspan(2));
      if (parsed)
        tracks_.audio = *std::move(parsed);
    } else if (!aac && !tracks_.audio) {
      auto parsed = codec::mp3_track(data.subspan(1));
      if (parsed)
        tracks_.audio = *std::move(parsed);
    }
    if (!tracks_.audio || (tracks_.audio->codec == codec_id::aac) != aac)
      return false;
    if (configuration)
      return true;
    if (sample_count_ == 0)
      sample_count_ = codec::samples_per_frame(*tracks_.audio);
    tally_.add(track_kind::audio, millis{time},
               nanos{sample_count_ * std::int64_t{1'000'000'000} / tracks_.audio->sample_rate});
    return true;
  }

  /// The last picture lasts as long as the one before.
  std::int64_t guess_last() const {
    if (step_)
      return *step_;
    auto rate = tracks_.video->frame_rate;
    return rate > 0 ? static_cast<std::int64_t>(1000 / rate) : 0;
  }

  file& file_;
  file_window window_;
  origin of_;
  std::uint64_t at_;
  track_set tracks_;
  key_frame_index keys_;
  tally tally_;
  std::optional<picture> video_;
  std::optional<std::int64_t> step_;
  int sample_count_ = 0;
};

bool contains(byte_view front, std::string_view what) {
  std::string_view text{reinterpret_cast<const char*>(front.data()), front.size()};
  return text.find(what) != text.npos;
}

/// By the script tag that fills the whole front, or by the mark in it: a crash may have torn either
/// when the front was written again.
bool is_ours(byte_view front) {
  constexpr std::size_t script = 13; // behind the header and the first PreviousTagSize (E.2, E.3)
  if (front.size() < script + 4)
    return true; // nothing is in it, whoever wrote it
  auto length = header_size() - script - tag_header_size - trailer_size;
  return (front[script] == script_tag && get24(&front[script + 1]) == length)
         || contains(front, "livetapeSpace");
}

result<account> read_foreign(file& x, byte_view front) {
  if (front.size() < 9 || !contains(front.first(3), "FLV"))
    return cannot_finish();
  reader tags{x, origin::foreign, std::uint64_t{get32(&front[5])} + trailer_size};
  if (auto r = tags.run(); !r)
    return r.error();
  if (tags.counted().empty())
    return cannot_finish();
  return tags.counted().make(tags.tracks(), x.size());
}

/// What the front says the file lasts; 0 when that is no duration.
nanos stated_duration(byte_view front) {
  std::string_view text{reinterpret_cast<const char*>(front.data()), front.size()};
  constexpr std::string_view key{"duration"};
  auto at = text.find(key);
  if (at == text.npos || front.size() - at < key.size() + 9)
    return nanos{0};
  auto x = std::bit_cast<double>(get64(&front[at + key.size() + 1]));
  return x > 0 && x < 1e9 ? nanos{std::llround(x * 1e9)} : nanos{0};
}

/// True when the front is the one of these tags, to its last byte: after a power cut it may be of
/// two times. Its writer knew more of the duration: what was before 0, how long the last picture
/// is.
bool is_finished(byte_view front, const account& holds, const key_frame_index& keys) {
  auto duration = stated_duration(front);
  if (std::chrono::abs(duration - holds.duration) > seconds{60})
    return false;
  return std::ranges::equal(front, make_header(holds.tracks, duration, holds.size, keys));
}

} // namespace

result<account> repair(folder& in, const std::string& name) {
  auto opened = in.open(name);
  if (!opened)
    return opened.error();
  auto& x = **opened;
  bytes front(header_size());
  auto n = x.read_at(0, front);
  if (!n)
    return n.error();
  byte_view begin{front.data(), std::min(*n, front.size())};
  bool mine = is_ours(begin);
  // A front that is lost altogether is no one's: what follows it tells.
  if (!mine && contains(begin.first(3), "FLV"))
    return read_foreign(x, begin);
  reader tags{x, origin::ours, header_size()};
  if (auto r = tags.run(); !r)
    return r.error();
  if (tags.counted().empty())
    return mine ? failure{errc::not_found, "there is no whole frame in it"} : cannot_finish();
  auto holds = tags.counted().make(tags.tracks(), tags.end());
  bool closed = x.size() == tags.end() && is_finished(begin, holds, tags.keys());
  if (closed)
    return holds;
  if (x.size() > tags.end())
    if (auto r = x.truncate(tags.end()); !r)
      return r.error();
  auto r = x.write_at(0, make_header(holds.tracks, holds.duration, holds.size, tags.keys()));
  if (!r)
    return r.error();
  return holds;
}

} // namespace core::mux::flv
