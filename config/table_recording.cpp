// SPDX-License-Identifier: MIT
#include "config/table.hpp"

#include <algorithm>

namespace config {

using namespace std::chrono_literals;

namespace {

using policy = core::format_policy;

field<policy> merge_window() {
  return duration<policy>("merge_window", &policy::merge_window, 0ms, defaults::merge_window_most,
                          "That of this format; else as for all of them.");
}

/// The branches that can write a format; the first is the default (design.md 3 and 7).
std::vector<std::string> branches(core::format x) {
  switch (x) {
  case core::format::mp4:
    return {"mp4", "mp4-faststart", "mp4-mp4mux", "mp4-splitmuxsink"};
  case core::format::flv:
    return {"flv", "flv-flvmux", "flv-splitmuxsink"};
  case core::format::hls:
    return {"hls", "hls-fmp4", "hls-hlssink2"};
  }
  return {};
}

field<policy> branch(core::format x) {
  key about{"branch", kind::choice,
            "What writes the files: the server's own writer, or stock elements of GStreamer."};
  about.choices = branches(x);
  return value<policy>(about, &policy::branch, std::mem_fn(&reading::choice), as_it_is);
}

fields<policy> keys_of(core::format x) {
  if (x != core::format::hls)
    return {duration<policy>("fragment", &policy::fragment, defaults::fragment_least,
                             defaults::fragment_most,
                             "Length of a file; it is cut at the next key frame."),
            merge_window(), branch(x)};
  return {duration<policy>("fragment", &policy::fragment, defaults::fragment_least,
                           defaults::hls_fragment_most,
                           "Length of a playlist; it is cut at the next key frame."),
          duration<policy>("segment", &policy::segment, defaults::hls_segment_least,
                           defaults::hls_segment_most,
                           "Length of one piece of a playlist, at most that of the fragment."),
          merge_window(), branch(x)};
}

struct format_keys {
  core::format what;
  key about;
  fields<policy> members;
};

std::vector<format_keys> all_formats() {
  std::vector<format_keys> out;
  for (auto x : {core::format::mp4, core::format::flv, core::format::hls}) {
    const auto* doc = x == core::format::mp4 ? "MP4 files; {} takes the defaults."
                      : x == core::format::flv
                          ? "FLV files; {} takes the defaults."
                          : "HLS playlists with their segments; {} takes the defaults.";
    format_keys y{x, {core::to_string(x), kind::object, doc}, keys_of(x)};
    describe_keys(y.about, y.members, default_format(x));
    out.push_back(std::move(y));
  }
  return out;
}

/// The formats that are named are recorded, no others.
std::optional<std::vector<policy>> read_formats(reading& r, const json& x, const key& about,
                                                const std::vector<format_keys>& all) {
  if (!r.object(x, about))
    return std::nullopt;
  std::vector<policy> out;
  for (const auto& f : all)
    if (const auto it = x.find(f.about.name); it != x.end()) {
      reading::step at(r, f.about.name);
      auto& y = out.emplace_back(default_format(f.what));
      read_keys(r, *it, f.about, f.members, y);
      if (!core::can_go_on(y)) {
        reading::step window(r, "merge_window");
        if (core::window_of(y) > 0ms)
          r.refuse("the branch " + y.branch
                   + " cannot go on with a file after an interruption; leave it out, or take the "
                     "branch "
                   + core::to_string(y.what));
        y.merge_window = 0ms;
      }
      if (f.what == core::format::hls && y.segment > y.fragment) {
        reading::step segment(r, "segment");
        r.refuse(duration_text(std::chrono::duration_cast<core::millis>(y.segment))
                 + " is longer than the fragment of "
                 + duration_text(std::chrono::duration_cast<core::millis>(y.fragment)));
      }
    }
  if (x.empty())
    r.refuse("must name mp4, flv or hls; to record nothing write \"enabled\": false");
  return out;
}

template <class Owner, class Place> field<Owner> formats(Place place, std::string doc) {
  const auto all = all_formats();
  key about{"formats", kind::object, std::move(doc)};
  for (const auto& x : all)
    about.keys.push_back(x.about);
  return value<Owner>(
      about, place,
      [all](reading& r, const json& x, const key& k) { return read_formats(r, x, k, all); },
      [all](const std::vector<policy>& x) {
        json out = json::object();
        for (const auto& f : all)
          for (const auto& y : x)
            if (y.what == f.what)
              out[f.about.name] = show_keys(f.members, y);
        return out;
      });
}

core::result<std::string> to_match(const std::string& x, const surroundings&) {
  if (x.find('/') == std::string::npos && x.find("**") == std::string::npos)
    return core::failure{
        core::errc::bad_request,
        "can never match: it is held against app/stream and * stops at \"/\"; write for "
        "example \"live/*\", or \"**\" for every stream"};
  return x;
}

fields<core::rule> rule_fields() {
  using core::rule;
  return {
      required(text<rule>("match", &rule::match, 1, defaults::match_most, to_match,
                          "Pattern over app/stream: * and ? stop at \"/\", ** does not.")),
      boolean<rule>("enabled", &rule::enabled, "Whether these streams are recorded."),
      duration<rule>("minimum_duration", &rule::minimum_duration, 0ms,
                     defaults::minimum_duration_most,
                     "A publish shorter than this leaves no file."),
      duration<rule>("merge_window", &rule::merge_window, 0ms, defaults::merge_window_most,
                     "How long an interrupted publish may stay away and still continue its files."),
      formats<rule>(&rule::formats, "Replaces the formats above as a whole."),
  };
}

} // namespace

fields<recording> recording_fields() {
  return {
      boolean<recording>("enabled", &recording::enabled,
                         "Whether streams are recorded unless a rule says otherwise."),
      duration<recording>("minimum_duration", &recording::minimum_duration, 0ms,
                          defaults::minimum_duration_most,
                          "A publish shorter than this leaves no file."),
      duration<recording>("merge_window", &recording::merge_window, 0ms,
                          defaults::merge_window_most,
                          "How long an interrupted publish may stay away and still continue its "
                          "files; 0s: each interruption ends them."),
      duration<recording>("sync", &recording::sync, 0ms, defaults::sync_most,
                          "How often everything that is being written is brought to the disk, at "
                          "once for all; 0s: when the kernel likes."),
      formats<recording>(&recording::formats,
                         "What is written, several at once; only the formats named here."),
      list<recording>(
          "rules", &recording::rules, defaults::rules_most,
          [](const recording&) { return core::rule{}; }, rule_fields(),
          "Read from the top, the first match wins; what it leaves out comes from above."),
  };
}

} // namespace config
