// SPDX-License-Identifier: MIT
#include "tests/rtmp/run.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>

using namespace tests::rtmp;

namespace {

/// The same numbers on every machine.
class random {
public:
  explicit random(std::uint64_t seed) : x_{seed * 0x9e3779b97f4a7c15 + 1} {}
  std::uint64_t next() {
    x_ ^= x_ << 13;
    x_ ^= x_ >> 7;
    x_ ^= x_ << 17;
    return x_;
  }
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : next() % limit; }

private:
  std::uint64_t x_;
};

enum class part { anywhere, after_handshake, after_publish };

/// A few changes of the kinds that break parsers, all behind `from`.
bytes mutate(bytes x, std::size_t from, const bytes& other, random& r) {
  static constexpr std::uint32_t extremes[] = {0, 1, 0x7f, 0x80, 0xff, 0xffff, 0xffffff, 0x7fffffff,
                                               0x80000000, 0xffffffff};
  for (auto count = 1 + r.below(4); count > 0; --count) {
    if (x.size() <= from)
      break;
    const auto at = from + r.below(x.size() - from);
    const auto here = x.begin() + static_cast<std::ptrdiff_t>(at);
    const auto size = std::min<std::size_t>(1 + r.below(60), x.size() - at);
    switch (r.below(7)) {
    case 0:
      *here ^= static_cast<std::uint8_t>(1 << r.below(8));
      break;
    case 1:
      *here = static_cast<std::uint8_t>(r.next());
      break;
    case 2: {
      const auto value = extremes[r.below(std::size(extremes))];
      for (std::size_t i = 0; i < 4 && at + i < x.size(); ++i)
        x[at + i] = static_cast<std::uint8_t>(value >> (8 * (3 - i)));
      break;
    }
    case 3:
      x.erase(here, here + static_cast<std::ptrdiff_t>(size));
      break;
    case 4: {
      const bytes copy(here, here + static_cast<std::ptrdiff_t>(size));
      x.insert(x.begin() + static_cast<std::ptrdiff_t>(from + r.below(x.size() - from)),
               copy.begin(), copy.end());
      break;
    }
    case 5: {
      const auto begin = r.below(other.size());
      const auto length = std::min<std::size_t>(r.below(300), other.size() - begin);
      x.insert(here, other.begin() + static_cast<std::ptrdiff_t>(begin),
               other.begin() + static_cast<std::ptrdiff_t>(begin + length));
      break;
    }
    default:
      if (r.below(4) == 0)
        x.resize(at);
    }
  }
  return x;
}

/// Runs `count` mutated sessions; returns how many still published.
std::size_t run_mutations(std::uint64_t seed, std::size_t count, part where) {
  const auto sessions = dialects(false);
  std::size_t published = 0;
  for (std::size_t i = 0; i < count; ++i) {
    random r{seed + i};
    const auto& base = sessions[i % sessions.size()];
    const auto& other = sessions[r.below(sessions.size())].sent;
    const auto from = where == part::anywhere          ? 0
                      : where == part::after_handshake ? base.after_handshake
                                                       : base.after_publish;
    const auto sent = mutate(base.sent, from, other, r);
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
      if (!item.config && (item.media.data.empty() || !item.media.owner))
        FAIL("session " << seed + i << " passed on an empty frame");
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
