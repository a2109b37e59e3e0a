// SPDX-License-Identifier: MIT
#include "io/http/api.hpp"
#include "io/http/playback.hpp"
#include "tests/http/fakes.hpp"
#include "tests/support/catch.hpp"

#include <unistd.h>

using namespace io::http;

namespace {

struct fixture {
  fixture() {
    folder.fill(index);
    opts.store = folder.store();
  }

  response get(const std::string& target, pairs headers = {}, const std::string& method = "GET") {
    request x;
    x.method = method;
    x.target = target;
    x.headers = std::move(headers);
    x.headers.emplace_back("host", "localhost");
    std::optional<response> out;
    api calls{opts, control, index, clock};
    calls.handle(x, [&](response r) { out = std::move(r); });
    REQUIRE(out);
    if (out->on_disk)
      out = out->on_disk();
    return *std::move(out);
  }

  static std::string header(const response& x, const std::string& name) {
    for (const auto& [key, value] : x.headers)
      if (key == name)
        return value;
    return {};
  }

  static std::string bytes(const response& x) {
    REQUIRE(x.file);
    std::string out(x.length, 0);
    auto got = ::pread(x.file->fd(), out.data(), out.size(), static_cast<off_t>(x.offset));
    REQUIRE(got == static_cast<ssize_t>(x.length));
    return out;
  }

  tests::store_folder folder;
  options opts;
  tests::fake_control control;
  tests::fake_index index;
  tests::fake_clock clock;
};

const std::string mp4 = "/vod/live/a/77/f0.mp4";

} // namespace

