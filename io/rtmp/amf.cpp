// SPDX-License-Identifier: MIT
#include "io/rtmp/amf.hpp"

#include "io/rtmp/byte_order.hpp"

#include <bit>

namespace io::rtmp::amf {

namespace {

// AMF0 2.1
enum marker : std::uint8_t {
  number_marker = 0x00,
  boolean_marker = 0x01,
  string_marker = 0x02,
  object_marker = 0x03,
  null_marker = 0x05,
  undefined_marker = 0x06,
  reference_marker = 0x07,
  ecma_array_marker = 0x08,
  object_end_marker = 0x09,
  strict_array_marker = 0x0a,
  date_marker = 0x0b,
  long_string_marker = 0x0c,
  unsupported_marker = 0x0d,
  xml_marker = 0x0f,
  typed_object_marker = 0x10,
  avmplus_marker = 0x11,
};

value fail(cursor& at, const char* why) {
  if (!at.fault)
    at.fault = why;
  return {};
}

bool take(cursor& at, std::size_t size, core::byte_view& into) {
  if (at.left.size() < size) {
    fail(at, "an AMF value ends too early");
    return false;
  }
  into = at.left.first(size);
  at.left = at.left.subspan(size);
  return true;
}

/// A string behind a length of `size_bytes` bytes.
std::string read_text(cursor& at, std::size_t size_bytes) {
  core::byte_view raw;
  if (!take(at, size_bytes, raw))
    return {};
  const std::size_t size = size_bytes == 2 ? be16(raw.data()) : be32(raw.data());
  if (size > at.text) {
    fail(at, "an AMF message holds too much text");
    return {};
  }
  if (!take(at, size, raw))
    return {};
  at.text -= size;
  return {raw.begin(), raw.end()};
}

value read_amf0(cursor& at);

value read_members(cursor& at) {
  std::vector<member> members;
  for (;;) {
    if (at.left.size() >= 3 && be24(at.left.data()) == object_end_marker) {
      at.left = at.left.subspan(3);
      break;
    }
    member x;
    x.key = read_text(at, 2);
    if (!at.fault)
      x.what = read_amf0(at);
    if (at.fault)
      return {};
    members.push_back(std::move(x));
  }
  return {std::move(members)};
}

value read_strict_array(cursor& at) {
  core::byte_view raw;
  if (!take(at, 4, raw))
    return {};
  const auto count = be32(raw.data());
  std::vector<member> members;
  for (std::uint32_t i = 0; i < count && !at.fault; ++i)
    members.push_back({{}, read_amf0(at)});
  return {std::move(members)};
}

value read_content(cursor& at, std::uint8_t what) {
  core::byte_view raw;
  switch (what) {
  case number_marker:
    return take(at, 8, raw) ? value{std::bit_cast<double>(be64(raw.data()))} : value{};
  case boolean_marker:
    return take(at, 1, raw) ? value{raw[0] != 0} : value{};
  case string_marker:
    return {read_text(at, 2)};
  case long_string_marker:
    return {read_text(at, 4)};
  case xml_marker:
    read_text(at, 4);
    return {};
  case typed_object_marker:
    read_text(at, 2);
    return at.fault ? value{} : read_members(at);
  case object_marker:
    return read_members(at);
  case ecma_array_marker:
    // Its count is a hint only (AMF0 2.10); the end marker rules.
    return take(at, 4, raw) ? read_members(at) : value{};
  case strict_array_marker:
    return read_strict_array(at);
  case date_marker:
    take(at, 10, raw);
    return {};
  case reference_marker:
    take(at, 2, raw);
    return {};
  case null_marker:
  case undefined_marker:
  case unsupported_marker:
    return {};
  case avmplus_marker:
    return read_amf3(at);
  default:
    return fail(at, "an AMF value has an unknown type");
  }
}

value read_amf0(cursor& at) {
  if (at.values == 0)
    return fail(at, "an AMF message holds too many values");
  if (at.depth == 0)
    return fail(at, "an AMF value is nested too deep");
  core::byte_view raw;
  if (!take(at, 1, raw))
    return {};
  --at.values;
  --at.depth;
  value x = read_content(at, raw[0]);
  ++at.depth;
  return x;
}

} // namespace

const value* value::find(std::string_view key) const {
  if (const auto* members = std::get_if<std::vector<member>>(&content))
    for (const auto& x : *members)
      if (x.key == key)
        return &x.what;
  return nullptr;
}

core::result<value> reader::next() {
  value x = read_amf0(at_);
  if (at_.fault)
    return core::failure{core::errc::bad_request, at_.fault};
  return x;
}

writer& writer::number(double x) {
  out_.push_back(number_marker);
  put_be64(out_, std::bit_cast<std::uint64_t>(x));
  return *this;
}

writer& writer::boolean(bool x) {
  out_.push_back(boolean_marker);
  out_.push_back(x ? 1 : 0);
  return *this;
}

writer& writer::text(std::string_view x) {
  out_.push_back(string_marker);
  return key(x);
}

writer& writer::null() {
  out_.push_back(null_marker);
  return *this;
}

writer& writer::undefined() {
  out_.push_back(undefined_marker);
  return *this;
}

writer& writer::begin_object() {
  out_.push_back(object_marker);
  return *this;
}

writer& writer::key(std::string_view x) {
  x = x.substr(0, 0xffff);
  put_be16(out_, static_cast<std::uint16_t>(x.size()));
  out_.insert(out_.end(), x.begin(), x.end());
  return *this;
}

writer& writer::end_object() {
  put_be24(out_, object_end_marker);
  return *this;
}

} // namespace io::rtmp::amf
