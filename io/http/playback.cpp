// SPDX-License-Identifier: MIT
#include "io/http/playback.hpp"

#include "io/http/ranges.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace io::http {

namespace {

std::string_view media_type(std::string_view name) {
  if (name.ends_with(".mp4"))
    return "video/mp4";
  if (name.ends_with(".flv"))
    return "video/x-flv";
  if (name.ends_with(".m3u8"))
    return "application/vnd.apple.mpegurl"; // RFC 8216 4
  if (name.ends_with(".m4s"))
    return "video/iso.segment"; // ISO 23009-1 annex C
  return "video/mp2t";          // RFC 3555 4.2.9
}

/// Opens `path` below `root`, step by step, so that no link and no ".." leads out of it.
std::shared_ptr<open_file> open_below(const std::filesystem::path& root, std::string_view path) {
  auto at = std::make_shared<open_file>(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  while (at->fd() >= 0) {
    auto slash = path.find('/');
    std::string part{path.substr(0, slash)};
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string::npos)
      return nullptr;
    bool last = slash == std::string_view::npos;
    // A FIFO in the store must not hold the thread: O_NONBLOCK.
    int flags = O_NOFOLLOW | O_CLOEXEC | (last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY);
    at = std::make_shared<open_file>(::openat(at->fd(), part.c_str(), flags));
    if (last)
      break;
    path.remove_prefix(slash + 1);
  }
  return at->fd() >= 0 ? at : nullptr;
}

std::string entity_tag(const core::file_row& row, const struct stat& is) {
  return "\"" + std::to_string(row.id) + "-" + std::to_string(is.st_size) + "-"
         + std::to_string(is.st_mtim.tv_sec) + "\"";
}

/// RFC 6266 with the name in RFC 8187's form, for it may hold any character.
std::string attachment(const std::string& name, std::string_view file) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string ascii;
  std::string encoded;
  for (unsigned char c : name) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                 || c == '-' || c == '_' || c == '.';
    ascii += plain ? static_cast<char>(c) : '_';
    if (plain)
      encoded += static_cast<char>(c);
    else
      encoded += {'%', digits[c >> 4], digits[c & 15]};
  }
  std::string extension{file.substr(file.rfind('.'))};
  return "attachment; filename=\"" + ascii + extension + "\"; filename*=UTF-8''" + encoded
         + extension;
}

bool wants_download(const request& x) {
  for (const auto& [name, value] : x.query)
    if (name == "download")
      return value == "1";
  return false;
}

} // namespace

bool is_playable(core::format what, std::string_view name) {
  switch (what) {
  case core::format::mp4:
    return name == "f0.mp4";
  case core::format::flv:
    return name == "f0.flv";
  case core::format::hls:
    break;
  }
  if (name == "playlist.m3u8" || name == "init.mp4")
    return true;
  // Seven days of half a second have seven digits.
  constexpr std::size_t most_digits = 9;
  const auto is_numbered = [&](std::string_view begin, std::string_view end, std::size_t least) {
    if (!name.starts_with(begin) || !name.ends_with(end)
        || name.size() < begin.size() + least + end.size())
      return false;
    const auto number = name.substr(begin.size(), name.size() - begin.size() - end.size());
    return number.size() <= most_digits && number.find_first_not_of("0123456789") == number.npos;
  };
  return is_numbered("seg-", ".ts", 6) || is_numbered("seg-", ".m4s", 6)
         || is_numbered("init-", ".mp4", 1);
}

response play(const std::filesystem::path& store, const core::file_row& row, const request& x,
              const std::string& name) {
  auto object = row.object;
  if (row.what == core::format::hls)
    object += "/" + name;
  auto file = open_below(store, object);
  struct stat is {};
  if (!file || ::fstat(file->fd(), &is) != 0 || !S_ISREG(is.st_mode))
    return refusal(404, "not_found", "the file is not in the store");
  auto size = static_cast<std::uint64_t>(is.st_size);
  auto tag = entity_tag(row, is);

  response out;
  out.with("ETag", tag).with("Accept-Ranges", "bytes").with("Cache-Control", "private, no-cache");
  if (x.has_header("if-none-match") && names_tag(x.header("if-none-match"), tag)) {
    out.status = 304;
    return out;
  }
  out.with("Content-Type", std::string{media_type(name)});
  if (wants_download(x))
    out.with("Content-Disposition", attachment(row.name, name));
  out.length = size;
  // RFC 9110 14.2: Range is for GET only. 13.1.5: If-Range with anything but this tag (a date too,
  // for we send none) asks for the whole.
  bool may_be_part = x.method == "GET" && x.has_header("range")
                     && (!x.has_header("if-range") || x.header("if-range") == tag);
  if (may_be_part) {
    if (auto part = read_range(x.header("range"), size)) {
      if (!part->satisfiable) {
        auto no = refusal(416, "range_not_satisfiable", "the file has no such bytes");
        no.with("Content-Range", "bytes */" + std::to_string(size)).with("Accept-Ranges", "bytes");
        return no;
      }
      out.status = 206;
      out.offset = part->offset;
      out.length = part->length;
      out.with("Content-Range", "bytes " + std::to_string(part->offset) + "-"
                                    + std::to_string(part->offset + part->length - 1) + "/"
                                    + std::to_string(size));
    }
  }
  out.file = std::move(file);
  return out;
}

} // namespace io::http
