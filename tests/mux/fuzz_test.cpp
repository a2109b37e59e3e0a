// SPDX-License-Identifier: MIT
#include "core/codec.hpp"
#include "tests/mux/flavours.hpp"
#include "tests/mux/long_streams.hpp"
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
    (void)core::codec::opus_track(config);
    for (const auto* name : {"hevc", "av1"}) {
      record = test_clip(name).tracks.video->config;
      mutate(record, random);
      auto t = record.empty() || record[0] == 1 ? core::codec::hevc_track(record)
                                                : core::codec::av1_track(record);
      if (!t)
        continue;
      REQUIRE(t->width >= 0);
      REQUIRE(t->width <= 16'888);
      REQUIRE(t->height >= 0);
      REQUIRE(t->frame_rate <= 1000);
    }
    config = test_clip("av1").tracks.audio->config;
    mutate(config, random);
    if (auto t = core::codec::opus_track(config)) {
      REQUIRE(t->sample_rate == 48'000);
      REQUIRE(t->channels > 0);
      REQUIRE(core::codec::samples_per_frame(*t, config) <= 5760);
    }
  }
}

namespace {

/// Room in which the moov of what is tried here fits, and not much more, so that changes hit more
/// than the room.
constexpr std::uint64_t little_room = 3000;

/// A fragment that was never closed, or a whole one.
memory_folder written(const clip& x, const flavour& how, bool close) {
  memory_folder out;
  REQUIRE(write(out, options_of(how, x.tracks), x, close && !how.has_room()));
  if (!how.has_room())
    return out;
  const auto* name = file_name(how.what);
  set_room(out[name], little_room);
  if (close) {
    REQUIRE(core::mux::repair(out, how.what, name));
    REQUIRE(top_boxes(out[name]) == in_front);
  }
  return out;
}

/// Mutated copies of what was never closed and of what is whole.
void attack(const clip& x, const flavour& how, int rounds, std::mt19937& random) {
  const auto what = how.what;
  const auto open = written(x, how, false);
  const auto closed = written(x, how, true);
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(how.name, round);
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

/// The first second or so; mutations hit what is of interest more often.
clip beginning(const char* name) {
  auto out = test_clip(name);
  out.frames.resize(std::min<std::size_t>(out.frames.size(), 60));
  return out;
}

} // namespace

TEST_CASE("repair survives what is no file, and is done after once") {
  std::mt19937 random{7};
  random_options o;
  o.frames = 60;
  o.largest = 400;
  auto x = random_clip(random, o);
  // Of fMP4 see fmp4_test.cpp.
  for (const auto& how : {mp4, mp4_faststart, flv, hls})
    attack(x, how, 700, random);
}

TEST_CASE("repair survives what is no file of a modern codec") {
  std::mt19937 random{11};
  attack(beginning("hevc"), mp4, 400, random);
  attack(beginning("hevc"), hls, 400, random);
  attack(beginning("av1"), mp4, 400, random);
  attack(beginning("opus"), mp4, 200, random);
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

/// Repairs what is in the folder; what is wrong with how it went, or "".
std::string cost_of_repair(watched_folder& in, format what,
                           core::result<core::mux::account>& account) {
  const auto size = in.size();
  const auto heap = heap_in_use();
  account = core::mux::repair(in, what, file_name(what));
  if (in.cost.read > 1'000'000 + 100 * size)
    return "it has read " + std::to_string(in.cost.read) + " bytes of " + std::to_string(size);
  if (in.cost.highest_heap > heap + 1'000'000 + 8 * size)
    return "it has taken " + std::to_string(in.cost.highest_heap - heap) + " bytes";
  if (!account && account.error().code != core::errc::not_found
      && account.error().code != core::errc::bad_request)
    return account.error().what;
  return "";
}

/// The last file that was written.
std::string last_file(const memory_folder& in, format what) {
  return what == format::hls ? in.all->files.rbegin()->first : file_name(what);
}

} // namespace

// LIVETAPE_LONG: thirty times as many.
TEST_CASE("a repair takes little time and room, whatever it is given") {
  tests::random r{1};
  std::mt19937 random{7};
  random_options o;
  o.frames = 60;
  o.largest = 400;
  const auto x = random_clip(random, o);
  for (const auto& how : flavours) {
    const auto what = how.what;
    const auto open = written(x, how, false);
    const auto closed = written(x, how, true);
    const auto other = open.all->files.at(last_file(open, what));
    for (int round = 0; round < (is_long_run() ? 60'000 : 2'000); ++round) {
      watched_folder in;
      in.all->files = (round % 2 ? open : closed).all->files;
      for (auto& [name, data] : in.all->files)
        if (in.all->files.size() == 1 || r.below(3) == 0)
          data = tests::mutate(data, 0, other, r);
      CAPTURE(how.name, round);
      core::result<core::mux::account> account{core::failure{}};
      REQUIRE(cost_of_repair(in, what, account) == "");
    }
  }
}

// LIVETAPE_LONG: at every byte.
TEST_CASE("what is left of a file and has zeros or nonsense behind it can be read") {
  tests::random r{2};
  std::mt19937 random{10};
  random_options o;
  o.frames = 24;
  o.largest = 60;
  const auto x = random_clip(random, o);
  for (const auto& how : flavours)
    for (bool is_closed : {false, true}) {
      const auto what = how.what;
      auto whole = written(x, how, is_closed);
      // A closed playlist lists its last segment, which is on the disk before it.
      const auto name = is_closed && what == format::hls ? file_name(what) : last_file(whole, what);
      const auto size = whole[name].size();
      for (std::size_t left = 0; left <= size; left += is_long_run() ? 1 : 1 + r.below(9)) {
        std::size_t least = 0; // frames that are there without anything behind
        for (int behind = 0; behind < 3; ++behind) {
          watched_folder in;
          in.all->files = whole.all->files;
          auto& data = in[name];
          data.resize(left);
          data.resize(left + (behind == 0 ? 0 : r.below(9000)));
          for (auto i = left; behind == 2 && i < data.size(); ++i)
            data[i] = static_cast<std::uint8_t>(r.next());
          CAPTURE(how.name, is_closed, left, behind);
          core::result<core::mux::account> account{core::failure{}};
          REQUIRE(cost_of_repair(in, what, account) == "");
          const auto found = account ? read(in, how, x.tracks) : contents{};
          REQUIRE(found.frames.size() >= least);
          if (behind == 0)
            least = found.frames.size();
          if (!account)
            continue;
          // Nobody sees that the bytes of a frame are missing when there are others in their place.
          if (behind == 0)
            REQUIRE(not_a_beginning(x, found) == "");
          REQUIRE(found.frames.size() == account->video_frames + account->audio_frames);
          REQUIRE(account->size == in.size());
        }
      }
    }
}