TEST_CASE_METHOD(fixture, "each format has its names and its type") {
  auto [target, type, size] = GENERATE(table<std::string, std::string, std::size_t>({
      {mp4, "video/mp4", 1000},
      {"/vod/live/a/79/f0.flv", "video/x-flv", 300'000},
      {"/vod/live/a/78/playlist.m3u8", "application/vnd.apple.mpegurl", 8},
      {"/vod/live/a/78/seg-000001.ts", "video/mp2t", 188},
  }));
  auto r = get(target);
  CHECK(r.status == 200);
  CHECK(header(r, "Content-Type") == type);
  CHECK(header(r, "Accept-Ranges") == "bytes");
  CHECK(bytes(r).size() == size);
}

TEST_CASE("the segments of seven days of half a second each have their names") {
  CHECK(io::http::is_playable(core::format::hls, "seg-999999.ts"));
  CHECK(io::http::is_playable(core::format::hls, "seg-1209600.ts"));
  CHECK(io::http::is_playable(core::format::hls, "seg-000001.m4s"));
  CHECK(io::http::is_playable(core::format::hls, "init.mp4"));
  CHECK(io::http::is_playable(core::format::hls, "init-2.mp4"));
  CHECK_FALSE(io::http::is_playable(core::format::hls, "init-.mp4"));
  CHECK_FALSE(io::http::is_playable(core::format::hls, "init-2.ts"));
  CHECK_FALSE(io::http::is_playable(core::format::hls, "seg-00001.m4s"));
  CHECK_FALSE(io::http::is_playable(core::format::hls, "seg-000001.mp4"));
  CHECK_FALSE(io::http::is_playable(core::format::mp4, "init.mp4"));
  CHECK_FALSE(io::http::is_playable(core::format::hls, "seg-12096000000.ts"));
  CHECK_FALSE(io::http::is_playable(core::format::hls, "seg-120960a.ts"));
  CHECK_FALSE(io::http::is_playable(core::format::mp4, "seg-1209600.ts"));
}

TEST_CASE_METHOD(fixture, "nothing but a stored file under its own address is given") {
  for (const char* target :
       {"/vod/live/a/77/f0.flv", "/vod/live/a/77/x.mp4", "/vod/live/b/77/f0.mp4",
        "/vod/other/a/77/f0.mp4", "/vod/live/a/1/f0.mp4", "/vod/live/a/78/f0.mp4",
        "/vod/live/a/78/seg-1.ts", "/vod/live/a/78/seg-000009.ts", "/vod/live/a/78/seg-00000a.ts",
        "/vod/live/a/80/f0.mp4", "/vod/live/a/83/f0.mp4",
        "/vod/live/a/78/seg-000002.ts", // a symbolic link
        "/vod/live/a/81/f0.mp4",        // through a linked folder
        "/vod/live/a/82/f0.mp4"}) {     // a row that leads out
    INFO(target);
    auto r = get(target);
    CHECK(r.status == 404);
    CHECK_FALSE(r.file);
  }
  for (const char* target : {"/vod/../secret", "/vod/live/a/77/..%2f..%2fsecret",
                             "/vod/live/a/78/%2e%2e", "/vod/live/a/77/f0.mp4%00"})
    CHECK(get(target).status == 400);
}

TEST_CASE_METHOD(fixture, "a part of a file") {
  auto r = get(mp4, {{"range", "bytes=10-19"}});
  CHECK(r.status == 206);
  CHECK(header(r, "Content-Range") == "bytes 10-19/1000");
  CHECK(bytes(r) == "0123456789");
  auto no = get(mp4, {{"range", "bytes=1000-"}});
  CHECK(no.status == 416);
  CHECK(header(no, "Content-Range") == "bytes */1000");
  CHECK(get(mp4, {{"range", "bytes=0-1,3-4"}}).status == 200);
  CHECK(get(mp4, {{"range", "bytes=0-1"}}, "HEAD").status == 200);
}

TEST_CASE_METHOD(fixture, "conditions are answered by the entity tag") {
  auto tag = header(get(mp4), "ETag");
  REQUIRE(tag.size() > 2);
  auto same = get(mp4, {{"if-none-match", tag}});
  CHECK(same.status == 304);
  CHECK(header(same, "ETag") == tag);
  CHECK_FALSE(same.file);
  CHECK(get(mp4, {{"if-none-match", "\"other\""}}).status == 200);
  CHECK(get(mp4, {{"if-range", tag}, {"range", "bytes=0-9"}}).status == 206);
  CHECK(get(mp4, {{"if-range", "\"other\""}, {"range", "bytes=0-9"}}).status == 200);
  CHECK(get(mp4, {{"if-range", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"range", "bytes=0-9"}}).status
        == 200);
}

TEST_CASE_METHOD(fixture, "a download is called by the file's name") {
  CHECK(header(get(mp4), "Content-Disposition").empty());
  CHECK(header(get(mp4 + "?download=1"), "Content-Disposition")
        == "attachment; filename=\"a__b__2026.mp4\"; filename*=UTF-8''a%20%22b%22_2026.mp4");
  CHECK(get(mp4 + "?other=1").status == 400);
}

TEST_CASE_METHOD(fixture, "a page of another origin can read why playback is refused to it") {
  const pairs origin{{"origin", "https://a.example"}};
  opts.cors = {"https://a.example"};
  opts.tokens = {{"eye", role::viewer, "view-token"}};
  auto no = get(mp4, origin);
  CHECK(no.status == 401);
  CHECK(header(no, "Access-Control-Allow-Origin") == "https://a.example");
  no = get("/api/v1/files", origin);
  CHECK(no.status == 401);
  CHECK(header(no, "Access-Control-Allow-Origin").empty());
  opts.tokens.clear();
  opts.host = "192.0.2.10";
  no = get(mp4, origin);
  CHECK(no.status == 403);
  CHECK(header(no, "Access-Control-Allow-Origin") == "https://a.example");
}

TEST_CASE_METHOD(fixture, "pages of other origins may read playback where the list says so") {
  CHECK(header(get(mp4, {{"origin", "https://a.example"}}), "Access-Control-Allow-Origin") == "*");
  opts.cors = {"https://a.example"};
  CHECK(header(get(mp4, {{"origin", "https://a.example"}}), "Access-Control-Allow-Origin")
        == "https://a.example");
  CHECK(header(get(mp4, {{"origin", "https://b.example"}}), "Access-Control-Allow-Origin").empty());
  CHECK(header(get(mp4), "Vary") == "Origin");
  CHECK(header(get("/vod/live/a/1/f0.mp4", {{"origin", "https://a.example"}}),
               "Access-Control-Allow-Origin")
        == "https://a.example");
  CHECK(
      header(get("/api/v1/files", {{"origin", "https://a.example"}}), "Access-Control-Allow-Origin")
          .empty());
  auto before = get(
      mp4, {{"origin", "https://a.example"}, {"access-control-request-method", "GET"}}, "OPTIONS");
  CHECK(before.status == 204);
  CHECK(header(before, "Access-Control-Allow-Origin") == "https://a.example");
  CHECK(header(before, "Access-Control-Allow-Methods") == "GET, HEAD");
  CHECK(get("/api/v1/files", {{"origin", "https://a.example"}}, "OPTIONS").status == 405);
}
