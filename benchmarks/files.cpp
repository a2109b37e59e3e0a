// SPDX-License-Identifier: MIT
#include "benchmarks/files.hpp"

#include "core/mux/byte_order.hpp"

#include <fcntl.h>
#include <filesystem>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bench {

namespace {

using core::byte_view;
using core::mux::get16;
using core::mux::get24;
using core::mux::get32;
using core::mux::get64;

/// A file in memory, as far as it is looked at.
class mapped {
public:
  explicit mapped(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat what {};
    if (fd >= 0 && ::fstat(fd, &what) == 0 && what.st_size > 0) {
      size_ = static_cast<std::size_t>(what.st_size);
      at_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    if (fd >= 0)
      ::close(fd);
  }
  mapped(const mapped&) = delete;
  mapped& operator=(const mapped&) = delete;
  ~mapped() {
    if (at_ != MAP_FAILED)
      ::munmap(at_, size_);
  }
  byte_view bytes() const {
    return at_ == MAP_FAILED ? byte_view{}
                             : byte_view{static_cast<const std::uint8_t*>(at_), size_};
  }

private:
  void* at_ = MAP_FAILED;
  std::size_t size_ = 0;
};

bool count_flv(byte_view x, content& out) {
  if (x.size() < 13 || x[0] != 'F' || x[1] != 'L' || x[2] != 'V')
    return false;
  for (x = x.subspan(13); !x.empty();) {
    if (x.size() < 15)
      return false;
    const auto size = get24(&x[1]);
    if (x.size() - 15 < size)
      return false;
    // A sequence header is no frame.
    const bool is_avc_frame = size > 1 && x[12] == 1;
    if (x[0] == 9 && is_avc_frame)
      ++out.video;
    else if (x[0] == 8 && (x[11] >> 4 != 10 || is_avc_frame))
      ++out.audio;
    x = x.subspan(15 + size);
  }
  return true;
}

/// Calls `each` with the type and body of every box; false when one is torn.
template <class Each> bool boxes(byte_view x, Each each) {
  while (!x.empty()) {
    if (x.size() < 8)
      return false;
    std::uint64_t size = get32(x.data());
    std::size_t head = 8;
    if (size == 1 && x.size() >= 16) {
      size = get64(&x[8]);
      head = 16;
    }
    if (size < head || size > x.size())
      return false;
    const auto whole = static_cast<std::size_t>(size);
    if (!each(get32(&x[4]), x.subspan(head, whole - head)))
      return false;
    x = x.subspan(whole);
  }
  return true;
}

constexpr std::uint32_t name(const char (&x)[5]) {
  return static_cast<std::uint32_t>(x[0]) << 24 | static_cast<std::uint32_t>(x[1]) << 16
         | static_cast<std::uint32_t>(x[2]) << 8 | static_cast<std::uint32_t>(x[3]);
}

bool count_track(byte_view x, content& out, bool& is_video) {
  return boxes(x, [&](std::uint32_t type, byte_view body) {
    if (type == name("mdia") || type == name("minf") || type == name("stbl"))
      return count_track(body, out, is_video);
    if (type == name("hdlr") && body.size() >= 12)
      is_video = get32(&body[8]) == name("vide");
    if (type == name("stsz") && body.size() >= 12)
      (is_video ? out.video : out.audio) += get32(&body[8]);
    return true;
  });
}

bool count_mp4(byte_view x, content& out) {
  bool is_finished = false;
  const bool is_whole = boxes(x, [&](std::uint32_t type, byte_view body) {
    if (type == name("moof"))
      return false; // a finished file has none
    if (type != name("moov"))
      return true;
    is_finished = true;
    return boxes(body, [&](std::uint32_t inner, byte_view track) {
      bool is_video = false;
      return inner != name("trak") || count_track(track, out, is_video);
    });
  });
  return is_whole && is_finished;
}

/// ADTS frames (ISO 13818-7 6.2) behind each other.
std::uint64_t count_adts(byte_view x) {
  std::uint64_t out = 0;
  while (x.size() >= 7 && x[0] == 0xff && (x[1] & 0xf6) == 0xf0) {
    const std::size_t size = (x[3] & 3U) << 11 | x[4] << 3 | x[5] >> 5;
    if (size < 7 || size > x.size())
      return out;
    ++out;
    x = x.subspan(size);
  }
  return out;
}

bool count_ts(byte_view x, content& out) {
  constexpr std::size_t size = 188;
  if (x.empty() || x.size() % size != 0)
    return false;
  core::bytes audio;
  unsigned audio_pid = 0;
  for (; !x.empty(); x = x.subspan(size)) {
    if (x[0] != 0x47)
      return false;
    const unsigned pid = get16(&x[1]) & 0x1fff;
    const std::size_t skip = x[3] & 0x20 ? 5U + x[4] : 4U;
    if (!(x[3] & 0x10) || skip >= size)
      continue;
    auto payload = x.subspan(skip, size - skip);
    if (x[1] & 0x40 && payload.size() > 9 && get24(payload.data()) == 1) {
      out.video += payload[3] >> 4 == 0xe;
      if (payload[3] >> 5 == 6) {
        audio_pid = pid;
        payload = payload.subspan(std::min<std::size_t>(payload.size(), 9U + payload[8]));
      }
    }
    if (audio_pid != 0 && pid == audio_pid)
      audio.insert(audio.end(), payload.begin(), payload.end());
  }
  out.audio += count_adts(audio);
  return true;
}

std::string stream_of(const std::filesystem::path& path) {
  for (const auto& part : path) {
    const auto text = part.string();
    if (text.size() > 2 && text.compare(0, 2, "s-") == 0 && text[2] >= '0' && text[2] <= '9')
      return text.substr(0, text.find_first_not_of("0123456789", 2));
  }
  return {};
}

} // namespace

core::result<content> read_file(const std::string& path) {
  const mapped file{path};
  content out;
  out.bytes = file.bytes().size();
  const auto kind = std::filesystem::path{path}.extension();
  out.files = kind == ".ts" ? 0 : 1;
  const bool is_good = kind == ".flv"   ? count_flv(file.bytes(), out)
                       : kind == ".mp4" ? count_mp4(file.bytes(), out)
                       : kind == ".ts"  ? count_ts(file.bytes(), out)
                                        : true;
  if (!is_good)
    return core::failure{core::errc::bad_request, path + " is torn or not of its kind"};
  return out;
}

core::result<std::map<std::string, std::map<std::string, content>>>
read_folder(const std::string& folder) {
  std::map<std::string, std::map<std::string, content>> out;
  std::error_code ignored;
  for (const auto& x : std::filesystem::recursive_directory_iterator{folder, ignored}) {
    const auto kind = x.path().extension();
    const bool is_hls = kind == ".ts" || kind == ".m3u8";
    if (!is_hls && kind != ".flv" && kind != ".mp4")
      continue;
    const auto stream = stream_of(x.path().lexically_relative(folder));
    auto read = read_file(x.path().string());
    if (!read)
      return read.error();
    auto& sum = out[is_hls ? "hls" : kind.string().substr(1)][stream];
    sum.files += read->files;
    sum.video += read->video;
    sum.audio += read->audio;
    sum.bytes += read->bytes;
  }
  return out;
}

} // namespace bench
