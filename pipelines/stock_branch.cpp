// SPDX-License-Identifier: MIT
#include "pipelines/stock_branch.hpp"

#include "pipelines/fragment_writer.hpp"
#include "pipelines/watchdog.hpp"

#include <algorithm>
#include <filesystem>
#include <gst/app/gstappsrc.h>
#include <map>
#include <mutex>

namespace pipelines {
namespace {

/// What was handed to one fragment.
struct tally {
  core::mux::account holds;
  core::nanos first = core::nanos::max();
  core::nanos last = core::nanos::min();

  void add(const core::frame& x) {
    ++(x.kind == core::track_kind::video ? holds.video_frames : holds.audio_frames);
    holds.size += x.data.size();
    first = std::min(first, x.pts);
    last = std::max(last, x.pts + x.duration);
    holds.duration = last - first;
  }
};

struct stock_fragment {
  fragment_plan plan;
  tally counted;
  stock_sources sources;
  std::unique_ptr<pipeline> chain;
  watchdog limit;
};

std::uint64_t size_on_disk(const fragment_plan& x) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (x.how.what != core::format::hls) {
    const auto size = fs::file_size(fs::path{x.slot.folder} / x.slot.name, ignored);
    return ignored ? 0 : size;
  }
  std::uint64_t out = 0;
  for (auto it = fs::directory_iterator{x.slot.folder, ignored}; it != fs::directory_iterator{};
       it.increment(ignored)) {
    if (ignored)
      break;
    if (const auto size = it->file_size(ignored); !ignored)
      out += size;
  }
  return out;
}

/// What the threads of the fragments' pipelines reach; outlives the branch.
struct shared {
  report_sink report;
  std::mutex mutex;
  std::map<core::file_id, stock_fragment> open;
  std::size_t unreported = 0;
  bool is_finishing = false;

  /// The first word about a fragment is the last: an error after the end spoils nothing.
  void settle(core::file_id id, pipeline_event e) {
    std::unique_lock lock{mutex};
    auto node = open.extract(id);
    lock.unlock();
    if (node.empty())
      return;
    auto& x = node.mapped();
    if (auto* why = std::get_if<core::failure>(&e)) {
      // It does not say what it has written: the gap is all of it, rather than too short.
      report(fragment_lost{id, std::move(*why), core::nanos{0}});
    } else {
      x.counted.holds.tracks = x.plan.how.tracks;
      x.counted.holds.size = size_on_disk(x.plan);
      report(fragment_done{id, std::move(x.counted.holds)});
    }
    lock.lock();
    const bool is_last = --unreported == 0 && is_finishing;
    lock.unlock();
    if (is_last)
      report(branch_drained{});
  }
};

/// Keeps a frame's bytes alive in a buffer and counts them until it is gone.
struct loan {
  std::shared_ptr<const void> owner;
  std::shared_ptr<backlog_count> counted_in;
  std::uint64_t weight;
  ~loan() { counted_in->fetch_sub(weight, std::memory_order_relaxed); }
};

class stock_branch : public branch {
public:
  stock_branch(stock_kind kind, const options& x, report_sink report)
      : kind_{kind}, limit_{x.close_limit}, shared_{std::make_shared<shared>()} {
    shared_->report = std::move(report);
  }

  core::result<void> open(fragment_plan x) override {
    const auto id = x.slot.id;
    auto chain = std::make_unique<pipeline>([weak = std::weak_ptr{shared_}, id](pipeline_event e) {
      if (auto self = weak.lock())
        self->settle(id, std::move(e));
    });
    auto sources = build_stock(*chain, kind_, x);
    if (!sources)
      return sources.error();
    current_ = id;
    auto* playing = chain.get();
    std::lock_guard guard{shared_->mutex};
    shared_->open[id] = {std::move(x), {}, *sources, std::move(chain), {}};
    ++shared_->unreported;
    playing->play();
    return {};
  }

  void feed(std::vector<core::frame> frames) override {
    std::lock_guard guard{shared_->mutex};
    auto it = shared_->open.find(current_);
    if (it == shared_->open.end())
      return;
    for (auto& x : frames) {
      auto* to
          = x.kind == core::track_kind::video ? it->second.sources.video : it->second.sources.audio;
      if (to == nullptr || x.data.empty())
        continue;
      it->second.counted.add(x);
      gst_app_src_push_buffer(GST_APP_SRC(to), wrap(x));
    }
  }

  /// GStreamer's sinks have no mark for it; a change of tracks is a cut for them.
  void discontinue(std::shared_ptr<const core::track_set>) override {}
  void write_out() override {}

  void close() override {
    std::lock_guard guard{shared_->mutex};
    auto it = shared_->open.find(std::exchange(current_, 0));
    if (it == shared_->open.end())
      return;
    for (auto* source : {it->second.sources.video, it->second.sources.audio})
      if (source != nullptr)
        gst_app_src_end_of_stream(GST_APP_SRC(source));
    it->second.limit
        = watchdog{limit_, [weak = std::weak_ptr{shared_}, id = it->first] {
                     if (auto self = weak.lock())
                       self->settle(id, core::failure{core::errc::timed_out,
                                                      "the fragment was not finished in time"});
                   }};
  }

  void flush() override {}

  void finish() override {
    std::lock_guard guard{shared_->mutex};
    shared_->is_finishing = true;
    // Nothing runs that could report; and a report never comes from within a call.
    if (shared_->unreported == 0)
      drained_ = watchdog{core::millis{0}, [weak = std::weak_ptr{shared_}] {
                            if (auto self = weak.lock())
                              self->report(branch_drained{});
                          }};
  }

  core::mux::account so_far() const override {
    std::lock_guard guard{shared_->mutex};
    auto it = shared_->open.find(current_);
    return it == shared_->open.end() ? core::mux::account{} : it->second.counted.holds;
  }

  /// A stock chain does not say what it has written.
  core::nanos durable_until(core::file_id) const override { return core::nanos{0}; }

  std::uint64_t backlog() const override { return backlog_->load(std::memory_order_relaxed); }

private:
  GstBuffer* wrap(const core::frame& x) {
    const auto bytes = weight(x);
    backlog_->fetch_add(bytes, std::memory_order_relaxed);
    auto* out = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY,
                                            const_cast<std::uint8_t*>(x.data.data()), x.data.size(),
                                            0, x.data.size(), new loan{x.owner, backlog_, bytes},
                                            [](gpointer y) { delete static_cast<loan*>(y); });
    // GStreamer's times have no sign.
    auto time = [](core::nanos y) {
      return static_cast<GstClockTime>(std::max<std::int64_t>(0, y.count()));
    };
    GST_BUFFER_DTS(out) = time(x.dts);
    GST_BUFFER_PTS(out) = time(x.pts);
    // Without a duration the last sample has none in an MP4, and players drop it.
    GST_BUFFER_DURATION(out) = time(x.duration);
    if (!x.key)
      GST_BUFFER_FLAG_SET(out, GST_BUFFER_FLAG_DELTA_UNIT);
    return out;
  }

  const stock_kind kind_;
  const core::millis limit_;
  std::shared_ptr<backlog_count> backlog_ = std::make_shared<backlog_count>(0);
  std::shared_ptr<shared> shared_;
  core::file_id current_ = 0;
  watchdog drained_;
};

} // namespace

std::unique_ptr<branch> make_stock_branch(stock_kind kind, const options& x, report_sink report) {
  return std::make_unique<stock_branch>(kind, x, std::move(report));
}

} // namespace pipelines
