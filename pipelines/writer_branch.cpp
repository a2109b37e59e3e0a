// SPDX-License-Identifier: MIT
#include "pipelines/writer_branch.hpp"

#include "pipelines/gst.hpp"
#include "pipelines/writer_sink.hpp"

#include <gst/app/gstappsrc.h>

namespace pipelines {
namespace {

// Unbounded and non-blocking: the bound is media_input's, who can drop whole GOPs.
const std::vector<element> chain{
    {"appsrc",
     {{"caps", "application/x-livetape-batch"},
      {"format", "time"},
      {"emit-signals", "false"},
      {"max-bytes", "0"},
      {"max-buffers", "0"},
      {"max-time", "0"}}},
    {"livetape_writer", {}},
};

class writer_branch : public branch {
public:
  writer_branch(const options& x, const report_sink& report)
      : writer_{std::make_shared<fragment_writer>(x.writer, report)},
        pipeline_{[writer = writer_, report](pipeline_event e) {
          if (std::holds_alternative<pipeline_drained>(e))
            writer->end();
          else
            report(fragment_lost{0, std::get<core::failure>(std::move(e)), {}});
        }} {}

  ~writer_branch() override { writer_->abandon(); }

  core::result<void> build() {
    auto ends = pipeline_.add(chain);
    if (!ends)
      return ends.error();
    source_ = GST_APP_SRC(ends->first);
    set_writer(ends->second, writer_);
    pipeline_.play();
    return {};
  }

  core::result<void> open(fragment_plan x) override {
    auto& to = next();
    to.weight += weight(x.how.tracks) + sizeof(fragment_plan);
    to.steps.emplace_back(std::move(x));
    return {};
  }

  void feed(std::vector<core::frame> frames) override {
    auto& to = next();
    for (auto& x : frames)
      to.weight += weight(x);
    to.steps.emplace_back(batch::frames{std::move(frames)});
  }

  void close() override { next().steps.emplace_back(batch::close{}); }

  void flush() override {
    if (!next_)
      return;
    backlog_->fetch_add(next_->weight, std::memory_order_relaxed);
    next_->counted_in = backlog_;
    gst_app_src_push_buffer(source_, wrap(std::move(next_)));
  }

  void finish() override {
    flush();
    gst_app_src_end_of_stream(source_);
  }

  core::mux::account so_far() const override { return writer_->so_far(); }
  core::nanos durable_until(core::file_id id) const override { return writer_->durable_until(id); }

  std::uint64_t backlog() const override {
    return backlog_->load(std::memory_order_relaxed) + (next_ ? next_->weight : 0);
  }

private:
  batch& next() {
    if (!next_)
      next_ = std::make_unique<batch>();
    return *next_;
  }

  std::shared_ptr<backlog_count> backlog_ = std::make_shared<backlog_count>(0);
  std::shared_ptr<fragment_writer> writer_;
  pipeline pipeline_;
  GstAppSrc* source_ = nullptr; // owned by the pipeline
  std::unique_ptr<batch> next_;
};

} // namespace

const std::vector<element>& writer_chain() { return chain; }

core::result<std::unique_ptr<branch>> make_writer_branch(const options& x, report_sink report) {
  auto out = std::make_unique<writer_branch>(x, report);
  if (auto built = out->build(); !built)
    return built.error();
  return std::unique_ptr<branch>{std::move(out)};
}

} // namespace pipelines
