// SPDX-License-Identifier: MIT
#include "tests/rtmp/run.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/mutation.hpp"

#include <algorithm>

using namespace tests::rtmp;

namespace {

enum class part { anywhere, after_handshake, after_publish };

/// Runs `count` mutated sessions; returns how many still published.
std::size_t run_mutations(std::uint64_t seed, std::size_t count, part where) {
  const auto sessions = dialects(false);
  std::size_t published = 0;
  for (std::size_t i = 0; i < count; ++i) {
    tests::random r{seed + i};
    const auto& base = sessions[i % sessions.size()];
    const auto& other = sessions[r.below(sessions.size())].sent;
    const auto from = where == part::anywhere          ? 0
                      : where == part::after_handshake ? base.after_handshake
                                                       : base.after_publish;
    const auto sent = tests::mutate(base.sent, from, other, r);
    connection c;
    std::size_t at = 0;
    while (at < sent.size() && c.result.failure.empty()) {
      const auto size = std::min(1 + r.below(2 * sent.size()), sent.size() - at);
      c.feed(byte_view{sent}.subspan(at, size));
      at += size;
      const std::size_t limit = (c.protocol.is_publishing() ? 24 : 4) * 1024 * 1024;
      if (c.protocol.held() > limit)
        FAIL("session " << seed + i << " holds " << c.protocol.held() << " bytes");
    }
    for (const auto& item : c.result.items)
      // A frame without bytes stands for one that was lost, and keeps nothing alive.
      if (!item.config && item.media.data.empty() != (item.media.owner == nullptr))
        FAIL("session " << seed + i
                        << " passed on a frame that nobody keeps, or keeps for nothing");
    published += !c.result.told.empty() && c.result.told[0].rfind("publish", 0) == 0;
  }
  return published;
}

} // namespace

// Must-show 9 counts these: 72,000 sequences, more than two thirds of them beyond the handshake.

TEST_CASE("24,000 sessions mutated anywhere harm nothing") {
  CHECK(run_mutations(1, 24'000, part::anywhere) > 8'000);
}

TEST_CASE("24,000 sessions mutated behind the handshake harm nothing") {
  CHECK(run_mutations(1'000'000, 24'000, part::after_handshake) > 10'000);
}

TEST_CASE("24,000 sessions mutated behind their publish harm nothing") {
  CHECK(run_mutations(2'000'000, 24'000, part::after_publish) == 24'000);
}
