// SPDX-License-Identifier: MIT
#include "actors/archive.hpp"

#include "actors/failures.hpp"
#include "core/log.hpp"
#include "core/metrics.hpp"
#include "core/names.hpp"

#include <caf/all.hpp>
#include <cstdio>

namespace actors {
namespace {

double in_seconds(core::nanos x) { return std::chrono::duration<double>(x).count(); }

std::string text(core::nanos x) {
  char out[32];
  std::snprintf(out, sizeof out, "%.3f s", in_seconds(x));
  return out;
}

} // namespace

archive_actor::behavior_type archive(archive_actor::stateful_pointer<archive_state> self,
                                     core::archive_options opts, archive_ports ports,
                                     outbox_listener notifier) {
  return self->state.run(self, std::move(opts), ports, std::move(notifier));
}

archive_actor::behavior_type archive_state::run(archive_actor::stateful_pointer<archive_state> self,
                                                core::archive_options opts, archive_ports ports,
                                                outbox_listener notifier) {
  self_ = self;
  ports_ = ports;
  notifier_ = std::move(notifier);
  machine_.emplace(std::move(opts));
  return {
      // -- from rooms
      [this](const publish_began& x) { apply(machine_->on_started(x.of, x.tracks, now())); },
      [this](const publish_over& x) {
        apply(machine_->on_ended(x.of, x.how, x.tracks, x.minimum, now(), x.may_go_on));
      },
      [this](const publish_merged& x) { apply(machine_->on_merged(x.of, x.into)); },
      [this](const publish_gap& x) { apply(machine_->on_gap(x.of, x.what)); },
      [this](const publish_trouble& x) { apply(machine_->on_trouble(x.what, now())); },
      [this](const keep_fragment& x) { apply(machine_->keep(x.entry, x.what, x.minimum, now())); },
      [this](const salvage_fragment& x) { apply(machine_->salvage(x.entry, x.what, x.minimum)); },
      [this](const publish_closed& x) { apply(machine_->on_finished(x.of, x.how, x.gaps)); },
      // -- from main and the node
      [this](const recover_spool& x) {
        apply(machine_->recover(x.found, x.unended, x.minimum, now()));
      },
      [this](const space_again&) { apply(machine_->on_space()); },
      [this](const get_archive_status&) {
        return archive_status{machine_->is_idle(), machine_->waiting()};
      },
      [this](const delete_file& x) { return on(x); },
      // -- from the storage and itself
      [this](const repaired& x) { apply(machine_->on_repaired(x.id, x.holds, now())); },
      [this](const stored& x) { apply(machine_->on_stored(x.id, x.object, now())); },
      [this](const committed& x) { apply(machine_->on_committed(x.ticket, x.how, now())); },
      [this](const retry_due&) { apply(machine_->on_retry_due()); },
      [this](const file_deleted& x) { on(x); },
  };
}

caf::result<void> archive_state::on(const delete_file& x) {
  auto promise = self_->make_response_promise<void>();
  auto& waiting = deletions_[x.id];
  waiting.push_back(promise);
  if (waiting.size() > 1)
    return promise; // It is being deleted already: both get the same answer.
  auto answer = [me = archive_actor{self_}, id = x.id](core::result<void> how) {
    caf::anon_send(me, file_deleted{id, std::move(how)});
  };
  // The journal's entry goes first: one that stays for its publish's end would ask for the media
  // after a crash. The row goes last: whoever still sees it may ask again.
  ports_.index->file(x.id, [ports = ports_, answer](core::result<core::file_row> row) {
    if (!row)
      return answer(row.error());
    ports.journal->drop(row->id, false, [ports, answer, row = *row](core::result<void> dropped) {
      if (!dropped)
        return answer(dropped.error());
      ports.store->remove(row, [ports, answer, id = row.id](core::result<void> gone) {
        if (!gone && gone.error().code != core::errc::not_found)
          return answer(gone.error());
        ports.index->remove_file(id, answer);
      });
    });
  });
  return promise;
}

void archive_state::on(const file_deleted& x) {
  auto at = deletions_.find(x.id);
  if (at == deletions_.end())
    return;
  for (auto& promise : at->second)
    if (x.how)
      fulfil(promise);
    else
      promise.deliver(to_error(x.how.error()));
  deletions_.erase(at);
}

void archive_state::apply(machine::effects xs) {
  for (auto& x : xs)
    std::visit([this](auto& y) { run(y); }, x);
}

void archive_state::run(const machine::repair& x) {
  ports_.store->repair(x.at, x.what, [me = archive_actor{self_}, id = x.id](auto holds) {
    caf::anon_send(me, repaired{id, std::move(holds)});
  });
}

void archive_state::run(const machine::store& x) {
  ports_.store->keep(x.row, x.from, [me = archive_actor{self_}, id = x.row.id](auto object) {
    caf::anon_send(me, stored{id, std::move(object)});
  });
}

void archive_state::run(const machine::commit& x) {
  ports_.index->commit(x.batch, [me = archive_actor{self_}, ticket = x.ticket](auto how) {
    caf::anon_send(me, committed{ticket, std::move(how)});
  });
}

void archive_state::run(const machine::forget& x) {
  ports_.journal->drop(x.id, x.with_files, [id = x.id](const core::result<void>& how) {
    if (!how)
      core::log::warning("storage",
                         "the journal entry could not be removed: " + how.error().what
                             + "; the next start looks at it again",
                         {{"file_id", std::to_string(id)}});
  });
}

void archive_state::run(const machine::tell_closed& x) {
  core::log::info(x.row.key.text(),
                  "file closed: " + x.row.name + "." + core::extension(x.row.what) + ", "
                      + text(x.row.duration) + ", " + std::to_string(x.row.size)
                      + " bytes, because of " + core::to_string(x.row.ended),
                  {{"sequence", x.row.sequence}, {"file_id", std::to_string(x.row.id)}});
}

void archive_state::run(const machine::tell_kept& x) {
  auto& m = core::metrics::all();
  std::vector<std::string> labels{core::to_string(x.row.what), core::to_string(x.row.ended)};
  m.files.add(labels);
  m.file_seconds.add(labels, in_seconds(x.row.duration));
  if (const auto drift = x.row.drift.value_or(core::nanos{0}); drift != core::nanos{0})
    m.drift_seconds.add({labels.front(), drift > core::nanos{0} ? "slow" : "fast"},
                        in_seconds(std::chrono::abs(drift)));
}

void archive_state::run(const machine::tell_discarded& x) {
  core::log::info(
      x.entry.of.key.text(),
      std::string{"no "} + core::to_string(x.entry.what) + " file kept: " + x.why,
      {{"sequence", x.entry.of.sequence}, {"file_id", std::to_string(x.entry.slot.id)}});
}

void archive_state::run(const machine::tell_left_behind& x) {
  core::log::warning(
      x.entry.of.key.text(),
      std::string{"the "} + core::to_string(x.entry.what) + " file of an earlier run "
          + "could not be finished: " + x.why + "; it stays in the spool as " + x.entry.slot.folder
          + "/" + x.entry.slot.name + ", play it from there and remove it with its .json",
      {{"sequence", x.entry.of.sequence}, {"file_id", std::to_string(x.entry.slot.id)}});
}

void archive_state::run(const machine::tell_finished& x) {
  core::nanos missing{0};
  for (auto& g : x.gaps)
    missing += g.length;
  core::log::info(
      x.of.key.text(),
      "ended: " + x.how.how.what + "; " + text(x.how.media) + " in " + std::to_string(x.how.bytes)
          + " bytes received, "
          + (x.gaps.empty() ? "no gaps"
                            : std::to_string(x.gaps.size()) + " gaps of together " + text(missing)),
      {{"sequence", x.of.sequence}, {"cause", core::to_string(x.how.how.why)}});
}

void archive_state::run(const machine::tell_trouble& x) {
  core::log::warning(
      x.key.app.empty() ? "archive" : x.key.text(),
      "cannot keep a file or event yet: " + x.why.what
          + "; it is tried again, nothing is lost; look at the store's disk and the index",
      {{"code", core::to_string(x.why.code)}});
}

void archive_state::run(const machine::tell_gap& x) {
  auto& m = core::metrics::all();
  m.gaps.add({core::to_string(x.what.cause)});
  m.gap_seconds.add({core::to_string(x.what.cause)}, in_seconds(x.what.length));
}

void archive_state::run(const machine::wake_notifier&) { self_->send(notifier_, outbox_changed{}); }

void archive_state::run(const machine::arm_retry& x) {
  self_->delayed_send(self_, x.delay, retry_due{});
}

} // namespace actors
