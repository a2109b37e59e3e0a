// SPDX-License-Identifier: MIT
#include "core/codec.hpp"
#include "tests/mux/clips.hpp"
#include "tests/mux/sparse_folder.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/mutation.hpp"

using core::format;
using namespace tests;

namespace {

/// A few bytes changed, cut out, doubled or cut off.
void mutate(core::bytes& x, std::mt19937& random) {
  constexpr std::uint8_t odd[]{0, 1, 0x7f, 0x80, 0xff};
  for (auto n = 1 + random() % 6; n > 0 && !x.empty(); --n) {
    // Half of them where the headers are.
    auto range = random() % 2 ? x.size() : std::min<std::size_t>(x.size(), 1200);
    auto at = static_cast<std::ptrdiff_t>(random() % range);
    auto length = std::min<std::ptrdiff_t>(1 + static_cast<std::ptrdiff_t>(random() % 40),
                                           static_cast<std::ptrdiff_t>(x.size()) - at);
    switch (random() % 8) {
    case 0:
      x.erase(x.begin() + at, x.begin() + at + length);
      break;
    case 1: {
      core::bytes again{x.begin() + at, x.begin() + at + length};
      x.insert(x.begin() + at, again.begin(), again.end());
      break;
    }
    case 2:
      x.resize(static_cast<std::size_t>(at));
      break;
    case 3:
      std::fill_n(x.begin() + at, length, odd[random() % 5]);
      break;
    case 4:
      x[static_cast<std::size_t>(at)] = odd[random() % 5];
      break;
    default:
      x[static_cast<std::size_t>(at)] ^= static_cast<std::uint8_t>(1U << random() % 8);
    }
  }
}

} // namespace

TEST_CASE("codec parsers survive what is no codec") {
  std::mt19937 random{6};
  const auto& x = test_clip("bframes").tracks;
  for (int round = 0; round < 20'000; ++round) {
    CAPTURE(round);
    auto record = x.video->config;
    mutate(record, random);
    if (auto t = core::codec::h264_track(record)) {
      REQUIRE(t->width >= 0);
      REQUIRE(t->width <= 16384);
      REQUIRE(t->frame_rate <= 1000);
    }
    core::bytes config(random() % 40);
    for (auto& b : config)
      b = static_cast<std::uint8_t>(random());
    if (auto t = core::codec::aac_track(config)) {
      REQUIRE(t->sample_rate > 0);
      REQUIRE(t->channels > 0);
      REQUIRE(core::codec::samples_per_frame(*t) >= 960);
    }
    if (config.size() >= 2)
      config[0] = 0xff;
    (void)core::codec::mp3_track(config);
  }
}

TEST_CASE("repair survives what is no file, and is done after once") {
  std::mt19937 random{7};
  random_options o;
  o.frames = 60;
  o.largest = 400;
  auto x = random_clip(random, o);
  for (auto what : {format::mp4, format::flv, format::hls}) {
    memory_folder open;
    memory_folder closed;
    REQUIRE(write(open, what, x, false));
    REQUIRE(write(closed, what, x));
    for (int round = 0; round < 700; ++round) {
      CAPTURE(what, round);
      memory_folder in;
      in.all->files = (round % 2 ? open : closed).all->files;
      for (auto& [name, data] : in.all->files)
        if (in.all->files.size() == 1 || random() % 2)
          mutate(data, random);
      auto account = core::mux::repair(in, what, file_name(what));
      if (!account) {
        // What no longer looks like ours is refused.
        REQUIRE((account.error().code == core::errc::not_found
                 || account.error().code == core::errc::bad_request));
        continue;
      }
      REQUIRE(account->video_frames + account->audio_frames > 0);
      auto before = in.all->files;
      auto again = core::mux::repair(in, what, file_name(what));
      REQUIRE(again);
      REQUIRE(in.all->files == before);
    }
  }
}

namespace {

/// What a repair costs.
struct costs {
  std::uint64_t read = 0;
  std::size_t calls = 0;
  std::size_t highest_heap = 0;
};

/// A folder in memory that counts.
class watched_folder : public memory_folder {
public:
  core::result<std::unique_ptr<core::mux::file>> open(std::string_view name) override {
    auto x = memory_folder::open(name);
    if (!x)
      return x;
    return std::unique_ptr<core::mux::file>{std::make_unique<watched>(*std::move(x), cost)};
  }

