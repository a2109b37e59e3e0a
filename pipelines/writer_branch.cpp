// SPDX-License-Identifier: MIT
#include "pipelines/writer_branch.hpp"

#include "pipelines/batch_source.hpp"
#include "pipelines/gst.hpp"
#include "pipelines/writer_pool.hpp"
#include "pipelines/writer_sink.hpp"

namespace pipelines {
namespace {

const std::vector<element> chain{{"livetape_source", {}}, {"livetape_writer", {}}};

class writer_branch : public branch {
public:
  writer_branch(const options& x, const report_sink& report)
      : writer_{std::make_shared<fragment_writer>(x.writer, report, x.spools)},
        lane_{x.pool->new_lane()}, pipeline_{[writer = writer_, report](pipeline_event e) {
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
    source_ = std::shared_ptr<GstElement>{GST_ELEMENT(gst_object_ref(ends->first)), unref{}};
    set_writer(ends->second, writer_);
    lane_.run(pipeline_.player());
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

  void discontinue(std::shared_ptr<const core::track_set> tracks) override {
    auto& to = next();
    to.weight += weight(*tracks);
    to.steps.emplace_back(batch::discontinuity{std::move(tracks)});
  }

  void write_out() override { next().steps.emplace_back(batch::write_out{}); }

  void close() override { next().steps.emplace_back(batch::close{}); }

  void flush() override {
    if (!next_)
      return;
    backlog_->fetch_add(next_->weight, std::memory_order_relaxed);
    next_->counted_in = backlog_;
    // Unbounded: the bound is media_input's, who can drop whole GOPs.
    lane_.run([source = source_, x = std::make_shared<std::unique_ptr<batch>>(std::move(next_))] {
      push_batch(source.get(), std::move(*x));
    });
  }

  void finish() override {
    flush();
    lane_.run([source = source_] { push_end(source.get()); });
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
  writer_pool::lane lane_;
  pipeline pipeline_;
  std::shared_ptr<GstElement> source_; // jobs may outlive the pipeline
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
