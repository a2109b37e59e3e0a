// SPDX-License-Identifier: MIT
#include "tests/actors/orders_world.hpp"

/// What the journal, the store and the index of a world do, and which laws hold at their doors.
namespace orders {

class world::fake_journal : public test::fake_journal {
public:
  explicit fake_journal(world& w) : test::fake_journal{w.story}, w_{w} {}
  void write(core::journal_entry x, done then) override {
    auto answer = [this, x, then] {
      if (w_.fails(4))
        return then(test::broken());
      w_.say("writes ", x.slot.id, " of ", x.of.sequence);
      w_.journal[x.slot.id] = x.of;
      then({});
    };
    w_.journal_answers_.due.emplace_back(answer);
  }
  void note_opened(core::file_id id, core::wall_time, core::start_reason) override {
    note(id, [](auto&) {});
  }
  void note_publish(core::file_id id, const core::publish& of) override {
    w_.say("goes on with ", id, " as ", of.sequence);
    note(id, [of](auto& x) { x = of; });
  }
  void note_held(core::file_id id, core::wall_time) override {
    note(id, [](auto&) {});
  }
  void note_gap(core::file_id id, const core::gap&) override {
    note(id, [](auto&) {});
  }
  void drop(core::file_id id, bool with_files, done then) override {
    w_.say(with_files ? "discards " : "forgets ", id);
    if (w_.journal.erase(id) == 0)
      w_.broken("an entry is dropped that is not there: " + std::to_string(id));
    if (with_files)
      ++w_.discarded[id];
    else if (!w_.has_file(id))
      w_.broken("an entry is forgotten before its file is kept: " + std::to_string(id));
    then({});
  }

private:
  template <class Change> void note(core::file_id id, Change change) {
    if (auto at = w_.journal.find(id); at != w_.journal.end())
      change(at->second);
    else
      w_.broken("something is noted for an entry that is gone: " + std::to_string(id));
  }
  world& w_;
};

class world::fake_store : public test::fake_store {
public:
  explicit fake_store(world& w) : test::fake_store{w.story}, w_{w} {}
  void keep(const core::file_row& row, const core::fragment_slot&, stored then) override {
    w_.store_answers_.due.emplace_back([this, then, id = row.id] {
      if (!w_.journal.contains(id))
        w_.broken("a file is stored without an entry: " + std::to_string(id));
      if (w_.fails(4))
        return then(test::broken());
      then(std::string{"object"});
    });
  }
  void repair(const core::fragment_slot& at, core::format, repaired then) override {
    w_.store_answers_.due.emplace_back([this, then, id = at.id] {
      const auto& f = w_.fragments.at(id);
      core::mux::account holds;
      holds.duration = f.end - f.start;
      if (w_.fails(3))
        return then(core::failure{
            w_.random.one_in(2) ? core::errc::too_many : core::errc::storage_failed, "the disk"});
      if (holds.duration <= core::nanos{0})
        return then(core::failure{core::errc::not_found, "no frame"});
      if (w_.fails(3)) {
        w_.left_behind.insert(id);
        return then(core::failure{core::errc::bad_request, "no file"});
      }
      then(holds);
    });
  }

private:
  world& w_;
};

class world::fake_index : public test::fake_index {
public:
  explicit fake_index(world& w) : test::fake_index{w.story}, w_{w} {}
  void commit(core::commit_batch x, done then) override {
    w_.index_answers_.due.emplace_back([this, x, then] {
      const bool is_refused = w_.fails(5);
      // Refused: it may have been carried out all the same, when only the answer came too late.
      if (!is_refused || w_.random.one_in(3))
        take(x);
      if (is_refused)
        return then(core::failure{core::errc::timed_out, "locked"});
      for (const auto& e : x.events)
        ++w_.taken[e.event_id];
      then({});
    });
  }

private:
  void take(const core::commit_batch& x) {
    for (const auto& row : x.files) {
      w_.say("file ", row.id, " of ", row.sequence);
      const auto entry = w_.journal.find(row.id);
      if (!w_.has_file(row.id))
        w_.files.push_back({row, entry == w_.journal.end() ? core::publish{} : entry->second,
                            entry != w_.journal.end()});
    }
    for (const auto& e : x.events) {
      if (w_.has_event(e.event_id))
        continue;
      w_.say("event ", e.event_id);
      w_.events.push_back(e);
    }
    for (const auto& [key, g] : x.gaps) {
      w_.say("gap ", to_string(g.cause), " ", g.branch);
      if (std::none_of(w_.index_gaps.begin(), w_.index_gaps.end(), [&](auto& y) {
            return y.key == key && y.what.start == g.start && y.what.length == g.length
                   && y.what.cause == g.cause && y.what.branch == g.branch
                   && y.sequence == x.sequence;
          }))
        w_.index_gaps.push_back({x.sequence, key, g});
    }
  }
  world& w_;
};

void world::make_storage() {
  journal_ = std::make_shared<fake_journal>(*this);
  store_ = std::make_shared<fake_store>(*this);
  index_ = std::make_shared<fake_index>(*this);
}

} // namespace orders