  costs cost;

private:
  class watched : public core::mux::file {
  public:
    watched(std::unique_ptr<file> x, costs& cost) : x_{std::move(x)}, cost_{cost} {}
    core::result<void> append(core::byte_view x) override { return note(), x_->append(x); }
    core::result<void> write_at(std::uint64_t at, core::byte_view x) override {
      return note(), x_->write_at(at, x);
    }
    core::result<void> truncate(std::uint64_t size) override { return note(), x_->truncate(size); }
    core::result<std::size_t> read_at(std::uint64_t at, std::span<std::uint8_t> into) override {
      note();
      auto n = x_->read_at(at, into);
      cost_.read += n ? *n : 0;
      return n;
    }
    std::uint64_t size() const override { return x_->size(); }

  private:
    void note() {
      if (++cost_.calls > 1'000'000)
        throw std::runtime_error{"it does not end"};
      cost_.highest_heap = std::max(cost_.highest_heap, heap_in_use());
    }
    std::unique_ptr<file> x_;
    costs& cost_;
  };
};

std::size_t bytes_in(const memory_folder& in) {
  std::size_t out = 0;
  for (const auto& [name, data] : in.all->files)
    out += data.size();
  return out;
}

/// Repairs what is in `files`; "", or what is wrong with how it went. Where only what a crash can
/// reach is damaged, what is accepted must be playable.
std::string repair(const memory_folder& files, format what, const core::track_set& tracks,
                   bool is_playable) {
  watched_folder in;
  in.all->files = files.all->files;
  const auto size = bytes_in(in);
  const auto heap = heap_in_use();
  const auto account = core::mux::repair(in, what, file_name(what));
  if (in.cost.read > 1'000'000 + 100 * size)
    return "it has read " + std::to_string(in.cost.read) + " bytes of " + std::to_string(size);
  if (in.cost.highest_heap > heap + 1'000'000 + 8 * size)
    return "it has taken " + std::to_string(in.cost.highest_heap - heap) + " bytes";
  if (!account)
    return account.error().code == core::errc::not_found
                   || account.error().code == core::errc::bad_request
               ? ""
               : account.error().what;
  if (!is_playable)
    return "";
  const auto found = what == format::mp4   ? read_mp4(in["f0.mp4"])
                     : what == format::flv ? read_flv(in["f0.flv"])
                                           : read_hls(in, tracks);
  if (found.frames.size() != account->video_frames + account->audio_frames)
    return std::to_string(found.frames.size()) + " frames are found, not "
           + std::to_string(account->video_frames + account->audio_frames);
  return account->size == bytes_in(in) ? "" : "the size is wrong";
}

} // namespace

// LIVETAPE_LONG: a hundred times as many.
TEST_CASE("whatever repair accepts can be read, and it takes little to say so") {
  tests::random r{1};
  std::mt19937 random{7};
  random_options o;
  o.frames = 60;
  o.largest = 400;
  const auto x = random_clip(random, o);
  const int rounds = std::getenv("LIVETAPE_LONG") != nullptr ? 300'000 : 3'000;
  for (auto what : {format::mp4, format::flv, format::hls}) {
    memory_folder open;
    memory_folder closed;
    REQUIRE(write(open, what, x, false));
    REQUIRE(write(closed, what, x));
    const auto torn = what == format::hls ? open.all->files.rbegin()->first : file_name(what);
    // What is no MP4 of ours any more is told as it is.
    const std::size_t from = what == format::mp4 ? 40 : 0;
    for (int round = 0; round < rounds; ++round) {
      memory_folder in;
      in.all->files = (round % 2 ? open : closed).all->files;
      // A playlist and the segments in it are believed.
      const bool is_believed = what == format::hls && (round % 2 == 0 || r.below(2) == 0);
      if (is_believed)
        for (auto& [name, data] : in.all->files)
          data = r.below(3) == 0 ? tests::mutate(data, 0, in[torn], r) : data;
      else
        in[torn] = tests::mutate(in[torn], from, in[torn], r);
      std::string why;
      try {
        why = repair(in, what, x.tracks, !is_believed);
      } catch (const std::exception& e) {
        why = e.what();
      }
      CAPTURE(what, round);
      REQUIRE(why == "");
    }
  }
}
