// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/fragment.hpp"

#include <filesystem>
#include <string>
#include <vector>

/// Streams of days, and how players find their way in them.
namespace tests {

/// A stream that can be decoded: black pictures, a key frame every 2 s, and silence. Some key
/// frames are made large by zeros in a filler NAL unit.
class long_stream {
public:
  struct pace {
    core::nanos picture;                         // from one to the next
    std::size_t group = 2;                       // pictures from one key frame to the next
    core::nanos sound;                           // from one frame to the next
    std::size_t large_every = 0;                 // key frames; 0: none is
    std::size_t large = 0;                       // bytes
    core::nanos large_until{core::nanos::max()}; // none is behind it
  };

  explicit long_stream(const pace& how);

  const core::track_set& tracks() const { return tracks_; }
  const pace& how() const { return how_; }
  /// The frames up to `until`, from where the last call ended. Valid until the next call.
  const std::vector<core::frame>& next(core::nanos until);
  /// Frame `i` of a track.
  core::frame picture(std::size_t i) const;
  core::frame sound(std::size_t i) const;

private:
  pace how_;
  core::track_set tracks_;
  std::vector<core::bytes> pictures_; // of one group
  core::bytes large_;
  core::bytes silence_;
  std::size_t next_picture_ = 0;
  std::size_t next_sound_ = 0;
  std::vector<core::frame> frames_;
};

/// Times of the pictures, in seconds, that ffprobe decodes first after seeks to `targets`; of all
/// pictures without targets. Throws what ffprobe complains about.
std::vector<double> seek(const std::filesystem::path& file, const std::vector<double>& targets);

/// Time of the picture that ffmpeg shows first when it is sent to `target`.
double first_shown(const std::filesystem::path& file, double target);

/// True when GStreamer finds the first 500 pictures behind this demuxer.
bool gstreamer_reads(const std::filesystem::path& file, const std::string& demuxer);

/// True when the tests were asked for their long forms (./dev test --long).
bool is_long_run();

} // namespace tests
