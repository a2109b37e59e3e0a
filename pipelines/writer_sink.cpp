// SPDX-License-Identifier: MIT
#include "pipelines/writer_sink.hpp"

#include "pipelines/batch_source.hpp"

#include <gst/base/gstbasesink.h>

// GObject's macros want C's names and C's layout; everything that thinks is in fragment_writer.

struct livetape_writer {
  GstBaseSink base;
  std::shared_ptr<pipelines::fragment_writer>* writer;
};
struct livetape_writer_class {
  GstBaseSinkClass base;
};
// NOLINTBEGIN
using livetape_writerClass = livetape_writer_class;
G_DEFINE_TYPE(livetape_writer, livetape_writer, GST_TYPE_BASE_SINK)
// NOLINTEND

namespace {

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(pipelines::batch_caps));

GstFlowReturn render(GstBaseSink* base, GstBuffer* buffer) {
  auto& writer = *reinterpret_cast<livetape_writer*>(base)->writer;
  auto* x = pipelines::batch_in(buffer);
  // A failed write ends its fragment only: the next one may be on another disk.
  if (writer && x != nullptr)
    writer->carry_out(*x);
  return GST_FLOW_OK;
}

void finalize(GObject* x) {
  delete reinterpret_cast<livetape_writer*>(x)->writer;
  G_OBJECT_CLASS(livetape_writer_parent_class)->finalize(x);
}

} // namespace

static void livetape_writer_class_init(livetape_writer_class* x) {
  auto* element = GST_ELEMENT_CLASS(x);
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_set_static_metadata(element, "livetape writer", "Sink/File",
                                        "Muxes and writes fragments of a recording", "livetape");
  x->base.render = render;
  G_OBJECT_CLASS(x)->finalize = finalize;
}

static void livetape_writer_init(livetape_writer* x) {
  x->writer = new std::shared_ptr<pipelines::fragment_writer>;
  gst_base_sink_set_sync(&x->base, FALSE);
  // A branch that is never fed must not keep its pipeline from PLAYING.
  gst_base_sink_set_async_enabled(&x->base, FALSE);
  // The last buffer would keep a burst in memory.
  gst_base_sink_set_last_sample_enabled(&x->base, FALSE);
}

namespace pipelines {

void register_writer_sink() {
  gst_element_register(nullptr, "livetape_writer", GST_RANK_NONE, livetape_writer_get_type());
}

void set_writer(GstElement* sink, std::shared_ptr<fragment_writer> x) {
  *reinterpret_cast<livetape_writer*>(sink)->writer = std::move(x);
}

} // namespace pipelines
