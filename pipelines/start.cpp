// SPDX-License-Identifier: MIT
#include "pipelines/batch_source.hpp"
#include "pipelines/stock_chains.hpp"
#include "pipelines/writer_branch.hpp"
#include "pipelines/writer_sink.hpp"

namespace pipelines {
namespace {

/// Takes a pipeline to `to` and back; what went wrong.
std::string go_through(GstElement* x, GstState to) {
  std::string out;
  if (gst_element_set_state(x, to) == GST_STATE_CHANGE_FAILURE)
    out = std::string{"cannot be brought to "} + gst_element_state_get_name(to);
  gst_element_set_state(x, GST_STATE_NULL);
  return out;
}

std::string try_writer() {
  std::string heard;
  pipeline x{[&](pipeline_event e) {
    if (auto* why = std::get_if<core::failure>(&e))
      heard = why->what;
  }};
  if (auto made = x.add(writer_chain()); !made)
    return made.error().what;
  const auto out = go_through(x.get(), GST_STATE_PAUSED);
  return heard.empty() ? out : heard;
}

std::string try_stock(stock_kind kind, core::format what) {
  std::string heard;
  pipeline x{[&](pipeline_event e) {
    if (auto* why = std::get_if<core::failure>(&e))
      heard = why->what;
  }};
  fragment_plan plan;
  // Nothing is written below PAUSED, but a filesink is opened.
  plan.slot = {1, "", "/dev", "null"};
  plan.how.what = what;
  plan.how.tracks.video = core::track{};
  plan.how.tracks.audio = core::track{};
  plan.how.tracks.audio->kind = core::track_kind::audio;
  plan.how.tracks.audio->codec = core::codec_id::aac;
  if (auto made = build_stock(x, kind, plan); !made)
    return made.error().what;
  const auto out = go_through(x.get(), GST_STATE_READY);
  return heard.empty() ? out : heard;
}

} // namespace

void start() {
  gst_init(nullptr, nullptr);
  register_batch_source();
  register_writer_sink();
}

std::vector<std::string> check() {
  std::vector<std::string> out;
  auto note = [&](const char* kind, std::string what) {
    if (!what.empty())
      out.push_back(std::string{"the branch kind "} + kind + ": " + std::move(what));
  };
  note("mp4, flv, hls", try_writer());
  note("mp4-mp4mux", try_stock(stock_kind::muxer, core::format::mp4));
  note("flv-flvmux", try_stock(stock_kind::muxer, core::format::flv));
  note("mp4-splitmuxsink", try_stock(stock_kind::splitmuxsink, core::format::mp4));
  note("flv-splitmuxsink", try_stock(stock_kind::splitmuxsink, core::format::flv));
  note("hls-hlssink2", try_stock(stock_kind::hlssink2, core::format::hls));
  return out;
}

} // namespace pipelines
