// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"

#include <functional>
#include <gst/gst.h>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace pipelines {

struct unref {
  void operator()(gpointer x) const noexcept { gst_object_unref(x); }
};

/// Owns one reference to a GStreamer object.
template <class T> using gst_ptr = std::unique_ptr<T, unref>;

/// Takes over the floating reference of a fresh object.
template <class T> gst_ptr<T> adopt(T* x) {
  return gst_ptr<T>{static_cast<T*>(gst_object_ref_sink(x))};
}

/// One GStreamer element: its factory and the properties that differ from the defaults, in the
/// notation of gst-launch.
struct element {
  std::string factory;
  std::vector<std::pair<std::string, std::string>> properties;
};

/// Renders a straight chain the way gst-launch spells it; for logs and tests.
std::string to_text(const std::vector<element>& chain);

/// The pipeline has taken everything down to its sinks.
struct pipeline_drained {};
using pipeline_event = std::variant<pipeline_drained, core::failure>;

/// One GstPipeline: built element by element, played and stopped without waiting, silent as soon as
/// it is gone. What it posts is translated for `hear`, from whichever thread posts it.
class pipeline {
public:
  using listener = std::function<void(pipeline_event)>;
  explicit pipeline(listener hear);
  pipeline(const pipeline&) = delete;
  pipeline& operator=(const pipeline&) = delete;
  ~pipeline();

  /// Adds one element; the pipeline owns it.
  core::result<GstElement*> add(const element& x);
  /// Takes over the floating reference.
  void add(GstElement* x);
  /// Adds a chain and links it; the first and the last element.
  core::result<std::pair<GstElement*, GstElement*>> add(const std::vector<element>& chain);
  core::result<void> link(GstElement* from, GstElement* to, const char* pad = nullptr);
  /// What plays it, on a thread of the caller's choice; does nothing once it was stopped.
  std::function<void()> player() const;
  /// Both take effect on a thread of GStreamer's own: a change of state may wait for a disk.
  void play();
  void stop();
  GstElement* get() const { return pipeline_.get(); }

private:
  struct states;
  gst_ptr<GstElement> pipeline_;
  std::shared_ptr<states> states_;
};

} // namespace pipelines
