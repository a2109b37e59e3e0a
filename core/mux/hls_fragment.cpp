// SPDX-License-Identifier: MIT
#include "core/mux/file_access.hpp"
#include "core/mux/formats.hpp"
#include "core/mux/hls_playlist.hpp"
#include "core/mux/hls_segments.hpp"
#include "core/mux/mp4_moof.hpp"
#include "core/mux/tally.hpp"

#include <algorithm>
#include <utility>

namespace core::mux::hls {

namespace {

constexpr std::size_t most_bytes = 16 * 1024 * 1024;

byte_view view(std::string_view x) {
  return {reinterpret_cast<const std::uint8_t*>(x.data()), x.size()};
}

class writer : public fragment {
public:
  writer(folder& in, const options& x) : in_{in}, tracks_{x.tracks}, length_{x.segment} {
    head_.kind = x.segments;
    head_.start = x.start;
    head_.target = (std::chrono::ceil<seconds>(x.segment)).count();
  }

  /// The playlist last: what it names is there.
  result<void> begin() {
    if (auto r = begin_tracks(tracks_); !r)
      return r;
    auto playlist = in_.create(playlist_name);
    if (!playlist)
      return playlist.error();
    playlist_ = *std::move(playlist);
    return append_whole(*playlist_, view(to_text(head_)));
  }

  result<void> write(std::span<const frame> frames) override {
    for (const auto& f : frames) {
      if (apart_)
        if (auto r = go_apart(*std::exchange(apart_, {}), f.pts); !r)
          return r;
      bool video = f.kind == track_kind::video;
      if (!(video ? current_.video : current_.audio))
        return failure{errc::bad_request, "a frame belongs to a track that the fragment has not"};
      if (f.data.size() > most_bytes)
        return failure{errc::bad_request, "a frame is larger than 16 MiB"};
      if (segment_ && cuts(f))
        if (auto r = next_segment(f.pts); !r)
          return r;
      if (!segment_)
        if (auto r = begin_segment(f.pts); !r)
          return r;
      if (segments_->is_full_for(f))
        if (auto r = flush(); !r)
          return r;
      if (auto r = segments_->add(f); !r)
        return r;
      whole_.add(f.kind, f.pts, f.duration);
      written_.hold(f);
      ++(video ? video_frames_ : audio_frames_);
    }
    return segments_->may_wait() ? result<void>{} : flush();
  }

  result<void> write_out() override { return segment_ ? flush() : result<void>{}; }

  /// Takes effect with the next frame, which says when what was before has ended.
  result<void> discontinue(const track_set& x) override {
    if (auto r = check_tracks(format::hls, x, head_.kind); !r)
      return r;
    apart_ = x;
    return {};
  }

  result<account> close() override {
    if (whole_.empty())
      return failure{errc::not_found, "there is no whole frame in it"};
    if (auto r = flush(); !r)
      return r.error();
    if (auto r = end_segment(whole_.end(), end_line); !r)
      return r.error();
    head_.target = std::max<std::int64_t>(longest_, 1);
    head_.ended = true;
    if (auto r = write_head(); !r)
      return r.error();
    return so_far();
  }

  account so_far() const override {
    auto size = closed_size_ + playlist_->size() + (segment_ ? segment_->size() : 0);
    return whole_.make(tracks_, size);
  }

  nanos durable_until() const override { return written_.durable_until(); }

private:
  /// Sound that waited for its picture begins before the pictures of the old tracks end: that time
  /// is listed once.
  result<void> go_apart(const track_set& x, nanos at) {
    if (segment_)
      if (auto r = next_segment(std::min(whole_.end(), at)); !r)
        return r;
    // What has no segment yet has nothing that it does not follow on.
    std::string lines{number_ > 1 ? discontinuity_line : ""};
    if (x != current_) {
      if (auto r = begin_tracks(x); !r)
        return r;
      // A track that went is still one of the file.
      tracks_ = {x.video ? x.video : tracks_.video, x.audio ? x.audio : tracks_.audio};
      if (head_.kind == segment_kind::fmp4)
        lines += map_line(inits_);
    }
    is_apart_ = number_ > 1;
    return append_whole(*playlist_, view(lines));
  }

