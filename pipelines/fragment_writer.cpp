// SPDX-License-Identifier: MIT
#include "pipelines/fragment_writer.hpp"

#include "core/log.hpp"
#include "core/mux/posix_folder.hpp"

#include <algorithm>

namespace pipelines {

writer_access disk() { return {core::mux::open_folder, core::mux::open_fragment}; }

fragment_writer::fragment_writer(writer_access access, report_sink report,
                                 std::shared_ptr<core::spool_health> spools)
    : access_{std::move(access)}, report_{std::move(report)}, spools_{std::move(spools)} {}

void fragment_writer::carry_out(batch& x) {
  obey_spools();
  for (auto& step : x.steps) {
    if (is_abandoned_)
      return;
    std::visit([this](auto& y) { apply(y); }, step);
  }
  if (fragment_)
    publish(fragment_->so_far(), fragment_->durable_until());
}

/// After a sync that failed nobody knows what of a file is on the disk: nothing more goes into it.
void fragment_writer::obey_spools() {
  if (!spools_ || !fragment_ || spools_->changes() == spools_seen_)
    return;
  spools_seen_ = spools_->changes();
  if (auto why = spools_->take_given_up(id_))
    lose(std::move(*why), fragment_->durable_until());
}

void fragment_writer::end() {
  fragment_.reset();
  folder_.reset();
  // The report may be what takes this object down.
  auto report = report_;
  report(branch_drained{});
}

core::mux::account fragment_writer::so_far() const {
  std::lock_guard guard{mutex_};
  return so_far_;
}

core::nanos fragment_writer::durable_until(core::file_id id) const {
  std::lock_guard guard{mutex_};
  return id == published_ ? durable_ : core::nanos{0};
}

void fragment_writer::apply(fragment_plan& x) {
  fragment_.reset();
  folder_.reset();
  id_ = x.slot.id;
  publish({}, core::nanos{0});
  auto folder = access_.open_folder(x.slot.folder);
  if (!folder)
    return lose(folder.error(), core::nanos{0});
  folder_ = std::move(*folder);
  auto fragment = access_.open_fragment(*folder_, x.how);
  if (!fragment)
    return lose(fragment.error(), core::nanos{0});
  fragment_ = std::move(*fragment);
}

void fragment_writer::apply(batch::frames& x) {
  if (!fragment_ || x.of.empty())
    return;
  if (auto done = fragment_->write(x.of); !done) {
    // What came with earlier bursts may have been held back.
    auto first = fragment_->durable_until();
    for (auto& frame : x.of)
      first = std::min(first, frame.dts);
    lose(done.error(), first);
  }
}

void fragment_writer::apply(batch::discontinuity& x) {
  if (!fragment_)
    return;
  if (auto done = fragment_->discontinue(*x.tracks); !done)
    lose(done.error(), fragment_->durable_until());
}

void fragment_writer::apply(batch::write_out&) {
  if (!fragment_)
    return;
  if (auto done = fragment_->write_out(); !done)
    lose(done.error(), fragment_->durable_until());
}

void fragment_writer::apply(batch::close&) {
  if (!fragment_)
    return;
  auto holds = fragment_->close();
  if (!holds)
    return lose(holds.error(), fragment_->durable_until());
  if (const auto said = fragment_->remark(); !said.empty())
    core::log::warning("writer", said, {{"file_id", std::to_string(id_)}});
  fragment_.reset();
  folder_.reset();
  report_(fragment_done{id_, std::move(*holds)});
}

void fragment_writer::lose(core::failure why, std::optional<core::nanos> from) {
  fragment_.reset();
  folder_.reset();
  report_(fragment_lost{id_, std::move(why), from});
}

void fragment_writer::publish(core::mux::account x, core::nanos durable) {
  std::lock_guard guard{mutex_};
  so_far_ = std::move(x);
  published_ = id_;
  durable_ = durable;
}

} // namespace pipelines
