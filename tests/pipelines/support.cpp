// SPDX-License-Identifier: MIT
#include "tests/pipelines/support.hpp"

#include "core/codec.hpp"

#include <cstring>

// GLib keeps one block from its library constructor (house-rules 8, GStreamer trap 6).
// mp4mux 1.22 loses 4 KiB a track when it fragments, under gst-launch too.
extern "C" const char* __lsan_default_suppressions() {
  // The second: what ASan itself holds of a thread that begins just as the process ends.
  return "leak:_dl_init\nleak:pthread_getattr_np\nleak:libgstisomp4.so\n";
}
extern "C" const char* __asan_default_options() { return "fast_unwind_on_malloc=0"; }

namespace tests {

void start_gstreamer() {
  static const bool once = (pipelines::start(), true);
  (void)once;
}

// -- fake disk -----------------------------------------------------------------------------------

class fake_disk::recorder : public core::mux::fragment {
public:
  recorder(std::shared_ptr<fake_disk> in, core::mux::options how)
      : shared_{std::move(in)}, how_{std::move(how)} {
    std::lock_guard guard{in_.mutex_};
    in_.fragments_[how_.name].how = how_;
  }
  core::result<void> write(std::span<const core::frame> frames) override {
    if (in_.on_write)
      if (auto done = in_.on_write(how_.name, in_.frames_of(how_.name)); !done)
        return done;
    std::lock_guard guard{in_.mutex_};
    auto& to = in_.fragments_[how_.name].frames;
    to.insert(to.end(), frames.begin(), frames.end());
    in_.changed_.notify_all();
    return {};
  }
  core::result<void> write_out() override {
    std::lock_guard guard{in_.mutex_};
    in_.fragments_[how_.name].is_written_out = true;
    in_.changed_.notify_all();
    return {};
  }
  core::result<void> discontinue(const core::track_set& x) override {
    std::lock_guard guard{in_.mutex_};
    auto& to = in_.fragments_[how_.name];
    to.discontinuities.push_back(to.frames.size());
    how_.tracks = x;
    return {};
  }
  core::result<core::mux::account> close() override {
    if (in_.on_close)
      if (auto done = in_.on_close(how_.name); !done)
        return done.error();
    {
      std::lock_guard guard{in_.mutex_};
      in_.fragments_[how_.name].is_closed = true;
    }
    return so_far();
  }
  core::nanos durable_until() const override {
    core::nanos out{0};
    std::lock_guard guard{in_.mutex_};
    for (auto& x : in_.fragments_[how_.name].frames)
      out = std::max(out, x.dts + x.duration);
    return std::min(out, in_.most_durable.load());
  }
  core::mux::account so_far() const override {
    std::lock_guard guard{in_.mutex_};
    core::mux::account out;
    out.tracks = how_.tracks;
    for (auto& x : in_.fragments_[how_.name].frames) {
      out.size += x.data.size();
      out.duration = std::max(out.duration, x.pts + x.duration);
      ++(x.kind == core::track_kind::video ? out.video_frames : out.audio_frames);
    }
    return out;
  }

private:
  std::shared_ptr<fake_disk> shared_;
  fake_disk& in_ = *shared_;
  core::mux::options how_;
};

pipelines::writer_access fake_disk::access() {
  return {[](const std::string&) -> core::result<std::unique_ptr<core::mux::folder>> {
            return std::unique_ptr<core::mux::folder>{std::make_unique<memory_folder>()};
          },
          [self = shared_from_this()](core::mux::folder&, const core::mux::options& x)
              -> core::result<std::unique_ptr<core::mux::fragment>> {
            if (self->on_open)
              if (auto done = self->on_open(x.name); !done)
                return done.error();
            return std::unique_ptr<core::mux::fragment>{std::make_unique<recorder>(self, x)};
          }};
}

std::map<std::string, fake_disk::fragment> fake_disk::all() const {
  std::lock_guard guard{mutex_};
  return fragments_;
}

std::size_t fake_disk::frames_of(const std::string& name) const {
  std::lock_guard guard{mutex_};
  auto it = fragments_.find(name);
  return it == fragments_.end() ? 0 : it->second.frames.size();
}

bool fake_disk::wait_for_frames(const std::string& name, std::size_t count) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, 10s, [&] { return fragments_[name].frames.size() >= count; });
}

bool fake_disk::wait_for_write_out(const std::string& name) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, 10s, [&] { return fragments_[name].is_written_out; });
}

// -- inbox and publish ---------------------------------------------------------------------------

void inbox::put(core::media_event x) {
  std::lock_guard guard{mutex_};
  events_.push_back(std::move(x));
  changed_.notify_all();
}

publish::publish(std::function<void(pipelines::options&)> change) {
  start_gstreamer();
  how.clock = clock;
  how.writer = disk.access();
  if (change)
    change(how);
  media = pipelines::open_media(how)("live/a", [this, heard = heard](core::media_event x) {
    const auto* asks = std::get_if<core::slot_taken>(&x);
    const auto branch = asks != nullptr ? asks->branch : std::string{};
    heard->put(std::move(x));
    if (asks != nullptr && gives_slots)
      give_slot(branch);
  });
  input = media->input();
}

void publish::open(const std::string& branch, core::format what, core::nanos fragment,
                   const std::string& kind, core::start_reason why) {
  opened_.push_back(branch);
  media->open_branch(branch, {what, fragment, 2s, kind, window}, why);
}

void publish::give_slot(const std::string& branch) {
  int serial = 0;
  {
    std::lock_guard guard{asked_mutex_};
    serial = ++asked_[branch];
  }
  const auto in = how.spools ? how.spools->choose(clock->steady()) : folder;
  media->offer_slot(branch, {next_++, "", in, branch + "." + std::to_string(serial)});
}

