// SPDX-License-Identifier: MIT
#include "tests/mux/flavours.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/mutation.hpp"

using core::format;
using namespace tests;

namespace {

constexpr std::size_t page = 4096;

/// What a file system may show after a power cut between two versions of a file: each page is of
/// the one or the other, or zeros where only the later one has it; the length is of either.
core::bytes torn(const core::bytes& before, const core::bytes& after, tests::random& r) {
  core::bytes out(r.below(4) == 0 ? before.size() : after.size());
  for (std::size_t at = 0; at < out.size(); at += page) {
    const auto& from = r.below(2) == 0 ? before : after;
    for (std::size_t i = at; i < std::min({at + page, out.size(), from.size()}); ++i)
      out[i] = from[i];
  }
  return out;
}

/// An MP4 as it is when all its frames are in it and nothing of its end.
core::bytes without_end(const core::bytes& closed, const core::bytes& growing, const flavour& how) {
  auto out = closed;
  const std::string_view text{reinterpret_cast<const char*>(closed.data()), closed.size()};
  if (!how.has_room())
    out.resize(text.rfind("moov") - 4);
  std::copy_n(growing.begin(), how.has_room() ? mdat_behind_room(growing) + 16 : 64, out.begin());
  return out;
}

/// A folder in which all frames of a fragment are, and nothing of its end: what was held back is
/// written before the end.
memory_folder before_end(const memory_folder& closed, memory_folder growing, const flavour& how) {
  for (const auto& [name, data] : closed.all->files)
    if (how.what == format::mp4)
      growing[name] = without_end(data, growing[name], how);
    else if (how.is_fmp4() && name != file_name(how.what))
      growing[name] = data;
  return growing;
}

} // namespace

TEST_CASE("a power cut while a fragment is closed leaves what repair can finish") {
  tests::random r{3};
  const auto& x = test_clip("bframes");
  const core::nanos segment = core::millis{40};
  for (const auto& how : flavours) {
    const auto what = how.what;
    memory_folder growing;
    memory_folder after;
    // Key frames only, so that a playlist is of several pages.
    auto sent = x;
    if (what == format::hls)
      for (auto& f : sent.frames)
        f.key = true;
    const auto options = options_of(how, sent.tracks, segment);
    REQUIRE(write(growing, options, sent, false));
    const auto account = write(after, options, sent);
    REQUIRE(account);
    auto before = before_end(after, growing, how);
    memory_folder straight;
    straight.all->files = before.all->files;
    REQUIRE(core::mux::repair(straight, what, file_name(what)));
    for (int round = 0; round < 100; ++round) {
      memory_folder in;
      in.all->files = before.all->files;
      for (auto& [name, data] : after.all->files)
        if (data != before[name])
          in[name] = torn(before[name], data, r);
      CAPTURE(how.name, round);
      const auto again = core::mux::repair(in, what, file_name(what));
      REQUIRE(again);
      CHECK(again->video_frames == account->video_frames);
      CHECK(again->audio_frames == account->audio_frames);
      for (auto& [name, data] : in.all->files) {
        CAPTURE(name);
        CHECK((data == after[name] || data == straight[name]));
      }
    }
  }
}

namespace {

/// Where the media of the last `count` moofs of a file begins.
std::size_t last_media(const core::bytes& in, int count) {
  const std::string_view text{reinterpret_cast<const char*>(in.data()), in.size()};
  auto at = text.size();
  for (int i = 0; i < count; ++i)
    at = text.rfind("mdat", at - 1);
  return at + 4;
}

} // namespace

TEST_CASE("media whose pages never reached the disk is no media, though its length did") {
  const auto& x = test_clip("bframes");
  for (const auto& how : {mp4, mp4_faststart, hls_fmp4}) {
    const auto options = options_of(how, x.tracks, std::chrono::seconds{20});
    memory_folder growing;
    REQUIRE(write(growing, options, x, false));
    const std::string name = how.is_fmp4() ? "seg-000001.m4s" : "f0.mp4";
    const auto whole = growing[name];
    const auto first = last_media(whole, 3) / page + 1;
    for (auto lost = first; (lost + 1) * page <= whole.size(); ++lost) {
      const bool is_last = GENERATE(false, true); // or all behind it too
      CAPTURE(how.name, lost, is_last, whole.size());
      memory_folder in;
      in.all->files = growing.all->files;
      auto& data = in[name];
      const auto from = data.begin() + static_cast<std::ptrdiff_t>(lost * page);
      std::fill(from, is_last ? data.end() : from + page, std::uint8_t{0});
      const auto account = core::mux::repair(in, how.what, file_name(how.what));
      REQUIRE(account);
      CHECK(account->video_frames > 0);
      CHECK(not_a_beginning(x, read(in, how, x.tracks)) == "");
    }
  }
}
