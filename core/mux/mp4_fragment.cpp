// SPDX-License-Identifier: MIT
#include "core/mux/byte_order.hpp"
#include "core/mux/file_access.hpp"
#include "core/mux/formats.hpp"
#include "core/mux/mp4_boxes.hpp"
#include "core/mux/mp4_finish.hpp"
#include "core/mux/mp4_walk.hpp"
#include "core/mux/tally.hpp"

#include <limits>

namespace core::mux::mp4 {

namespace {

constexpr nanos flush_after = std::chrono::seconds{1};
// A burst that holds more becomes several moofs, so that a hostile one cannot grow a buffer.
constexpr std::size_t most_bytes = 16 * 1024 * 1024;
constexpr std::size_t most_samples = 8192;
// What one large burst needed is not kept for the rest of the fragment.
constexpr std::size_t kept_buffer = 4 * 1024 * 1024;
// The room before time 0 for a track that was announced and has not come when the first moof is
// written: its frames may lag behind the start by as much.
constexpr ticks room_for_late = 2 * ticks_per_second;
// From 1904 to 1970 (ISO 14496-12 8.2.2.3).
constexpr std::uint64_t epoch_1904 = 2'082'844'800;

/// What fits into the signed 32 bits of a composition offset.
struct limit {
  static constexpr ticks min() { return std::numeric_limits<std::int32_t>::min(); }
  static constexpr ticks max() { return std::numeric_limits<std::int32_t>::max(); }
};

struct held {
  ticks dts = 0;
  std::uint32_t duration = 0; // when it is the last of its moof
  ticks pts = 0;
  bool key = false;
  byte_view data;
  std::shared_ptr<const void> owner;
};

class writer : public fragment {
public:
  writer(std::unique_ptr<file> out, const options& x) : file_{std::move(out)}, tracks_{x.tracks} {
    auto since = std::chrono::duration_cast<seconds>(x.start.time_since_epoch()).count();
    created_ = since > 0 ? static_cast<std::uint64_t>(since) + epoch_1904 : 0;
  }

  result<void> write_header() {
    bytes out;
    write_prologue(out, brand_of(tracks_));
    layout moov;
    movie m;
    m.created = created_;
    m.fragmented = true;
    if (tracks_.video)
      m.tracks[video_index].emplace().what = *tracks_.video;
    if (tracks_.audio)
      m.tracks[audio_index].emplace().what = *tracks_.audio;
    write_moov(moov, m);
    put(out, moov.out);
    return append_whole(*file_, out);
  }

  result<void> write(std::span<const frame> frames) override {
    for (const auto& f : frames) {
      auto index = f.kind == track_kind::video ? video_index : audio_index;
      if (!(index == video_index ? tracks_.video : tracks_.audio))
        return failure{errc::bad_request, "a frame belongs to a track that the fragment has not"};
      if (f.data.size() > most_bytes)
        return failure{errc::bad_request, "a frame is larger than 16 MiB"};
      if (bytes_ + f.data.size() > most_bytes || samples() >= most_samples)
        if (auto r = flush(); !r)
          return r;
      hold(index, f);
      tally_.add(f.kind, f.pts, f.duration);
      written_.hold(f);
    }
    if (samples() && latest_ - oldest_ >= flush_after)
      return flush();
    return {};
  }

  result<account> close() override {
    if (auto r = flush(); !r)
      return r.error();
    auto done = finish(*file_);
    if (!done)
      return done;
    return tally_.make(tracks_, file_->size());
  }

  account so_far() const override { return tally_.make(tracks_, file_->size()); }
  nanos durable_until() const override { return written_.durable_until(); }

private:
  std::size_t samples() const { return held_[0].size() + held_[1].size(); }

  void hold(std::size_t index, const frame& f) {
    auto& last = last_[index];
    auto dts = to_ticks(f.dts);
    // Decode times never go back (8.6.1.2); the picture stays where it is.
    dts = last ? std::max(dts, *last) : dts;
    held x;
    x.dts = dts;
    x.duration = static_cast<std::uint32_t>(
        std::clamp<ticks>(to_ticks(f.dts + f.duration) - dts, 0, limit::max()));
    x.pts = to_ticks(f.pts);
    // A sync sample of H.264 is an IDR picture (ISO 14496-15 5.3.5.3), but players want one to
    // begin with; of HEVC it is any IRAP picture (8.4.3).
    bool all_keys = index == video_index && tracks_.video->codec == codec_id::hevc;
    x.key = index == audio_index || (f.key && (!f.open_gop || !last || all_keys));
    last = dts;
    x.data = f.data;
    x.owner = f.owner;
    oldest_ = samples() ? std::min(oldest_, f.dts) : f.dts;
    latest_ = samples() ? std::max(latest_, f.dts + f.duration) : f.dts + f.duration;
    bytes_ += f.data.size();
    held_[index].push_back(std::move(x));
  }