void publish::push(std::vector<core::media_item> x) { input->push(std::move(x), clock->steady()); }

void publish::play(const clip& x, bool with_configs) {
  std::vector<core::media_item> burst;
  if (with_configs) {
    if (x.tracks.video)
      burst.push_back(config_of(*x.tracks.video));
    if (x.tracks.audio)
      burst.push_back(config_of(*x.tracks.audio));
  }
  auto first = x.frames.empty() ? 0ns : x.frames.front().dts;
  auto arrive = [&] {
    if (newest_ > arrived_)
      clock->advance(newest_ - std::exchange(arrived_, newest_));
    push(std::exchange(burst, {}));
  };
  for (auto frame : x.frames) {
    if (frame.dts - first >= 250ms) {
      arrive();
      first = frame.dts;
    }
    newest_ = std::max(newest_, frame.dts);
    frame.duration = 0ns;
    burst.push_back({nullptr, frame});
  }
  arrive();
}

void publish::end(core::end_reason why) { input->end({why, 3, "the publisher has left"}); }

void publish::come_back(core::nanos away) {
  clock->advance(away);
  newest_ = arrived_ = 0ns;
  input = media->resume();
}

bool publish::finish(std::size_t branches) {
  end();
  if (window > 0ms)
    for (const auto& branch : opened_)
      media->close_branch(branch, core::end_reason::publish_ended);
  return heard->wait_for<core::branch_ended>(branches);
}

std::vector<core::frame> publish::kept(const std::string& branch) const {
  std::vector<core::frame> out;
  const auto all = disk.all();
  int slots = 0;
  {
    std::lock_guard guard{asked_mutex_};
    if (const auto it = asked_.find(branch); it != asked_.end())
      slots = it->second;
  }
  // One that was declined has left no fragment.
  for (int i = 1; i <= slots; ++i)
    if (const auto it = all.find(branch + "." + std::to_string(i)); it != all.end())
      out.insert(out.end(), it->second.frames.begin(), it->second.frames.end());
  return out;
}

// -- media ---------------------------------------------------------------------------------------

clip numbered(core::nanos length, core::nanos gop, bool video, bool audio, core::nanos from) {
  clip out;
  if (video) {
    out.tracks.video.emplace();
    out.tracks.video->config = {1, 66, 0, 10};
  }
  if (audio) {
    core::track x;
    x.kind = core::track_kind::audio;
    x.codec = core::codec_id::aac;
    x.config = {0x12, 0x10};
    x.sample_rate = 44100;
    x.channels = 2;
    out.tracks.audio = x;
  }
  std::uint64_t number = static_cast<std::uint64_t>(from.count());
  core::nanos v{0};
  std::int64_t a = 0;
  while (v < length) {
    const core::nanos sound{a * 1024 * 1'000'000'000 / 44100};
    core::bytes data(8);
    ++number;
    std::memcpy(data.data(), &number, 8);
    // Stamps in milliseconds, as RTMP has them.
    if (video && (!audio || v <= sound)) {
      out.frames.push_back(
          make_frame(core::track_kind::video, v % gop == 0ns, from + v, from + v, std::move(data)));
      v += 40ms;
    } else {
      const auto t = from + std::chrono::floor<core::millis>(sound);
      out.frames.push_back(make_frame(core::track_kind::audio, true, t, t, std::move(data)));
      ++a;
      if (!video)
        v = sound;
    }
  }
  return out;
}

std::uint64_t number_of(const core::frame& x) {
  std::uint64_t out = 0;
  std::memcpy(&out, x.data.data(), std::min<std::size_t>(8, x.data.size()));
  return out;
}

std::vector<std::uint64_t> numbers(const std::vector<core::frame>& x, core::track_kind kind) {
  std::vector<std::uint64_t> out;
  for (auto& frame : x)
    if (frame.kind == kind)
      out.push_back(number_of(frame));
  return out;
}

core::media_item config_of(const core::track& x) {
  return {std::make_shared<const core::track>(x), {}};
}

std::string lawlessness(const std::vector<core::media_event>& events, int publishers) {
  std::map<core::file_id, std::string> open;
  std::set<core::file_id> seen;
  std::map<std::string, int> ended;
  int left = 0;
  auto settle = [&](core::file_id id, const std::string& branch) -> std::string {
    if (id != 0 && open.erase(id) == 0)
      return branch + ": a fragment that is not open was reported";
    return {};
  };
  for (auto& x : events) {
    std::string wrong;
    if (auto* opened = std::get_if<core::fragment_opened>(&x)) {
      if (!seen.insert(opened->id).second)
        wrong = "a fragment was opened twice";
      open[opened->id] = opened->branch;
    } else if (auto* closed = std::get_if<core::fragment_closed>(&x)) {
      wrong = settle(closed->id, closed->branch);
    } else if (auto* failed = std::get_if<core::fragment_failed>(&x)) {
      wrong = settle(failed->id, failed->branch);
    } else if (auto* end = std::get_if<core::branch_ended>(&x)) {
      ++ended[end->branch];
      for (auto& [id, branch] : open)
        if (branch == end->branch)
          wrong = branch + " ended with an open fragment";
    } else if (std::holds_alternative<core::publisher_left>(x)) {
      ++left;
    }
    if (!wrong.empty())
      return wrong;
  }
  if (!open.empty())
    return open.begin()->second + ": a fragment was never closed nor failed";
  for (auto& [branch, count] : ended)
    if (count != 1)
      return branch + " ended " + std::to_string(count) + " times";
  return left == publishers ? "" : "the publisher left " + std::to_string(left) + " times";
}

} // namespace tests
