// SPDX-License-Identifier: MIT
#include "pipelines/branch.hpp"
#include "pipelines/stock_branch.hpp"
#include "pipelines/writer_branch.hpp"

#include <algorithm>
#include <array>

namespace pipelines {
namespace {

struct kind {
  const char* name;
  core::format what;
  std::optional<stock_kind> stock; // none: the writer
  core::mux::segment_kind segments = core::mux::segment_kind::ts;
  bool faststart = false;
};

constexpr std::array kinds{
    kind{"mp4", core::format::mp4, {}},
    kind{"mp4-faststart", core::format::mp4, {}, core::mux::segment_kind::ts, true},
    kind{"flv", core::format::flv, {}},
    kind{"hls", core::format::hls, {}},
    kind{"hls-fmp4", core::format::hls, {}, core::mux::segment_kind::fmp4},
    kind{"mp4-mp4mux", core::format::mp4, stock_kind::muxer},
    kind{"flv-flvmux", core::format::flv, stock_kind::muxer},
    kind{"mp4-splitmuxsink", core::format::mp4, stock_kind::splitmuxsink},
    kind{"flv-splitmuxsink", core::format::flv, stock_kind::splitmuxsink},
    kind{"hls-hlssink2", core::format::hls, stock_kind::hlssink2},
};

/// The name of a format is that of its own writer.
std::string name_of(const core::format_policy& how) {
  return how.branch.empty() ? std::string{to_string(how.what)} : how.branch;
}

/// Null when there is no kind of this name.
const kind* find(const std::string& name) {
  const auto it = std::find_if(kinds.begin(), kinds.end(), [&](auto& k) { return k.name == name; });
  return it == kinds.end() ? nullptr : &*it;
}

} // namespace

bool takes_changes(const core::format_policy& how) {
  return how.what == core::format::hls && core::can_go_on(how);
}

core::mux::segment_kind segments_of(const core::format_policy& how) {
  const auto* it = find(name_of(how));
  return it == nullptr ? core::mux::segment_kind::ts : it->segments;
}

core::nanos faststart_of(const core::format_policy& how) {
  const auto* it = find(name_of(how));
  return it != nullptr && it->faststart ? how.fragment : core::nanos{0};
}

std::vector<std::string> branch_kinds() {
  std::vector<std::string> out;
  for (auto& x : kinds)
    out.emplace_back(x.name);
  return out;
}

core::result<std::unique_ptr<branch>> make_branch(const core::format_policy& how, const options& x,
                                                  report_sink report) {
  const auto name = name_of(how);
  const auto* it = find(name);
  if (it == nullptr)
    return core::failure{core::errc::bad_request, "there is no branch kind named " + name};
  if (it->what != how.what)
    return core::failure{core::errc::bad_request,
                         "the branch kind " + name + " does not write " + to_string(how.what)};
  if (it->stock)
    return make_stock_branch(*it->stock, x, std::move(report));
  return make_writer_branch(x, std::move(report));
}

} // namespace pipelines
