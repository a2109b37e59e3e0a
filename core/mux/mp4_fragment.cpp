// SPDX-License-Identifier: MIT
#include "core/mux/file_access.hpp"
#include "core/mux/formats.hpp"
#include "core/mux/mp4_boxes.hpp"
#include "core/mux/mp4_finish.hpp"
#include "core/mux/mp4_moof.hpp"
#include "core/mux/tally.hpp"

namespace core::mux::mp4 {

namespace {

// What one large burst needed is not kept for the rest of the fragment.
constexpr std::size_t kept_buffer = 4 * 1024 * 1024;
class writer : public fragment {
public:
  writer(std::unique_ptr<file> out, const options& x)
      : file_{std::move(out)}, tracks_{x.tracks}, moof_{x.tracks} {}

  result<void> write_header(wall_time start) {
    return append_whole(*file_, make_growing_front(tracks_, start));
  }

  result<void> write(std::span<const frame> frames) override {
    for (const auto& f : frames) {
      if (moof_.is_full_for(f))
        if (auto r = flush(); !r)
          return r;
      if (auto r = moof_.add(f); !r)
        return r;
      tally_.add(f.kind, f.pts, f.duration);
      written_.hold(f);
    }
    if (moof_.length() >= flush_after)
      return flush();
    return {};
  }

  result<account> close() override {
    if (auto r = flush(); !r)
      return r.error();
    auto done = finish(*file_);
    if (!done)
      return done;
    return tally_.make(tracks_, file_->size());
  }

  account so_far() const override { return tally_.make(tracks_, file_->size()); }
  nanos durable_until() const override { return written_.durable_until(); }

private:
  result<void> flush() {
    if (moof_.empty())
      return {};
    moof_.build(out_);
    auto done = append_whole(*file_, out_.pieces());
    if (done)
      written_.flushed();
    out_.clear(kept_buffer);
    moof_.clear();
    return done;
  }

  std::unique_ptr<file> file_;
  track_set tracks_;
  tally tally_;
  durable_mark written_;
  moof_maker moof_;
  gather out_; // empty between two calls
};

} // namespace

result<std::unique_ptr<fragment>> open(folder& in, const options& x) {
  auto out = in.create(x.name);
  if (!out)
    return out.error();
  auto w = std::make_unique<writer>(*std::move(out), x);
  if (auto r = w->write_header(x.start); !r)
    return r.error();
  return std::unique_ptr<fragment>{std::move(w)};
}

result<account> repair(folder& in, const std::string& name) {
  auto x = in.open(name);
  if (!x)
    return x.error();
  return finish(**x);
}

} // namespace core::mux::mp4
