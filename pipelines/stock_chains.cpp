// SPDX-License-Identifier: MIT
#include "pipelines/stock_chains.hpp"

#include "core/mux/fragment.hpp"

#include <array>
#include <cmath>

namespace pipelines {
namespace {

// The aggregator's pads hold this much, so the two sources do not wait for each other frame by
// frame; a muxer with a source that is not live delays nothing by it.
constexpr auto muxer_latency = "2000000000"; // ns

/// The ID header, and a comment header that says nothing (RFC 7845 5.2): elements want both.
void set_opus_fields(GstCaps* caps, const core::bytes& header) {
  constexpr std::array<std::uint8_t, 16> comment{'O', 'p', 'u', 's', 'T', 'a', 'g', 's'};
  if (header.size() < 19)
    return;
  gst_caps_set_simple(caps, "channel-mapping-family", G_TYPE_INT, int{header[18]}, nullptr);
  GValue list = G_VALUE_INIT;
  g_value_init(&list, GST_TYPE_ARRAY);
  for (core::byte_view x : {core::byte_view{header}, core::byte_view{comment}}) {
    GValue item = G_VALUE_INIT;
    g_value_init(&item, GST_TYPE_BUFFER);
    gst_value_take_buffer(&item, gst_buffer_new_memdup(x.data(), x.size()));
    gst_value_array_append_and_take_value(&list, &item);
  }
  gst_caps_set_value(caps, "streamheader", &list);
  g_value_unset(&list);
}

GstCaps* caps_of(const core::track& x) {
  GstCaps* caps = nullptr;
  switch (x.codec) {
  case core::codec_id::h264:
    caps = gst_caps_new_simple("video/x-h264", "stream-format", G_TYPE_STRING, "avc", "alignment",
                               G_TYPE_STRING, "au", nullptr);
    break;
  case core::codec_id::hevc:
    caps = gst_caps_new_simple("video/x-h265", "stream-format", G_TYPE_STRING, "hvc1", "alignment",
                               G_TYPE_STRING, "au", nullptr);
    break;
  case core::codec_id::av1:
    caps = gst_caps_new_simple("video/x-av1", "stream-format", G_TYPE_STRING, "obu-stream",
                               "alignment", G_TYPE_STRING, "tu", nullptr);
    break;
  case core::codec_id::aac:
    caps = gst_caps_new_simple("audio/mpeg", "mpegversion", G_TYPE_INT, 4, "stream-format",
                               G_TYPE_STRING, "raw", "framed", G_TYPE_BOOLEAN, TRUE, nullptr);
    break;
  case core::codec_id::mp3:
    caps = gst_caps_new_simple("audio/mpeg", "mpegversion", G_TYPE_INT, 1, "layer", G_TYPE_INT, 3,
                               "parsed", G_TYPE_BOOLEAN, TRUE, nullptr);
    break;
  case core::codec_id::opus:
    caps = gst_caps_new_empty_simple("audio/x-opus");
    set_opus_fields(caps, x.config);
    break;
  }
  auto set = [&](const char* name, int value) {
    if (value > 0)
      gst_caps_set_simple(caps, name, G_TYPE_INT, value, nullptr);
  };
  if (x.kind == core::track_kind::video) {
    set("width", x.width);
    set("height", x.height);
    if (x.frame_rate > 0) {
      gint n = 0;
      gint d = 1;
      gst_util_double_to_fraction(x.frame_rate, &n, &d);
      gst_caps_set_simple(caps, "framerate", GST_TYPE_FRACTION, n, d, nullptr);
    }
  } else {
    set("rate", x.sample_rate);
    set("channels", x.channels);
  }
  // Opus has its header in another field.
  if (!x.config.empty() && x.codec != core::codec_id::opus) {
    auto* data = gst_buffer_new_memdup(x.config.data(), x.config.size());
    gst_caps_set_simple(caps, "codec_data", GST_TYPE_BUFFER, data, nullptr);
    gst_buffer_unref(data);
  }
  return caps;
}

core::result<GstElement*> add_source(pipeline& in, const core::track& x) {
  auto source = in.add(element{"appsrc",
                               {{"format", "time"},
                                {"emit-signals", "false"},
                                {"max-bytes", "0"},
                                {"max-buffers", "0"},
                                {"max-time", "0"}}});
  if (!source)
    return source;
  auto* caps = caps_of(x);
  g_object_set(*source, "caps", caps, nullptr);
  gst_caps_unref(caps);
  return source;
}

gchar* give_location(GstElement*, guint, gpointer location) {
  return g_strdup(static_cast<const char*>(location));
}

/// The muxer of a file and the sink that writes it through at once: a kill loses nothing that stood
/// in a buffer. The floating references are the caller's.
core::result<std::pair<GstElement*, GstElement*>> make_muxer_and_file(core::format what) {
  const bool is_mp4 = what == core::format::mp4;
  auto* muxer = gst_element_factory_make(is_mp4 ? "mp4mux" : "flvmux", nullptr);
  auto* file = gst_element_factory_make("filesink", nullptr);
  if (muxer == nullptr || file == nullptr)
    return core::failure{core::errc::media_failed,
                         "there is no GStreamer element named mp4mux, flvmux or filesink"};
  gst_util_set_object_arg(G_OBJECT(muxer), "latency", muxer_latency);
  if (is_mp4) {
    gst_util_set_object_arg(G_OBJECT(muxer), "fragment-duration", "1000"); // ms
    gst_util_set_object_arg(G_OBJECT(muxer), "fragment-mode", "first-moov-then-finalise");
  }
  gst_util_set_object_arg(G_OBJECT(file), "buffer-mode", "unbuffered");
  gst_util_set_object_arg(G_OBJECT(file), "async", "false");
  return std::pair{muxer, file};
}

std::string path_of(const fragment_plan& x) { return x.slot.folder + "/" + x.slot.name; }

core::result<GstElement*> add_muxer(pipeline& in, const fragment_plan& x) {
  const auto made = make_muxer_and_file(x.how.what);
  if (!made)
    return made.error();
  const auto [muxer, file] = *made;
  g_object_set(file, "location", path_of(x).c_str(), nullptr);
  in.add(muxer);
  in.add(file);
  if (auto linked = in.link(muxer, file); !linked)
    return linked.error();
  return muxer;
}

core::result<GstElement*> add_splitmuxsink(pipeline& in, const fragment_plan& x) {
  auto sink = in.add(element{"splitmuxsink", {{"max-size-time", "0"}, {"max-size-bytes", "0"}}});
  if (!sink)
    return sink;
  // Not muxer-factory and muxer-properties: they count with async-finalize=true only, which cannot
  // be had with flvmux (GStreamer 1.22).
  const auto made = make_muxer_and_file(x.how.what);
  if (!made)
    return made.error();
  g_object_set(*sink, "muxer", made->first, "sink", made->second, nullptr);
  // A signal, not the property: the path may hold what printf would take for its own.
  g_signal_connect_data(
      *sink, "format-location", G_CALLBACK(give_location), g_strdup(path_of(x).c_str()),
      [](gpointer y, GClosure*) { g_free(y); }, GConnectFlags{});
  return sink;
}

std::string escaped(const std::string& path) {
  std::string out;
  for (char c : path)
    out += c == '%' ? std::string{"%%"} : std::string{c};
  return out;
}

core::result<GstElement*> add_hlssink2(pipeline& in, const fragment_plan& x) {
  const auto whole = std::chrono::ceil<core::seconds>(x.how.segment).count();
  return in.add(element{"hlssink2",
                        {{"location", escaped(x.slot.folder) + "/seg-%06d.ts"},
                         {"playlist-location", path_of(x)},
                         {"playlist-length", "0"},
                         {"max-files", "0"},
                         {"send-keyframe-requests", "false"},
                         {"target-duration", std::to_string(whole)}}});
}

element parser_of(const core::track& x) {
  switch (x.codec) {
  case core::codec_id::h264:
    return {"h264parse", {{"config-interval", "-1"}}};
  case core::codec_id::hevc:
    return {"h265parse", {{"config-interval", "-1"}}};
  case core::codec_id::av1:
    return {"av1parse", {}};
  case core::codec_id::opus:
    return {"opusparse", {}};
  case core::codec_id::aac:
    return {"aacparse", {}};
  case core::codec_id::mp3:
    break;
  }
  return {"mpegaudioparse", {}};
}

/// What a kind calls the pads that it takes its tracks by.
struct pad_names {
  const char* video;
  const char* audio;
};

pad_names pads_of(stock_kind kind, core::format what) {
  switch (kind) {
  case stock_kind::splitmuxsink:
    return {"video", "audio_%u"};
  case stock_kind::muxer:
    if (what == core::format::mp4)
      return {"video_%u", "audio_%u"};
    break;
  case stock_kind::hlssink2:
    break;
  }
  return {"video", "audio"};
}

core::result<GstElement*> add_sink(pipeline& in, stock_kind kind, const fragment_plan& x) {
  switch (kind) {
  case stock_kind::muxer:
    return add_muxer(in, x);
  case stock_kind::splitmuxsink:
    return add_splitmuxsink(in, x);
  case stock_kind::hlssink2:
    break;
  }
  return add_hlssink2(in, x);
}

} // namespace

core::result<stock_sources> build_stock(pipeline& in, stock_kind kind, const fragment_plan& x) {
  // A muxer without the caps for a codec says so in a failure of its links, or waits for ever.
  if (auto held = core::mux::check_tracks(x.how.what, x.how.tracks); !held)
    return held.error();
  auto sink = add_sink(in, kind, x);
  if (!sink)
    return sink.error();
  const auto pads = pads_of(kind, x.how.what);
  stock_sources out;
  auto connect
      = [&](const core::track& track, GstElement*& source, const char* pad) -> core::result<void> {
    auto made = add_source(in, track);
    if (!made)
      return made.error();
    source = *made;
    auto* last = source;
    // mp4mux and flvmux take what comes over the wire as it is; MPEG-TS needs another form.
    if (kind == stock_kind::hlssink2) {
      auto parser = in.add(parser_of(track));
      if (!parser)
        return parser.error();
      if (auto linked = in.link(source, *parser); !linked)
        return linked;
      last = *parser;
    }
    return in.link(last, *sink, pad);
  };
  if (x.how.tracks.video)
    if (auto done = connect(*x.how.tracks.video, out.video, pads.video); !done)
      return done.error();
  if (x.how.tracks.audio)
    if (auto done = connect(*x.how.tracks.audio, out.audio, pads.audio); !done)
      return done.error();
  return out;
}

} // namespace pipelines
