// SPDX-License-Identifier: MIT
#include "pipelines/demo_source.hpp"

#include "core/codec.hpp"
#include "pipelines/gst.hpp"

#include <gst/app/gstappsink.h>
#include <mutex>

namespace pipelines {
namespace {

constexpr core::nanos burst = core::millis{250};
constexpr int frame_rate = 25;
constexpr int sample_rate = 44100;
constexpr int samples = 1024; // of one AAC frame

bool exists(const char* factory) {
  auto* x = gst_element_factory_find(factory);
  if (x != nullptr)
    gst_object_unref(x);
  return x != nullptr;
}

std::vector<element> picture(core::seconds length) {
  std::vector<element> out{
      {"videotestsrc",
       {{"is-live", "true"},
        {"pattern", "smpte"},
        {"num-buffers", std::to_string(length.count() * frame_rate)}}},
      {"capsfilter", {{"caps", "video/x-raw,format=I420,width=640,height=360,framerate=25/1"}}}};
  // The overlay comes with the pango plugin, which a server may lack.
  if (exists("timeoverlay"))
    out.push_back({"timeoverlay", {}});
  out.insert(out.end(), {{"queue", {}},
                         {"x264enc",
                          {{"tune", "zerolatency"},
                           {"speed-preset", "superfast"},
                           {"key-int-max", "50"},
                           {"bitrate", "800"}}},
                         {"capsfilter",
                          {{"caps", "video/x-h264,stream-format=avc,alignment=au,profile=main"}}},
                         {"appsink", {{"sync", "false"}, {"async", "false"}}}});
  return out;
}

std::vector<element> sound(core::seconds length) {
  const char* encoder = exists("avenc_aac")   ? "avenc_aac"
                        : exists("fdkaacenc") ? "fdkaacenc"
                                              : "voaacenc";
  return {{"audiotestsrc",
           {{"is-live", "true"},
            {"volume", "0.2"},
            {"samplesperbuffer", std::to_string(samples)},
            {"num-buffers", std::to_string(length.count() * sample_rate / samples)}}},
          {"capsfilter", {{"caps", "audio/x-raw,rate=44100,channels=2"}}},
          {"audioconvert", {}},
          {"queue", {}},
          {encoder, {}},
          {"capsfilter", {{"caps", "audio/mpeg,mpegversion=4,stream-format=raw"}}},
          {"appsink", {{"sync", "false"}, {"async", "false"}}}};
}

/// The bytes of a GstBuffer, kept mapped while a frame refers to them.
struct mapped {
  GstBuffer* buffer;
  GstMapInfo info{};
  bool is_mapped;
  explicit mapped(GstBuffer* x)
      : buffer{gst_buffer_ref(x)}, is_mapped{gst_buffer_map(x, &info, GST_MAP_READ) == TRUE} {}
  mapped(const mapped&) = delete;
  mapped& operator=(const mapped&) = delete;
  ~mapped() {
    if (is_mapped)
      gst_buffer_unmap(buffer, &info);
    gst_buffer_unref(buffer);
  }
  core::byte_view bytes() const {
    return is_mapped ? core::byte_view{info.data, info.size} : core::byte_view{};
  }
};

} // namespace

struct demo_source::state {
  std::shared_ptr<core::media_input> to;
  std::shared_ptr<const core::clock> clock;
  std::unique_ptr<pipeline> graph;

  std::mutex mutex; // two encoders, one door
  std::vector<core::media_item> burst_;
  core::steady_time last_push{};
  core::bytes configs[2];
  bool has_ended = false;

