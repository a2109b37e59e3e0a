// SPDX-License-Identifier: MIT
#include "pipelines/bus.hpp"

namespace pipelines {
namespace {

/// The only reader of GError.
core::failure to_failure(GstMessage* msg) {
  GError* err = nullptr;
  gst_message_parse_error(msg, &err, nullptr);
  auto code = core::errc::media_failed;
  if (err->domain == GST_RESOURCE_ERROR) {
    if (err->code == GST_RESOURCE_ERROR_NO_SPACE_LEFT)
      code = core::errc::no_space;
    else
      code = core::errc::storage_failed;
  }
  const auto* from = GST_MESSAGE_SRC(msg);
  core::failure out{code, (from != nullptr ? std::string{GST_OBJECT_NAME(from)} + ": " : "")
                              + err->message};
  while (out.what.ends_with('.'))
    out.what.pop_back();
  g_error_free(err);
  return out;
}

struct forwarder {
  GstElement* of; // outlives its bus's messages
  pipeline::listener hear;
};

void recalculate(GstElement* e, gpointer) { gst_bin_recalculate_latency(GST_BIN(e)); }

GstBusSyncReply on_message(GstBus*, GstMessage* msg, gpointer data) {
  auto& [of, hear] = *static_cast<forwarder*>(data);
  switch (GST_MESSAGE_TYPE(msg)) {
  case GST_MESSAGE_EOS:
    hear(pipeline_drained{});
    break;
  case GST_MESSAGE_ERROR:
    hear(to_failure(msg));
    break;
  case GST_MESSAGE_LATENCY:
    // Live graphs; what GstBus's asynchronous users leave to their main loop.
    gst_element_call_async(of, recalculate, nullptr, nullptr);
    break;
  default:
    break;
  }
  gst_message_unref(msg);
  return GST_BUS_DROP;
}

GstBusSyncReply drop(GstBus*, GstMessage* msg, gpointer) {
  gst_message_unref(msg);
  return GST_BUS_DROP;
}

} // namespace

void forward_bus(GstElement* of, pipeline::listener hear) {
  auto bus = gst_ptr<GstBus>{gst_element_get_bus(of)};
  gst_bus_set_sync_handler(bus.get(), on_message, new forwarder{of, std::move(hear)},
                           [](gpointer x) { delete static_cast<forwarder*>(x); });
}

void silence_bus(GstElement* of) {
  auto bus = gst_ptr<GstBus>{gst_element_get_bus(of)};
  gst_bus_set_sync_handler(bus.get(), drop, nullptr, nullptr);
}

} // namespace pipelines
