// SPDX-License-Identifier: MIT
#include "pipelines/watchdog.hpp"

#include "pipelines/gst.hpp"

namespace pipelines {
namespace {

using call = std::function<void()>;

gboolean bark(GstClock*, GstClockTime time, GstClockID, gpointer data) {
  if (GST_CLOCK_TIME_IS_VALID(time))
    (*static_cast<call*>(data))();
  return TRUE;
}

} // namespace

watchdog::watchdog(core::millis after, std::function<void()> what) {
  // The system clock has one thread for all that waits on it.
  auto clock = gst_ptr<GstClock>{gst_system_clock_obtain()};
  auto* id = gst_clock_new_single_shot_id(
      clock.get(),
      gst_clock_get_time(clock.get()) + static_cast<GstClockTime>(core::nanos{after}.count()));
  gst_clock_id_wait_async(id, bark, new call{std::move(what)},
                          [](gpointer x) { delete static_cast<call*>(x); });
  id_ = std::shared_ptr<void>{id, [](gpointer x) {
                                gst_clock_id_unschedule(x);
                                gst_clock_id_unref(x);
                              }};
}

} // namespace pipelines
