// SPDX-License-Identifier: MIT
#include "io/rtmp/amf.hpp"
#include "io/rtmp/byte_order.hpp"

#include <bit>
#include <deque>

namespace io::rtmp::amf {

namespace {

// AMF3 3.1
enum marker : std::uint8_t {
  undefined_marker = 0x00,
  null_marker = 0x01,
  false_marker = 0x02,
  true_marker = 0x03,
  integer_marker = 0x04,
  double_marker = 0x05,
  string_marker = 0x06,
  xml_document_marker = 0x07,
  date_marker = 0x08,
  array_marker = 0x09,
  object_marker = 0x0a,
  xml_marker = 0x0b,
  byte_array_marker = 0x0c,
};

/// Reads one AMF3 value. References to strings and traits are followed; one to an object is read as
/// nothing, because objects that hold each other could be unfolded without end.
class amf3_reader {
public:
  explicit amf3_reader(cursor& at) : at_{at} {}

  value read() {
    if (at_.values == 0)
      return fail("an AMF message holds too many values");
    if (at_.depth == 0)
      return fail("an AMF value is nested too deep");
    core::byte_view raw;
    if (!take(1, raw))
      return {};
    --at_.values;
    --at_.depth;
    value x = read_content(raw[0]);
    ++at_.depth;
    return x;
  }

private:
  struct traits {
    bool is_dynamic = false;
    std::vector<std::string> keys;
  };

  value fail(const char* why) {
    if (!at_.fault)
      at_.fault = why;
    return {};
  }

  bool take(std::size_t size, core::byte_view& into) {
    if (at_.left.size() < size) {
      fail("an AMF value ends too early");
      return false;
    }
    into = at_.left.first(size);
    at_.left = at_.left.subspan(size);
    return true;
  }

  /// 29 bits in one to four bytes (AMF3 1.3.1).
  std::uint32_t read_u29() {
    std::uint32_t x = 0;
    core::byte_view raw;
    for (int i = 0; i < 4; ++i) {
      if (!take(1, raw))
        return 0;
      if (i == 3)
        return (x << 8) | raw[0];
      x = (x << 7) | (raw[0] & 0x7f);
      if (!(raw[0] & 0x80))
        break;
    }
    return x;
  }

  bool spend_text(std::size_t size) {
    if (size > at_.text) {
      fail("an AMF message holds too much text");
      return false;
    }
    at_.text -= size;
    return true;
  }

  std::string read_text() {
    const auto head = read_u29();
    if (at_.fault)
      return {};
    if (!(head & 1)) {
      if ((head >> 1) >= strings_.size()) {
        fail("an AMF3 string refers to one that does not exist");
        return {};
      }
      const auto& known = strings_[head >> 1];
      return spend_text(known.size()) ? known : std::string{};
    }
    core::byte_view raw;
    if (!spend_text(head >> 1) || !take(head >> 1, raw))
      return {};
    std::string x{raw.begin(), raw.end()};
    // The empty string is never sent by reference (AMF3 1.3.2). The table holds the text twice.
    if (!x.empty() && spend_text(x.size()))
      strings_.push_back(x);
    return x;
  }

  bool read_members(std::vector<member>& into) {
    for (;;) {
      member x;
      x.key = read_text();
      if (at_.fault)
        return false;
      if (x.key.empty())
        return true;
      x.what = read();
      if (at_.fault)
        return false;
      into.push_back(std::move(x));
    }
  }

  value read_array() {
    const auto head = read_u29();
    if (at_.fault || !(head & 1))
      return {};
    std::vector<member> members;
    if (!read_members(members))
      return {};
    for (std::uint32_t i = 0; i < (head >> 1) && !at_.fault; ++i)
      members.push_back({{}, read()});
    return {std::move(members)};
  }

  /// The names of a class's members (AMF3 3.12); each is counted as a value.
  bool read_traits(std::uint32_t head) {
    traits kind;
    kind.is_dynamic = head & 8;
    read_text();
    const auto count = head >> 4;
    if (at_.fault)
      return false;
    if (count > at_.values) {
      fail("an AMF message holds too many values");
      return false;
    }
    at_.values -= count;
    for (std::uint32_t i = 0; i < count && !at_.fault; ++i)
      kind.keys.push_back(read_text());
    traits_.push_back(std::move(kind));
    return !at_.fault;
  }

  value read_object() {
    const auto head = read_u29();
    if (at_.fault || !(head & 1))
      return {};
    std::size_t which = head >> 2;
    if (head & 2) {
      if (head & 4)
        return fail("an AMF3 object has a form of its own");
      which = traits_.size();
      if (!read_traits(head))
        return {};
    } else if (which >= traits_.size()) {
      return fail("an AMF3 object refers to a class that does not exist");
    }
    const auto& kind = traits_[which];
    std::vector<member> members;
    for (const auto& key : kind.keys) {
      if (!spend_text(key.size()))
        return {};
      members.push_back({key, read()});
      if (at_.fault)
        return {};
    }
    if (kind.is_dynamic && !read_members(members))
      return {};
    return {std::move(members)};
  }

  /// XML, byte arrays and dates: behind a reference or a length, and of no use here.
  value skip(bool is_date) {
    const auto head = read_u29();
    core::byte_view raw;
    if (!at_.fault && (head & 1))
      take(is_date ? 8 : head >> 1, raw);
    return {};
  }

  value read_content(std::uint8_t what) {
    core::byte_view raw;
    switch (what) {
    case undefined_marker:
    case null_marker:
      return {};
    case false_marker:
      return {false};
    case true_marker:
      return {true};
    case integer_marker: {
      auto x = static_cast<std::int32_t>(read_u29());
      return {static_cast<double>(x >= 0x10000000 ? x - 0x20000000 : x)};
    }
    case double_marker:
      return take(8, raw) ? value{std::bit_cast<double>(be64(raw.data()))} : value{};
    case string_marker:
      return {read_text()};
    case array_marker:
      return read_array();
    case object_marker:
      return read_object();
    case xml_document_marker:
    case xml_marker:
    case byte_array_marker:
      return skip(false);
    case date_marker:
      return skip(true);
    default:
      return fail("an AMF3 value has an unknown type");
    }
  }

  cursor& at_;
  std::vector<std::string> strings_;
  std::deque<traits> traits_; // a class stays where it is while objects inside it bring others
};

} // namespace

value read_amf3(cursor& at) { return amf3_reader{at}.read(); }

} // namespace io::rtmp::amf
