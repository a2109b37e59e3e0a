// SPDX-License-Identifier: MIT
#include "core/policy.hpp"
#include "tests/support/catch.hpp"

using namespace std::chrono_literals;

namespace {

core::policy base() {
  return {true,
          {{core::format::mp4, 30min, 6s, "mp4", 0s}, {core::format::hls, 168h, 6s, "hls", 0s}},
          1000ms,
          "recording"};
}

core::rule named(std::string match) { return {std::move(match), {}, {}, {}}; }

} // namespace

TEST_CASE("a glob's star stops at a slash, two stars do not") {
  struct row {
    const char* glob;
    const char* text;
    bool result;
  };
  for (const auto& x : std::initializer_list<row>{
           {"live/a", "live/a", true},
           {"live/a", "live/ab", false},
           {"live/a", "live/", false},
           {"live/*", "live/court-1", true},
           {"live/*", "live/", true},
           {"live/*", "live2/a", false},
           {"*/a", "live/a", true},
           {"*", "live/a", false},
           {"*", "live", true},
           {"**", "live/a", true},
           {"***", "live/a", true},
           {"**/a", "live/b/a", true},
           {"*/a", "live/b/a", false},
           {"live**", "live/a", true},
           {"live/court-?", "live/court-3", true},
           {"live/court-?", "live/court-", false},
           {"live/court-?", "live/court-13", false},
           {"live?a", "live/a", false},
           {"live/?", "live/\xC3\xBC", true},
           {"live/??", "live/\xC3\xBC", false},
           {"live/*-hd", "live/a-hd-hd", true},
           {"live/*-hd", "live/a-hd-sd", false},
           {"live/*a*b*", "live/xxaxxbxx", true},
           {"live/**x", "live/a", false},
           {"live/[a]", "live/a", false},
           {"", "", true},
           {"", "a", false},
           {"a", "", false},
           {"**", "", true},
       }) {
    INFO("glob " << x.glob << " on " << x.text);
    CHECK(core::matches(x.glob, x.text) == x.result);
  }
}

TEST_CASE("a glob made of nothing but trouble ends at once") {
  std::string glob;
  for (int i = 0; i < 120; ++i)
    glob += "*a";
  CHECK_FALSE(core::matches(glob + "b", std::string(240, 'a')));
  CHECK(core::matches(glob, std::string(240, 'a')));
}

TEST_CASE("without a matching rule the recording itself decides") {
  CHECK(core::policy_for(base(), {}, "live/a") == base());
  CHECK(core::policy_for(base(), {named("other/*")}, "live/a") == base());
}

TEST_CASE("the first rule that matches decides, and says so") {
  auto first = named("live/b");
  auto second = named("live/*");
  auto third = named("**");
  second.enabled = false;
  third.minimum_duration = 9s;
  auto x = core::policy_for(base(), {first, second, third}, "live/a");
  CHECK(x.set_by == "rule 2");
  CHECK_FALSE(x.enabled);
  CHECK(x.minimum_duration == 1s);
  CHECK(core::policy_for(base(), {first, second, third}, "x/y").set_by == "rule 3");
  CHECK(core::policy_for(base(), {first, second, third}, "live/b").enabled);
}

TEST_CASE("a rule's formats replace those of the recording as a whole") {
  auto rule = named("live/*");
  rule.formats = std::vector<core::format_policy>{{core::format::flv, 5s, 6s, "flv", 0s}};
  auto x = core::policy_for(base(), {rule}, "live/a");
  CHECK(x.formats == *rule.formats);
  CHECK(x.enabled);
}

TEST_CASE("a merge window comes from the format, else from the rule, else from the recording") {
  auto with = base();
  with.merge_window = 10s;
  with.formats
      = {{core::format::mp4, 30min, 6s, "mp4"}, {core::format::hls, 168h, 6s, "hls", 1min}};
  const auto windows = [](const core::policy& x) {
    std::vector<core::millis> out;
    for (const auto& how : x.formats)
      out.push_back(core::window_of(how));
    return out;
  };
  using all = std::vector<core::millis>;
  auto x = core::policy_for(with, {}, "live/a");
  CHECK(windows(x) == all{10s, 1min});
  CHECK(core::longest_window(x) == 1min);
  auto rule = named("live/*");
  rule.merge_window = 0s;
  x = core::policy_for(with, {rule}, "live/a");
  CHECK(windows(x) == all{0s, 1min});
  rule.formats = std::vector<core::format_policy>{{core::format::flv, 5s, 6s, "flv"}};
  rule.merge_window.reset();
  x = core::policy_for(with, {rule}, "live/a");
  CHECK(windows(x) == all{10s});
  x.enabled = false;
  CHECK(core::longest_window(x) == 0s);
}

TEST_CASE("format names go both ways") {
  for (auto x : {core::format::mp4, core::format::flv, core::format::hls})
    CHECK(core::to_format(core::to_string(x)) == x);
  CHECK_FALSE(core::to_format("mkv"));
  CHECK_FALSE(core::to_format("MP4"));
}
