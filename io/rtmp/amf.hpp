// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/media.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// AMF0 and AMF3, the forms in which RTMP writes the arguments of its commands
/// (Adobe "Action Message Format" AMF 0, 2007, and AMF 3, January 2013).
namespace io::rtmp::amf {

struct member;

/// One value; what has no use here (dates, XML, byte arrays, references) is read as nothing.
struct value {
  std::variant<std::monostate, bool, double, std::string, std::vector<member>> content;

  /// The text, or nothing when it is no text.
  const std::string* text() const { return std::get_if<std::string>(&content); }
  const double* number() const { return std::get_if<double>(&content); }
  /// The member of an object; nothing when it is no object or has none of that name.
  const value* find(std::string_view key) const;
};

/// A member of an object; those of arrays without names have an empty key.
struct member {
  std::string key;
  value what;
};

/// Where a reader stands, and how much one message may still make it allocate.
struct cursor {
  core::byte_view left;
  int depth = 16;                // nested objects; encoders use two or three
  std::size_t values = 4096;     // a key-frame table in onMetaData has hundreds
  std::size_t text = 256 * 1024; // bytes of all strings, references resolved
  const char* fault = nullptr;
};

/// Reads the AMF0 values of one message in order.
class reader {
public:
  explicit reader(core::byte_view x) { at_.left = x; }
  bool at_end() const { return at_.left.empty(); }
  /// `errc::bad_request` for anything that is malformed or beyond the limits of `cursor`.
  core::result<value> next();

private:
  cursor at_;
};

/// Reads one AMF3 value behind the AMF0 marker 0x11 (AMF0 3.1), with reference tables of its own.
value read_amf3(cursor& at);

/// Writes AMF0 values at the end of a buffer.
class writer {
public:
  explicit writer(core::bytes& out) : out_{out} {}
  writer& number(double x);
  writer& boolean(bool x);
  writer& text(std::string_view x);
  writer& null();
  writer& undefined();
  writer& begin_object();
  writer& key(std::string_view x);
  writer& end_object();

private:
  core::bytes& out_;
};

} // namespace io::rtmp::amf
