// SPDX-License-Identifier: MIT
#include "pipelines/gst.hpp"

#include "pipelines/bus.hpp"

#include <mutex>

namespace pipelines {
namespace {

core::failure failed(std::string what) { return {core::errc::media_failed, std::move(what)}; }

} // namespace

std::string to_text(const std::vector<element>& chain) {
  std::string out;
  for (auto& e : chain) {
    out += out.empty() ? e.factory : " ! " + e.factory;
    for (auto& [key, value] : e.properties)
      out += " " + key + "=" + value;
  }
  return out;
}

// GStreamer's pool runs calls in any order, and stop must win over play.
struct pipeline::states {
  std::mutex mutex;
  bool is_stopped = false;

  static void play(GstElement* e, gpointer data) {
    auto& x = **static_cast<std::shared_ptr<states>*>(data);
    std::lock_guard guard{x.mutex};
    if (!x.is_stopped && gst_element_set_state(e, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
      GST_ELEMENT_ERROR(e, CORE, STATE_CHANGE, ("the pipeline does not start"), (nullptr));
  }
  static void stop(GstElement* e, gpointer data) {
    auto& x = **static_cast<std::shared_ptr<states>*>(data);
    std::lock_guard guard{x.mutex};
    x.is_stopped = true;
    gst_element_set_state(e, GST_STATE_NULL);
  }
  static void release(gpointer data) { delete static_cast<std::shared_ptr<states>*>(data); }
};

pipeline::pipeline(listener hear)
    : pipeline_{adopt(gst_pipeline_new(nullptr))}, states_{std::make_shared<states>()} {
  forward_bus(pipeline_.get(), std::move(hear));
}

pipeline::~pipeline() {
  silence_bus(pipeline_.get());
  stop();
}

core::result<GstElement*> pipeline::add(const element& x) {
  auto* e = gst_element_factory_make(x.factory.c_str(), nullptr);
  if (e == nullptr)
    return failed("there is no GStreamer element named " + x.factory);
  add(e);
  for (auto& [key, value] : x.properties) {
    // gst_util_set_object_arg is silent about a property that does not exist.
    if (g_object_class_find_property(G_OBJECT_GET_CLASS(e), key.c_str()) == nullptr)
      return failed(x.factory + " has no property " + key);
    gst_util_set_object_arg(G_OBJECT(e), key.c_str(), value.c_str());
  }
  return e;
}

void pipeline::add(GstElement* x) { gst_bin_add(GST_BIN(pipeline_.get()), x); }

core::result<std::pair<GstElement*, GstElement*>> pipeline::add(const std::vector<element>& chain) {
  std::pair<GstElement*, GstElement*> out{nullptr, nullptr};
  for (auto& x : chain) {
    auto e = add(x);
    if (!e)
      return e.error();
    if (out.first == nullptr)
      out.first = *e;
    else if (auto linked = link(out.second, *e); !linked)
      return linked.error();
    out.second = *e;
  }
  return out;
}

core::result<void> pipeline::link(GstElement* from, GstElement* to, const char* pad) {
  if (gst_element_link_pads(from, nullptr, to, pad))
    return {};
  return failed(std::string{"cannot link "} + GST_OBJECT_NAME(from) + " to " + GST_OBJECT_NAME(to));
}

std::function<void()> pipeline::player() const {
  return [of = std::shared_ptr<GstElement>{GST_ELEMENT(gst_object_ref(get())), unref{}},
          states = states_]() mutable { states::play(of.get(), &states); };
}

void pipeline::play() {
  gst_element_call_async(pipeline_.get(), states::play, new std::shared_ptr<states>{states_},
                         states::release);
}

void pipeline::stop() {
  gst_element_call_async(pipeline_.get(), states::stop, new std::shared_ptr<states>{states_},
                         states::release);
}

} // namespace pipelines