  void take(core::track_kind kind, GstSample* sample) {
    auto bytes = std::make_shared<mapped>(gst_sample_get_buffer(sample));
    const auto* buffer = bytes->buffer;
    if (!GST_BUFFER_PTS_IS_VALID(buffer))
      return;
    std::lock_guard guard{mutex};
    if (has_ended)
      return;
    note_config(kind, gst_sample_get_caps(sample));
    // Each encoder counts from a begin of its own (x264enc from 1,000 h); their segments tell.
    const auto* segment = gst_sample_get_segment(sample);
    const auto running = [&](GstClockTime y) {
      guint64 out = 0;
      const int sign = gst_segment_to_running_time_full(segment, GST_FORMAT_TIME, y, &out);
      return core::nanos{sign * static_cast<std::int64_t>(out)};
    };
    core::frame x;
    x.kind = kind;
    x.key = kind == core::track_kind::audio
            || !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    const auto dts
        = GST_BUFFER_DTS_IS_VALID(buffer) ? GST_BUFFER_DTS(buffer) : GST_BUFFER_PTS(buffer);
    x.dts = running(dts);
    x.pts = running(GST_BUFFER_PTS(buffer));
    x.data = bytes->bytes();
    x.owner = std::move(bytes);
    burst_.push_back({nullptr, std::move(x)});
    const auto now = clock->steady();
    if (now - last_push < burst)
      return;
    last_push = now;
    to->push(std::exchange(burst_, {}), now);
  }

  void note_config(core::track_kind kind, GstCaps* caps) {
    if (caps == nullptr)
      return;
    const auto* value = gst_structure_get_value(gst_caps_get_structure(caps, 0), "codec_data");
    auto* buffer = value != nullptr ? gst_value_get_buffer(value) : nullptr;
    if (buffer == nullptr)
      return;
    const mapped data{buffer};
    auto& last = configs[static_cast<std::size_t>(kind)];
    const auto view = data.bytes();
    if (std::equal(view.begin(), view.end(), last.begin(), last.end()))
      return;
    last.assign(view.begin(), view.end());
    auto track = kind == core::track_kind::video ? core::codec::h264_track(view)
                                                 : core::codec::aac_track(view);
    if (track)
      burst_.push_back({std::make_shared<const core::track>(std::move(*track)), {}});
  }

  void end(const core::publish_end& how) {
    std::lock_guard guard{mutex};
    if (std::exchange(has_ended, true))
      return;
    to->push(std::exchange(burst_, {}), clock->steady());
    to->end(how);
  }

  core::result<void> add(const std::shared_ptr<state>& self, core::track_kind kind,
                         const std::vector<element>& chain) {
    auto ends = graph->add(chain);
    if (!ends)
      return ends.error();
    struct listener {
      std::weak_ptr<state> to;
      core::track_kind kind;
    };
    GstAppSinkCallbacks callbacks{};
    callbacks.new_sample = [](GstAppSink* sink, gpointer data) {
      auto& x = *static_cast<listener*>(data);
      auto* sample = gst_app_sink_pull_sample(sink);
      if (sample == nullptr)
        return GST_FLOW_EOS;
      if (auto to = x.to.lock())
        to->take(x.kind, sample);
      gst_sample_unref(sample);
      return GST_FLOW_OK;
    };
    gst_app_sink_set_callbacks(GST_APP_SINK(ends->second), &callbacks, new listener{self, kind},
                               [](gpointer x) { delete static_cast<listener*>(x); });
    return {};
  }
};

core::result<std::unique_ptr<demo_source>> demo_source::start(std::shared_ptr<core::media_input> to,
                                                              options x) {
  auto made = std::make_shared<state>();
  made->to = std::move(to);
  made->clock = std::move(x.clock);
  made->last_push = made->clock->steady();
  made->graph = std::make_unique<pipeline>([weak = std::weak_ptr{made}](pipeline_event e) {
    auto self = weak.lock();
    if (!self)
      return;
    if (auto* why = std::get_if<core::failure>(&e))
      self->end({core::end_reason::interrupted, 4, why->what});
    else
      self->end({core::end_reason::publish_ended, 1, "the demonstration is over"});
  });
  if (auto done = made->add(made, core::track_kind::video, picture(x.length)); !done)
    return done.error();
  if (auto done = made->add(made, core::track_kind::audio, sound(x.length)); !done)
    return done.error();
  made->graph->play();
  return std::unique_ptr<demo_source>{new demo_source{std::move(made)}};
}

demo_source::demo_source(std::shared_ptr<state> x) : state_{std::move(x)} {}

demo_source::~demo_source() {
  state_->end({core::end_reason::publish_ended, 1, "the demonstration was ended"});
}

} // namespace pipelines
