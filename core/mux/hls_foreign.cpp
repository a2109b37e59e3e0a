// SPDX-License-Identifier: MIT
#include "core/mux/hls_foreign.hpp"

#include "core/mux/file_access.hpp"
#include "core/mux/foreign.hpp"
#include "core/mux/hls_playlist.hpp"
#include "core/mux/ts_foreign.hpp"
#include "core/mux/ts_packets.hpp"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdio>

namespace core::mux::hls {

namespace {

// More than a week of segments of 2 s.
constexpr std::uint64_t largest_playlist = 16 * 1024 * 1024;
// What is read of listed segments to count frames and know tracks.
constexpr std::uint64_t largest_probe = 256 * 1024 * 1024;
// What hlssink2 makes, but for the length.
constexpr std::string_view head_front = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:0\n";
constexpr std::string_view target_tag = "#EXT-X-TARGETDURATION:";
constexpr std::string_view end_tag = "#EXT-X-ENDLIST";

byte_view view(std::string_view x) {
  return {reinterpret_cast<const std::uint8_t*>(x.data()), x.size()};
}

/// A name in this very folder.
bool is_plain(std::string_view x) {
  return x.size() <= 255 && x.find('/') == x.npos && x.front() != '.';
}

/// "seg-000009.ts" gives "seg-000010.ts"; nothing without a number at the end of the stem.
std::optional<std::string> next_name(const std::string& x) {
  auto dot = x.rfind('.');
  if (dot == x.npos)
    return {};
  auto out = x;
  for (auto at = dot; at > 0 && out[at - 1] >= '0' && out[at - 1] <= '9'; --at) {
    if (out[at - 1] != '9') {
      ++out[at - 1];
      return out;
    }
    out[at - 1] = '0';
    if (at == 1 || out[at - 2] < '0' || out[at - 2] > '9')
      return out.insert(at - 1, 1, '1');
  }
  return {};
}

class finisher {
public:
  finisher(folder& in, std::string old) : in_{in}, old_{std::move(old)} {}

  result<account> run() {
    if (!read_list())
      return cannot_finish();
    for (const auto& name : names_)
      if (auto r = count(name); !r)
        return r.error();
    if (auto r = add_segments(); !r)
      return r.error();
    if (holds_.video_frames + holds_.audio_frames == 0)
      return cannot_finish();
    if (!ended_ || added_)
      if (auto r = write(); !r)
        return r.error();
    holds_.size += (!ended_ || added_ ? fresh_ : old_).size();
    holds_.duration = duration_;
    return holds_;
  }

private:
  /// Keeps whole entries. False when it lists what is no segment in this folder.
  bool read_list() {
    bool timed = false;
    double length = 0;
    for (std::size_t at = 0; at < old_.size();) {
      auto end = old_.find('\n', at);
      std::string line{old_, at, end == old_.npos ? end : end - at};
      if (!line.empty() && line.back() == '\r')
        line.pop_back();
      if (line == end_tag) {
        ended_ = true;
        return !names_.empty();
      }
      if (end == old_.npos)
        return true; // torn
      if (at == 0 && line != "#EXTM3U")
        return false;
      at = end + 1;
      if (line.find("#EXTINF:") == 0) {
        timed = std::sscanf(line.c_str() + 8, "%20lf", &length) == 1 && length >= 0 && length < 1e6;
      } else if (line.find(target_tag) == 0) {
        std::sscanf(line.c_str() + target_tag.size(), "%9" SCNd64, &target_);
        target_at_ = old_.rfind(target_tag, end) + target_tag.size();
      } else if (!line.empty() && line[0] != '#') {
        if (!timed || !is_plain(line))
          return false;
        timed = false;
        names_.push_back(line);
        duration_ += micros{std::llround(length * 1e6)};
        body_ = at;
      }
    }
    return true;
  }

  result<void> count(const std::string& name) {
    auto x = in_.open(name);
    if (!x)
      return {}; // Kept elsewhere or lost: the list is what there is.
    holds_.size += (*x)->size();
    if (probed_ >= largest_probe)
      return {};
    auto found = ts::measure_foreign(**x, largest_probe - probed_);
    if (!found)
      return found.error();
    probed_ += found->end;
    add(*found);
    return {};
  }

  void add(const ts::measurement& x) {
    holds_.video_frames += x.video_frames;
    holds_.audio_frames += x.audio_frames;
    if (!holds_.tracks.video)
      holds_.tracks.video = x.tracks.video;
    if (!holds_.tracks.audio)
      holds_.tracks.audio = x.tracks.audio;
  }

