// SPDX-License-Identifier: MIT
#include "io/rtmp/amf.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/rtmp_client.hpp"

using namespace tests::rtmp;
namespace amf = io::rtmp::amf;

namespace {

std::string failure_of(const bytes& x) {
  const bytes exact{x};
  amf::reader reader{exact};
  while (!reader.at_end())
    if (auto value = reader.next(); !value)
      return value.error().what;
  return {};
}

} // namespace

TEST_CASE("AMF0 values are read as they were written") {
  bytes out;
  amf::writer{out}
      .text("abc")
      .number(-1.5)
      .boolean(true)
      .null()
      .begin_object()
      .key("k")
      .text("v")
      .end_object();
  CHECK(out
        == amf0{}
               .text("abc")
               .number(-1.5)
               .boolean(true)
               .null()
               .object()
               .name("k")
               .text("v")
               .end()
               .done());
  amf::reader reader{out};
  CHECK(*reader.next()->text() == "abc");
  CHECK(*reader.next()->number() == -1.5);
  CHECK(std::get<bool>(reader.next()->content));
  CHECK(reader.next()->content.index() == 0);
  auto object = reader.next();
  REQUIRE(object);
  CHECK(*object->find("k")->text() == "v");
  CHECK(object->find("other") == nullptr);
  CHECK(reader.at_end());
}

TEST_CASE("AMF0 kinds without use are passed over") {
  const auto x = amf0{}
                     .raw({0x0b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) // date
                     .raw({0x0f, 0, 0, 0, 2, '<', '>'})         // XML
                     .raw({0x07, 0, 1})
                     .raw({0x06})
                     .raw({0x0d}) // reference, undefined, unsupported
                     .raw({0x10, 0, 1, 'C'})
                     .name("a")
                     .number(1)
                     .end()
                     .raw({0x0a, 0, 0, 0, 2})
                     .null()
                     .text("x")
                     .raw({0x0c, 0, 0, 0, 3, 'e', 'n', 'd'})
                     .done();
  amf::reader reader{x};
  for (int i = 0; i < 5; ++i)
    REQUIRE(reader.next());
  CHECK(*reader.next()->find("a")->number() == 1);
  REQUIRE(reader.next());
  CHECK(*reader.next()->text() == "end");
}

TEST_CASE("AMF that is cut off anywhere is refused, not read beyond") {
  for (const auto& whole : {
           amf0{}.object().name("app").text("live").name("n").number(1).end().done(),
           amf0{}
               .raw({0x11, 0x0a, 0x1b, 0x01, 0x03, 'a', 0x06, 0x03, 'b', 0x03, 'c',
                     0x05, 1,    2,    3,    4,    5,   6,    7,    8,   0x01})
               .done(),
           amf0{}
               .raw({0x11, 0x09, 0x03, 0x03, 'k', 0x04, 0xff, 0xff, 0xff, 0xff, 0x01, 0x0c, 0x05, 1,
                     2})
               .done(),
       }) {
    CHECK(failure_of(whole) == "");
    for (std::size_t size = 1; size < whole.size(); ++size)
      CHECK(failure_of({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)})
            == "an AMF value ends too early");
  }
}

TEST_CASE("AMF beyond its limits is refused") {
  bytes deep;
  for (int i = 0; i < 20; ++i)
    put(deep, bytes{3, 0, 1, 'a'});
  CHECK(failure_of(deep) == "an AMF value is nested too deep");
  bytes deep3{0x11};
  for (int i = 0; i < 20; ++i)
    put(deep3, bytes{0x09, 0x03, 0x01});
  CHECK(failure_of(deep3) == "an AMF value is nested too deep");
  bytes many{0x0a, 0xff, 0xff, 0xff, 0xff};
  many.resize(10'000, 5);
  CHECK(failure_of(many) == "an AMF message holds too many values");
  bytes long_text{0x0c, 0, 5, 0, 0};
  long_text.resize(400'000, 'a');
  CHECK(failure_of(long_text) == "an AMF message holds too much text");
  CHECK(failure_of({0x42}) == "an AMF value has an unknown type");
  CHECK(failure_of({0x11, 0x42}) == "an AMF3 value has an unknown type");
  CHECK(failure_of({0x11, 0x06, 0x08}) == "an AMF3 string refers to one that does not exist");
  CHECK(failure_of({0x11, 0x0a, 0x05}) == "an AMF3 object refers to a class that does not exist");
  // A short reference to a long text, again and again, would unfold to hundreds of megabytes.
  bytes unfolding{0x11, 0x09, 0x8f, 0x7f, 0x01, 0x06, 0x82, 0x81, 0x01};
  unfolding.resize(unfolding.size() + 0x4040, 'a');
  for (int i = 0; i < 900; ++i)
    put(unfolding, bytes{0x06, 0x00});
  CHECK(failure_of(unfolding) == "an AMF message holds too much text");
}
