// SPDX-License-Identifier: MIT
#include "io/storage/object_path.hpp"

#include "core/names.hpp"
#include "io/digest/digest.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace io::storage {

namespace {

constexpr std::size_t longest_component = 150; // design.md 6
constexpr std::size_t hash_digits = 16;        // 64 bits tell streams of one folder apart

bool is_plain(unsigned char x) {
  return (x >= 'A' && x <= 'Z') || (x >= 'a' && x <= 'z') || (x >= '0' && x <= '9') || x == '.'
         || x == '_' || x == '-';
}

std::string_view ending(core::format what) {
  switch (what) {
  case core::format::mp4:
    return ".mp4";
  case core::format::flv:
    return ".flv";
  case core::format::hls:
    return "";
  }
  return "";
}

} // namespace

std::string path_component(std::string_view x) {
  static constexpr char digits[] = "0123456789ABCDEF";
  const bool only_dots = std::all_of(x.begin(), x.end(), [](char c) { return c == '.'; });
  std::string out;
  std::size_t whole = 0; // where the last whole character before the place of the hash ends
  for (const char c : x) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(byte) && !only_dots) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
    if (out.size() <= longest_component - hash_digits - 1)
      whole = out.size();
  }
  if (out.empty())
    return "%";
  if (out.size() > longest_component)
    out = out.substr(0, whole) + "-" + digest::md5_hex(x).substr(0, hash_digits);
  return out;
}

std::string component_text(std::string_view x) {
  std::string out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    int byte = 0;
    if (x[i] == '%' && i + 2 < x.size()
        && std::from_chars(&x[i + 1], &x[i] + 3, byte, 16).ec == std::errc{}) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += x[i];
    }
  }
  return out;
}

std::string object_path(const core::file_row& row) {
  if (!row.object.empty())
    return row.object;
  const auto start = core::time_stamp(row.start);
  const auto stream = path_component(row.key.stream);
  return path_component(row.key.app) + "/" + stream + "/" + start.substr(0, 10) + "/" + stream + "_"
         + start + "_" + std::to_string(row.id) + std::string{ending(row.what)};
}

std::optional<core::file_row> row_of_object(const std::string& object) {
  if (!is_object_path(object))
    return std::nullopt;
  core::file_row row;
  row.object = object;
  row.what = object.ends_with(".mp4")   ? core::format::mp4
             : object.ends_with(".flv") ? core::format::flv
                                        : core::format::hls;
  const auto app = object.find('/');
  const auto stream = object.find('/', app + 1);
  row.key = {component_text(object.substr(0, app)),
             component_text(object.substr(app + 1, stream - app - 1))};
  // {stream}_{YYYY-MM-DD-hh-mm-ss}_{file_id}
  std::string_view stem{object};
  stem.remove_suffix(ending(row.what).size());
  stem.remove_prefix(stem.rfind('/') + 1);
  const auto last = stem.rfind('_');
  const auto before = last == stem.npos || last == 0 ? stem.npos : stem.rfind('_', last - 1);
  if (before == stem.npos)
    return std::nullopt;
  const auto* end = stem.data() + stem.size();
  const auto [stop, error] = std::from_chars(stem.data() + last + 1, end, row.id);
  std::tm at{};
  const std::string start{stem.substr(before + 1, last - before - 1)};
  if (error != std::errc{} || stop != end || row.id == 0
      || ::strptime(start.c_str(), "%Y-%m-%d-%H-%M-%S", &at) == nullptr)
    return std::nullopt;
  at.tm_isdst = -1; // not known
  row.start = core::wall_time{core::seconds{std::mktime(&at)}};
  return row;
}

std::string sidecar_path(std::string_view object, core::format what) {
  const auto tail = ending(what);
  if (object.ends_with(tail))
    object.remove_suffix(tail.size());
  return std::string{object} + ".json";
}

bool is_object_path(std::string_view x) {
  int parts = 0;
  while (true) {
    const auto end = x.find('/');
    const auto part = x.substr(0, end);
    if (part.empty() || part == "." || part == ".." || part.size() > 255
        || part.find('\0') != std::string_view::npos)
      return false;
    ++parts;
    if (end == std::string_view::npos)
      return parts == 4;
    x.remove_prefix(end + 1);
  }
}

} // namespace io::storage
