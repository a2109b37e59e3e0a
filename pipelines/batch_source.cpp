// SPDX-License-Identifier: MIT
#include "pipelines/batch_source.hpp"

// GObject's macros want C's names and C's layout.

struct livetape_source {
  GstElement base;
  GstPad* pad; // the element owns it
  bool has_begun;
};
struct livetape_source_class {
  GstElementClass base;
};
// NOLINTBEGIN
using livetape_sourceClass = livetape_source_class;
G_DEFINE_TYPE(livetape_source, livetape_source, GST_TYPE_ELEMENT)
// NOLINTEND

namespace {

GstStaticPadTemplate source_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(pipelines::batch_caps));

GQuark batch_quark() {
  static const auto quark = g_quark_from_static_string("livetape-batch");
  return quark;
}

/// A buffer that carries a batch and nothing else.
GstBuffer* wrap(std::unique_ptr<pipelines::batch> x) {
  auto* buffer = gst_buffer_new();
  gst_mini_object_set_qdata(GST_MINI_OBJECT(buffer), batch_quark(), x.release(),
                            [](gpointer y) { delete static_cast<pipelines::batch*>(y); });
  return buffer;
}

/// What goes ahead of the first buffer.
livetape_source* begun(GstElement* x) {
  auto* source = reinterpret_cast<livetape_source*>(x);
  if (source->has_begun)
    return source;
  source->has_begun = true;
  gst_pad_push_event(source->pad, gst_event_new_stream_start("livetape"));
  auto* caps = gst_caps_new_empty_simple(pipelines::batch_caps);
  gst_pad_push_event(source->pad, gst_event_new_caps(caps));
  gst_caps_unref(caps);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_pad_push_event(source->pad, gst_event_new_segment(&segment));
  return source;
}

} // namespace

static void livetape_source_class_init(livetape_source_class* x) {
  gst_element_class_add_static_pad_template(&x->base, &source_template);
  gst_element_class_set_static_metadata(&x->base, "livetape source", "Source",
                                        "Takes batches of a recording on the caller's thread",
                                        "livetape");
}

static void livetape_source_init(livetape_source* x) {
  x->pad = gst_pad_new_from_static_template(&source_template, "src");
  gst_element_add_pad(&x->base, x->pad);
  GST_OBJECT_FLAG_SET(x, GST_ELEMENT_FLAG_SOURCE);
}

namespace pipelines {

void register_batch_source() {
  gst_element_register(nullptr, "livetape_source", GST_RANK_NONE, livetape_source_get_type());
}

void push_batch(GstElement* source, std::unique_ptr<batch> x) {
  // A failed write ends its fragment only, so nobody asks how it went; a stopped pipeline refuses.
  gst_pad_push(begun(source)->pad, wrap(std::move(x)));
}

void push_end(GstElement* source) { gst_pad_push_event(begun(source)->pad, gst_event_new_eos()); }

batch* batch_in(GstBuffer* x) {
  return static_cast<batch*>(gst_mini_object_get_qdata(GST_MINI_OBJECT(x), batch_quark()));
}

} // namespace pipelines
