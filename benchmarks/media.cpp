// SPDX-License-Identifier: MIT
#include "benchmarks/commands.hpp"

#include <filesystem>

namespace bench {

namespace {

std::string clip_folder(const common_options& x) {
  if (!x.clip_folder.empty())
    return x.clip_folder;
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "clips";
}

} // namespace

core::result<std::unique_ptr<media>> load_media(const common_options& x) {
  auto paths = x.clips;
  if (paths.empty())
    for (const auto rate : x.bitrates) {
      auto made = make_clip(clip_folder(x), rate);
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

measurement_options to_measurement(const common_options& x, const media& what) {
  measurement_options out;
  out.window = core::seconds{x.window};
  out.ramp = core::seconds{x.ramp};
  out.media = what.all;
  out.folder = x.folder;
  out.livetape = x.livetape;
  return out;
}

} // namespace bench