  /// tfdt is unsigned: everything is moved by what the earliest frame needs, both tracks alike.
  void choose_shift() {
    ticks earliest = 0;
    for (const auto& t : held_)
      if (!t.empty())
        earliest = std::min(earliest, t.front().dts);
    bool late = (tracks_.video && held_[video_index].empty())
                || (tracks_.audio && held_[audio_index].empty());
    shift_ = late ? std::max(-earliest, room_for_late) : -earliest;
  }

  result<void> flush() {
    if (samples() == 0)
      return {};
    if (!shift_)
      choose_shift();
    build();
    auto done = append_whole(*file_, out_.out);
    if (done)
      written_.flushed();
    for (auto& t : held_)
      t.clear();
    bytes_ = 0;
    if (out_.out.capacity() > kept_buffer)
      out_ = {};
    return done;
  }

  /// One moof and its mdat (8.8, 8.1.1): the samples of one track, then those of the other.
  void build() {
    auto& out = out_.out;
    out.clear();
    std::size_t head = 8 + 16;
    for (std::size_t i = 0; i < 2; ++i)
      if (!held_[i].empty())
        head += 8 + 16 + 20 + 20 + held_[i].size() * entry_size(i);
    auto data = head + 8;
    out.reserve(data + bytes_);
    {
      box m{out_, "moof"};
      {
        box h{out_, "mfhd", 0, 0};
        put32(out, ++sequence_);
      }
      for (std::size_t i = 0; i < 2; ++i)
        if (!held_[i].empty())
          data += build_traf(i, data);
    }
    put32(out, 8 + bytes_);
    put(out, "mdat");
    for (const auto& t : held_)
      for (const auto& s : t)
        put(out, s.data);
  }

  std::size_t build_traf(std::size_t index, std::size_t data) {
    auto& out = out_.out;
    auto& samples = held_[index];
    // The shift leaves room for everything but a track that lags beyond reason.
    auto start = std::max<ticks>(samples.front().dts + *shift_, 0);
    for (auto& s : samples)
      s.dts = std::max(s.dts, start - *shift_);
    box t{out_, "traf"};
    {
      box h{out_, "tfhd", 0, base_is_moof};
      put32(out, track_id(index));
    }
    {
      box h{out_, "tfdt", 1, 0};
      put64(out, static_cast<std::uint64_t>(start));
    }
    box r{out_, "trun", 1, index == video_index ? video_run : audio_run};
    put32(out, samples.size());
    put32(out, data);
    std::size_t size = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const auto& s = samples[i];
      auto duration = i + 1 < samples.size() ? std::min(samples[i + 1].dts - s.dts, limit::max())
                                             : ticks{s.duration};
      put32(out, static_cast<std::uint64_t>(duration));
      put32(out, s.data.size());
      if (index == video_index) {
        put32(out, s.key ? sync_flags : difference_flags);
        put32(out,
              static_cast<std::uint64_t>(std::clamp(s.pts - s.dts, limit::min(), limit::max())));
      }
      size += s.data.size();
    }
    return size;
  }

  std::unique_ptr<file> file_;
  track_set tracks_;
  std::uint64_t created_ = 0;
  tally tally_;
  durable_mark written_;
  std::array<std::vector<held>, 2> held_;
  std::array<std::optional<ticks>, 2> last_;
  nanos oldest_{0};
  nanos latest_{0};
  std::size_t bytes_ = 0;
  std::optional<ticks> shift_;
  std::uint32_t sequence_ = 0;
  layout out_;
};

} // namespace

result<std::unique_ptr<fragment>> open(folder& in, const options& x) {
  auto out = in.create(x.name);
  if (!out)
    return out.error();
  auto w = std::make_unique<writer>(*std::move(out), x);
  if (auto r = w->write_header(); !r)
    return r.error();
  return std::unique_ptr<fragment>{std::move(w)};
}

result<account> repair(folder& in, const std::string& name) {
  auto x = in.open(name);
  if (!x)
    return x.error();
  return finish(**x);
}

} // namespace core::mux::mp4
