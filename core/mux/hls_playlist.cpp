// SPDX-License-Identifier: MIT
#include "core/mux/hls_playlist.hpp"

#include "core/mux/hls_segments.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

namespace core::mux::hls {

namespace {

constexpr std::size_t longest_line = 256;
constexpr int target_digits = 10;

/// RFC 3339 in UTC; `digits` of the second's fraction, 3 or 6.
std::string time_text(wall_time x, int digits) {
  auto day = std::chrono::floor<std::chrono::days>(x);
  std::chrono::year_month_day date{day};
  std::chrono::hh_mm_ss time{x - day};
  auto fraction = time.subseconds().count() / (digits == 3 ? 1000 : 1);
  char out[64];
  std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d.%0*" PRId64 "Z", int(date.year()),
                unsigned(date.month()), unsigned(date.day()), int(time.hours().count()),
                int(time.minutes().count()), int(time.seconds().count()), digits,
                std::int64_t{fraction});
  return out;
}

std::optional<wall_time> to_time(const std::string& x) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int fraction = 0;
  if (std::sscanf(x.c_str(), "%4d-%2u-%2uT%2d:%2d:%2d.%6dZ", &year, &month, &day, &hour, &minute,
                  &second, &fraction)
      != 7)
    return {};
  std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month},
                                   std::chrono::day{day}};
  if (!date.ok())
    return {};
  return std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute}
         + seconds{second} + micros{fraction};
}

/// Lines of a file, with their ends; a line without one is none.
class lines {
public:
  explicit lines(file& x) : window_{x, 16 * 1024} {}

  result<std::optional<std::string>> next() {
    auto view = window_.at(at_, longest_line);
    if (!view)
      return view.error();
    auto end = std::find(view->begin(), view->end(), '\n');
    if (end == view->end())
      return std::optional<std::string>{};
    std::string out{view->begin(), end};
    at_ += out.size() + 1;
    return std::optional{std::move(out)};
  }

  std::uint64_t at() const { return at_; }

private:
  file_window window_;
  std::uint64_t at_ = 0;
};

bool begins(const std::string& x, std::string_view with) {
  return x.compare(0, with.size(), with) == 0;
}

/// The head is ours only when it is what would be written for what it says.
result<std::optional<playlist_head>> read_head(file& x) {
  playlist_head out;
  out.start = wall_time{};
  out.kind = segment_kind::fmp4; // the longer one
  bytes text(to_text(out).size());
  auto n = x.read_at(0, text);
  if (!n)
    return n.error();
  std::string found{text.begin(),
                    text.begin() + static_cast<std::ptrdiff_t>(std::min(*n, text.size()))};
  if (found.find(map_line(1)) == found.npos) {
    out.kind = segment_kind::ts;
    found.resize(std::min(found.size(), to_text(out).size()));
  }
  auto value = [&](std::string_view key) -> std::optional<std::string> {
    auto at = found.find(key);
    if (at == found.npos)
      return {};
    at += key.size();
    auto end = found.find('\n', at);
    return end == found.npos ? std::nullopt : std::optional{found.substr(at, end - at)};
  };
  auto target = value("#EXT-X-TARGETDURATION:");
  auto type = value("#EXT-X-PLAYLIST-TYPE:");
  auto start = value("#livetape start=");
  if (!target || !type || !start || target->size() > target_digits
      || std::sscanf(target->c_str(), "%" SCNd64, &out.target) != 1)
    return std::optional<playlist_head>{};
  out.ended = *type == "VOD";
  out.start = to_time(*start);
  if (to_text(out) != found)
    return std::optional<playlist_head>{};
  return std::optional{out};
}

} // namespace

std::string segment_name(std::uint64_t number, segment_kind kind) {
  char out[40];
  std::snprintf(out, sizeof out, "seg-%06" PRIu64 ".%s", number,
                kind == segment_kind::ts ? "ts" : "m4s");
  return out;
}

std::string map_line(std::uint64_t number) {
  return "#EXT-X-MAP:URI=\"" + init_name(number) + "\"\n";
}

