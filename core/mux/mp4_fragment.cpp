// SPDX-License-Identifier: MIT
#include "core/codec.hpp"
#include "core/mux/byte_order.hpp"
#include "core/mux/file_access.hpp"
#include "core/mux/formats.hpp"
#include "core/mux/mp4_boxes.hpp"
#include "core/mux/mp4_finish.hpp"
#include "core/mux/mp4_moof.hpp"
#include "core/mux/tally.hpp"

namespace core::mux::mp4 {

namespace {

// What one large burst needed is not kept for the rest of the fragment.
constexpr std::size_t kept_buffer = 4 * 1024 * 1024;

/// How large the moov of a file of the planned length may become, in bytes:
///
///   a picture: stsz 4, stts 8, ctts 8 (millisecond stamps make nearly each its own entry)
///   a frame of sound: stsz 4, stts 8
///   a track in a moof: stsc 12, co64 8; there is a moof each 250 ms (`flush_after`)
///
/// 30 pictures and 47 frames of sound are 600 + 564 + 160 bytes a second; less than 1 KiB is never
/// left, and 64 KiB for all else and what comes until the next key frame. A stream that does not
/// state its rate may have 60 pictures.
std::uint64_t room_for(const options& x) {
  constexpr std::uint64_t base = 64 * 1024;
  double per_second = 160;
  if (x.tracks.video)
    per_second
        += (x.tracks.video->frame_rate > 0 ? std::min(x.tracks.video->frame_rate, 120.0) : 60.0)
           * 20;
  if (x.tracks.audio)
    per_second += x.tracks.audio->sample_rate
                  / std::max(codec::samples_per_frame(*x.tracks.audio), 576) * 12.0;
  auto length = std::chrono::duration<double>(x.faststart).count();
  auto all = std::max(per_second, 1024.0) * length;
  return base + static_cast<std::uint64_t>(std::min(all, double(largest_room - base)));
}

class writer : public fragment {
public:
  writer(std::unique_ptr<file> out, const options& x)
      : file_{std::move(out)}, tracks_{x.tracks}, room_{x.faststart > nanos{0} ? room_for(x) : 0},
        moof_{x.tracks} {
    if (x.tracks.video)
      head_.tracks[video_index].emplace();
    if (x.tracks.audio)
      head_.tracks[audio_index].emplace();
  }

  result<void> write_header(wall_time start) {
    if (room_ != 0) {
      auto left = leave_room(start);
      if (left)
        return left;
      // Not every file system has holes. It is recorded all the same.
      remark_ = "no room could be left in front of the media, so its moov stands at the end: "
                + left.error().what;
      room_ = 0;
      if (auto r = file_->truncate(0); !r)
        return r;
    }
    return append_whole(*file_, make_growing_front(tracks_, start));
  }
  result<void> write(std::span<const frame> frames) override {
    for (const auto& f : frames) {
      if (moof_.is_full_for(f))
        if (auto r = flush(); !r)
          return r;
      if (auto r = moof_.add(f); !r)
        return r;
      tally_.add(f.kind, f.pts, f.duration);
      written_.hold(f);
    }
    if (moof_.length() >= flush_after)
      return flush();
    return {};
  }

  result<void> write_out() override { return flush(); }

  result<account> close() override {
    if (auto r = flush(); !r)
      return r.error();
    auto done = known_ ? finish(*file_, known_->counted, known_->log) : finish(*file_);
    if (!done)
      return done.error();
    if (room_ && !done->is_in_front())
      remark_ = "its moov of " + std::to_string(done->moov) + " bytes does not fit into the "
                + std::to_string(room_) + " in front of the media and stands at the end";
    return tally_.make(tracks_, file_->size());
  }

  account so_far() const override { return tally_.make(tracks_, file_->size()); }
  nanos durable_until() const override { return written_.durable_until(); }
  std::string remark() const override { return remark_; }

private:
  /// The front with a hole in it, which takes nothing of the disk until the moov is written there.
  result<void> leave_room(wall_time start) {
    bytes front;
    write_prologue(front, brand_of(tracks_), room_);
    put(front, box_header(room_, "free"));
    if (auto r = append_whole(*file_, front); !r)
      return r;
    if (auto r = file_->truncate(prologue_size + room_); !r)
      return r;
    bytes behind;
    write_growing_header(behind);
    put(behind, make_growing_moov(tracks_, start));
    return append_whole(*file_, behind);
  }

  result<void> flush() {
    if (moof_.empty())
      return {};
    const auto at = file_->size();
    if (known_)
      known_->log.spill(out_.own(), at);
    const auto noted = out_.size();
    moof_.build(out_);
    const auto& pieces = out_.pieces();
    auto done = append_whole(*file_, pieces);
    if (done) {
      written_.flushed();
      note(pieces[0].subspan(noted), at + noted);
    } else {
      known_.reset(); // nobody knows what is there
    }
    out_.clear(kept_buffer);
    moof_.clear();
    return done;
  }

  /// Reads the moof that was just appended as repair would. `front`: it, the header of its mdat,
  /// and what else a gather puts into its first piece.
  void note(byte_view front, std::uint64_t at) {
    const std::size_t size = get32(front.data());
    moof m;
    if (known_
        && read_moof(front.subspan(8, size - 8), at, at + size + 8, file_->size(), head_, m)) {
      known_->counted.add(m);
      known_->log.add(m);
    } else {
      known_.reset();
    }
  }

  std::unique_ptr<file> file_;
  track_set tracks_;
  movie head_; // the tracks that may be in a moof
  /// Of all that is in the file; without it the moofs are read once more at the end.
  struct knowledge {
    moof_count counted;
    moof_log log;
  };
  std::optional<knowledge> known_{std::in_place};
  std::uint64_t room_; // for a moov in front; 0: it will stand at the end
  std::string remark_;
  tally tally_;
  durable_mark written_;
  moof_maker moof_;
  gather out_; // empty between two calls
};

/// True for nothing but zeros: of a file that has just begun a power cut may leave the length and
/// no byte, and with room in front that length is not 0.
result<bool> is_blank(file& x) {
  if (x.size() > 2 * largest_room)
    return false;
  bytes part(64 * 1024);
  for (std::uint64_t at = 0;;) {
    auto n = x.read_at(at, part);
    if (!n)
      return n.error();
    if (*n == 0)
      return true;
    if (std::any_of(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(*n),
                    [](auto b) { return b != 0; }))
      return false;
    at += *n;
  }
}

} // namespace

result<std::unique_ptr<fragment>> open(folder& in, const options& x) {
  auto out = in.create(x.name);
  if (!out)
    return out.error();
  auto w = std::make_unique<writer>(*std::move(out), x);
  if (auto r = w->write_header(x.start); !r)
    return r.error();
  return std::unique_ptr<fragment>{std::move(w)};
}

result<account> repair(folder& in, const std::string& name) {
  auto x = in.open(name);
  if (!x)
    return x.error();
  auto blank = is_blank(**x);
  if (!blank)
    return blank.error();
  if (*blank)
    return failure{errc::not_found, "nothing of it reached the disk"};
  auto done = finish(**x);
  if (!done)
    return done.error();
  return std::move(done->holds);
}

} // namespace core::mux::mp4