  result<void> add_segments() {
    auto name = names_.empty() ? std::optional{segment_name(in_.exists(segment_name(0)) ? 0 : 1)}
                               : next_name(names_.back());
    std::optional<std::pair<std::string, ts::measurement>> waiting;
    for (; name && in_.exists(*name); name = next_name(*name)) {
      auto x = in_.open(*name);
      if (!x)
        return x.error();
      auto found = ts::measure_foreign(**x);
      if (!found)
        return found.error();
      if (found->video_frames + found->audio_frames == 0)
        break;
      holds_.size += (*x)->size();
      add(*found);
      if (waiting)
        list(waiting->first, length(waiting->second, *found));
      waiting.emplace(*name, *found);
    }
    if (waiting)
      list(waiting->first, waiting->second.last - waiting->second.first);
    return {};
  }

  /// Up to where the next one begins, unless that is nowhere near its end.
  static ticks length(const ts::measurement& x, const ts::measurement& next) {
    auto own = x.last - x.first;
    auto step = (next.start + next.first - x.start - x.first) & (time_wrap - 1);
    return step > 0 && step <= 2 * own + ticks_per_second ? step : own;
  }

  void list(const std::string& name, ticks length) {
    auto x = std::chrono::floor<micros>(to_nanos(std::max<ticks>(length, 0)));
    char line[64];
    std::snprintf(line, sizeof line, "#EXTINF:%" PRId64 ".%06" PRId64 ",\n",
                  std::int64_t{x.count()} / 1'000'000, std::int64_t{x.count()} % 1'000'000);
    added_text_ += line + name + "\n";
    added_ = true;
    duration_ += x;
    longest_ = std::max(longest_, rounded_seconds(x));
  }

  /// Changes nothing before the first byte that differs: mostly it only appends. Where it dies in
  /// between, the list is torn, and what is missing is made again from the segments.
  result<void> write() {
    if (body_ == 0 || target_at_ == 0) {
      // No whole entry, or a list without a length: as hlssink2 would have begun it.
      if (body_ != 0)
        return cannot_finish();
      fresh_ = std::string{head_front};
      fresh_ += target_tag;
      fresh_ += std::to_string(std::max<std::int64_t>(longest_, 1)) + "\n\n";
    } else {
      fresh_ = old_.substr(0, body_);
      if (longest_ > target_)
        fresh_.replace(target_at_, old_.find_first_not_of("0123456789", target_at_) - target_at_,
                       std::to_string(longest_));
    }
    fresh_ += added_text_;
    fresh_ += end_line;
    auto x = in_.exists(playlist_name) ? in_.open(playlist_name) : in_.create(playlist_name);
    if (!x)
      return x.error();
    auto same = static_cast<std::size_t>(
        std::mismatch(old_.begin(), old_.end(), fresh_.begin(), fresh_.end()).first - old_.begin());
    if (same < (*x)->size())
      if (auto r = (*x)->truncate(same); !r)
        return r;
    return append_whole(**x, view(std::string_view{fresh_}.substr(same)));
  }

  folder& in_;
  std::string old_;
  std::string fresh_;
  std::string added_text_;
  std::vector<std::string> names_;
  std::size_t body_ = 0;      // behind the last whole entry
  std::size_t target_at_ = 0; // where the number of TARGETDURATION stands
  std::int64_t target_ = 0;
  std::int64_t longest_ = 0; // rounded seconds, of what is added
  std::uint64_t probed_ = 0;
  micros duration_{0};
  account holds_;
  bool ended_ = false;
  bool added_ = false;
};

result<std::string> read_text(folder& in) {
  if (!in.exists(playlist_name))
    return std::string{};
  auto x = in.open(playlist_name);
  if (!x)
    return x.error();
  if ((*x)->size() > largest_playlist)
    return cannot_finish();
  bytes out(static_cast<std::size_t>((*x)->size()));
  auto n = (*x)->read_at(0, out);
  if (!n)
    return n.error();
  return std::string{out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*n)};
}

/// Nothing when there is no such segment, or not one byte of it.
result<std::optional<bool>> segment_is_ours(folder& in, std::uint64_t number) {
  if (!in.exists(segment_name(number)))
    return std::optional<bool>{};
  auto x = in.open(segment_name(number));
  if (!x)
    return x.error();
  if ((*x)->size() == 0)
    return std::optional<bool>{};
  auto mine = ts::is_ours(**x);
  if (!mine)
    return mine.error();
  return std::optional<bool>{*mine};
}

} // namespace

result<bool> is_foreign(folder& in) {
  // Ours are counted from 1, those of hlssink2 from 0.
  for (std::uint64_t number : {0, 1}) {
    auto mine = segment_is_ours(in, number);
    if (!mine)
      return mine.error();
    if (*mine)
      return number == 0 || !**mine;
  }
  auto text = read_text(in);
  if (!text)
    return text.error().code == errc::bad_request ? result<bool>{true} : text.error();
  return text->find("\n#EXTINF:") != text->npos || text->find("\n#EXT-X-STREAM-INF:") != text->npos;
}

result<account> finish_foreign(folder& in) {
  auto text = read_text(in);
  if (!text)
    return text.error();
  return finisher{in, *std::move(text)}.run();
}

} // namespace core::mux::hls
