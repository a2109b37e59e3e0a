// SPDX-License-Identifier: MIT
#include "core/codec.hpp"
#include "core/mux/byte_order.hpp"
#include "core/mux/file_access.hpp"
#include "core/mux/flv_header.hpp"
#include "core/mux/flv_tags.hpp"
#include "core/mux/formats.hpp"
#include "core/mux/tally.hpp"

#include <algorithm>
#include <bit>
#include <string_view>

namespace core::mux::flv {

namespace {

// Parameter sets are far smaller (codec.cpp refuses more than 64 KiB); of a frame only the first
// bytes are looked at.
constexpr std::size_t largest_configuration = 64 * 1024;
constexpr std::size_t looked_at = 16;

/// Goes through the tags of one of our files, up to the first that is not whole or not ours.
class reader {
public:
  explicit reader(file& in) : file_{in}, window_{in, 4096} {}

  result<void> run() {
    at_ = header_size();
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
    if (get24(&(*head)[8]) != 0 || size < 2 || end > file_.size())
      return false;
    auto trailer = window_.at(end - trailer_size, trailer_size);
    if (!trailer)
      return trailer.error();
    if (trailer->size() < trailer_size || get32(trailer->data()) != tag_header_size + size)
      return false;
    auto data = window_.at(at_ + tag_header_size, std::min(size, looked_at));
    if (!data)
      return data.error();
    bool configuration
        = data->size() >= 2 && (*data)[1] == 0 && (type == video_tag || (*data)[0] >> 4 == 10);
    if (configuration) {
      if (size > largest_configuration)
        return false;
      data = window_.at(at_ + tag_header_size, size);
      if (!data)
        return data.error();
    }
    bool good = type == video_tag   ? video(*data, time, configuration)
                : type == audio_tag ? audio(*data, time, configuration)
                                    : false;
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
  std::uint64_t at_ = 0;
  track_set tracks_;
  key_frame_index keys_;
  tally tally_;
  std::optional<picture> video_;
  std::optional<std::int64_t> step_;
  int sample_count_ = 0;
};

/// What the front says of the length of the whole file.
double stated_size(byte_view front) {
  std::string_view text{reinterpret_cast<const char*>(front.data()), front.size()};
  constexpr std::string_view key{"filesize"};
  auto at = text.find(key);
  if (at == text.npos || front.size() - at < key.size() + 9)
    return 0;
  return std::bit_cast<double>(get64(&front[at + key.size() + 1]));
}

} // namespace

result<account> repair(folder& in, const std::string& name) {
  auto opened = in.open(name);
  if (!opened)
    return opened.error();
  auto& x = **opened;
  reader tags{x};
  if (auto r = tags.run(); !r)
    return r.error();
  if (tags.counted().empty())
    return failure{errc::not_found, "there is no whole frame in it"};
  auto holds = tags.counted().make(tags.tracks(), tags.end());
  bytes front(header_size());
  auto n = x.read_at(0, front);
  if (!n)
    return n.error();
  bool closed = x.size() == tags.end() && front[0] == 'F' && front[1] == 'L' && front[2] == 'V'
                && stated_size(front) == static_cast<double>(tags.end());
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