std::string to_text(const playlist_head& x) {
  auto target = std::to_string(std::clamp<std::int64_t>(x.target, 1, 9'999'999'999));
  const bool fmp4 = x.kind == segment_kind::fmp4;
  std::string out = std::string{"#EXTM3U\n#EXT-X-VERSION:"} + (fmp4 ? "7" : "6")
                    + "\n#EXT-X-INDEPENDENT-SEGMENTS\n";
  if (fmp4)
    out += map_line(1); // in the head, because that is written anew
  out += "#EXT-X-TARGETDURATION:";
  out += target + "\n#" + std::string(target_digits - target.size(), '-') + "\n";
  out += "#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:";
  out += x.ended ? "VOD\n#\n" : "EVENT\n";
  // As long as a time, so that the length of the head stays fixed.
  out += "#livetape start=" + (x.start ? time_text(*x.start, 6) : std::string(27, '-')) + "\n";
  return out;
}

std::string to_text(const playlist_entry& x, std::uint64_t number, segment_kind kind) {
  char line[160];
  std::snprintf(line, sizeof line, "#livetape video=%" PRIu64 " audio=%" PRIu64 " bytes=%" PRIu64,
                x.video_frames, x.audio_frames, x.size);
  std::string out = line;
  if (x.at)
    out += " at=" + std::to_string(x.at->count());
  out += "\n";
  if (x.start)
    out += "#EXT-X-PROGRAM-DATE-TIME:" + time_text(*x.start, 3) + "\n";
  auto length = std::max<std::int64_t>(x.duration.count(), 0);
  std::snprintf(line, sizeof line, "#EXTINF:%" PRId64 ".%06" PRId64 ",\n", length / 1'000'000,
                length % 1'000'000);
  return out + line + segment_name(number, kind) + "\n";
}

result<playlist_state> read_playlist(file& x) {
  playlist_state out;
  auto head = read_head(x);
  if (!head)
    return head.error();
  if (!*head)
    return out;
  out.head = **head;
  auto head_size = to_text(*out.head).size();
  lines in{x};
  while (in.at() < head_size)
    if (auto skipped = in.next(); !skipped || !*skipped)
      return out;
  out.end = in.at();
  playlist_entry entry;
  bool timed = false;
  std::uint64_t inits = 1;
  for (;;) {
    auto line = in.next();
    if (!line)
      return line.error();
    if (!*line)
      return out;
    const auto& text = **line;
    std::int64_t whole = 0;
    std::int64_t fraction = 0;
    if (begins(text, "#livetape ")) {
      std::int64_t at = 0;
      if (std::sscanf(text.c_str(),
                      "#livetape video=%9" SCNu64 " audio=%9" SCNu64 " bytes=%15" SCNu64
                      " at=%15" SCNd64,
                      &entry.video_frames, &entry.audio_frames, &entry.size, &at)
          == 4)
        entry.at = micros{at};
    } else if (begins(text, "#EXTINF:")) {
      if (std::sscanf(text.c_str(), "#EXTINF:%9" SCNd64 ".%6" SCNd64, &whole, &fraction) != 2)
        return out;
      entry.duration = seconds{whole} + micros{fraction};
      timed = entry.duration.count() >= 0;
    } else if (text == "#EXT-X-ENDLIST") {
      out.ended = in.at() == x.size() && out.end + end_line.size() == in.at();
      return out;
    } else if (timed && text == segment_name(out.segments + 1, out.head->kind)) {
      ++out.segments;
      if (entry.video_frames && !out.first_video)
        out.first_video = out.segments;
      if (entry.audio_frames && !out.first_audio)
        out.first_audio = out.segments;
      out.sum.duration = entry.at.value_or(out.sum.duration) + entry.duration;
      out.sum.video_frames += entry.video_frames;
      out.sum.audio_frames += entry.audio_frames;
      out.sum.size += entry.size;
      out.longest = std::max(out.longest, rounded_seconds(entry.duration));
      out.end = in.at();
      out.is_apart = false;
      out.inits = inits;
      entry = {};
      timed = false;
    } else if (text + "\n" == discontinuity_line) {
      out.is_apart = true;
    } else if (text + "\n" == map_line(out.inits + 1)) {
      ++inits;
    } else if (!begins(text, "#EXT-X-PROGRAM-DATE-TIME:")) {
      return out;
    }
  }
}

} // namespace core::mux::hls
