// SPDX-License-Identifier: MIT
#include "benchmarks/commands.hpp"
#include "benchmarks/report.hpp"

namespace bench {

core::result<std::unique_ptr<media>> load_media(const common_options& x) {
  const auto folder = x.clip_folder.empty() ? own_folder() + "/clips" : x.clip_folder;
  auto paths = x.clips;
  if (paths.empty())
    for (const auto rate : x.bitrates) {
      auto made = make_clip(folder, rate);
      if (!made)
        return made.error();
      paths.push_back(*made);
    }
  auto out = std::make_unique<media>();
  for (const auto& path : paths) {
    auto read = read_clip(path);
    if (!read)
      return read.error();
    out->clips.push_back(*std::move(read));
    out->wires.push_back(prepare(out->clips.back(), x.chunk));
    out->all.push_back(&out->wires.back());
  }
  return out;
}

core::result<task> prepare(const common_options& x, const std::string& formats) {
  auto what = load_media(x);
  if (!what)
    return what.error();
  auto read = read_formats(formats);
  if (!read)
    return read.error();
  return task{*std::move(what), *std::move(read)};
}

measurement_options to_measurement(const common_options& x, const media& what) {
  measurement_options out;
  out.window = core::seconds{x.window};
  out.ramp = core::seconds{x.ramp};
  out.together = core::millis{x.together};
  out.media = what.all;
  out.folder = x.folder;
  out.livetape = x.livetape;
  return out;
}

} // namespace bench