  result<void> begin_tracks(const track_set& x) {
    current_ = x;
    if (head_.kind == segment_kind::ts) {
      auto made = make_ts_segments(x);
      if (!made)
        return made.error();
      segments_ = *std::move(made);
      return {};
    }
    auto init = in_.create(init_name(++inits_));
    if (!init)
      return init.error();
    if (auto r = append_whole(**init, mp4::make_growing_front(x, *head_.start)); !r)
      return r;
    closed_size_ += (*init)->size();
    segments_ = make_fmp4_segments(x);
    return {};
  }

  /// A new segment begins with the first key frame that comes when the current one is long enough;
  /// with any frame where there are only audio frames.
  bool cuts(const frame& f) const {
    bool boundary = f.kind == track_kind::video ? f.key : video_frames_ == 0;
    return boundary && f.pts - segment_start_ >= length_;
  }

  result<void> begin_segment(nanos start) {
    auto made = in_.create(segment_name(number_, head_.kind));
    if (!made)
      return made.error();
    segment_ = *std::move(made);
    segment_start_ = start;
    segments_->begin();
    return {};
  }

  result<void> next_segment(nanos at) {
    if (auto r = flush(); !r)
      return r;
    if (auto r = end_segment(at, {}); !r)
      return r;
    ++number_;
    return {};
  }

  /// Lists the segment, whose media goes up to `at`.
  result<void> end_segment(nanos at, std::string_view behind) {
    auto to_micros = [](nanos x) { return std::chrono::floor<micros>(x); };
    // Both tracks together: the first segment begins with the earlier one.
    auto start = number_ == 1 ? whole_.first() : segment_start_;
    playlist_entry entry;
    entry.duration = std::max(to_micros(at) - to_micros(start), micros{0});
    if (std::exchange(is_apart_, false))
      entry.at = to_micros(start) - to_micros(whole_.first());
    entry.start = *head_.start + to_micros(start);
    entry.video_frames = video_frames_;
    entry.audio_frames = audio_frames_;
    entry.size = segment_->size();
    longest_ = std::max(longest_, rounded_seconds(entry.duration));
    // Never is a segment listed that is longer than the list says.
    if (longest_ > head_.target) {
      head_.target = longest_;
      if (auto r = write_head(); !r)
        return r;
    }
    auto text = to_text(entry, number_, head_.kind);
    text += behind;
    if (auto r = append_whole(*playlist_, view(text)); !r)
      return r;
    closed_size_ += entry.size;
    segment_.reset();
    video_frames_ = 0;
    audio_frames_ = 0;
    return {};
  }

  result<void> write_head() { return playlist_->write_at(0, view(to_text(head_))); }

  result<void> flush() {
    auto done = segments_->write_to(*segment_);
    if (done)
      written_.flushed();
    return done;
  }

  folder& in_;
  std::unique_ptr<file> playlist_;
  std::unique_ptr<segment_writer> segments_;
  track_set tracks_;  // of the file: all that came, as they were last
  track_set current_; // of the segments that are written
  nanos length_;
  playlist_head head_;
  std::int64_t longest_ = 0;
  tally whole_;
  durable_mark written_;
  // -- the open segment
  std::unique_ptr<file> segment_;
  std::uint64_t number_ = 1;
  bool is_apart_ = false;          // it does not follow on the one before
  std::optional<track_set> apart_; // nor does what comes next, which has these tracks
  nanos segment_start_{0};
  std::uint64_t video_frames_ = 0;
  std::uint64_t audio_frames_ = 0;
  std::uint64_t closed_size_ = 0;
  std::uint64_t inits_ = 0;
};

} // namespace

result<std::unique_ptr<fragment>> open(folder& in, const options& x) {
  auto w = std::make_unique<writer>(in, x);
  if (auto r = w->begin(); !r)
    return r.error();
  return std::unique_ptr<fragment>{std::move(w)};
}

} // namespace core::mux::hls
