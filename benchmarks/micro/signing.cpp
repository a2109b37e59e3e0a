// SPDX-License-Identifier: MIT
#include "benchmarks/micro/fail.hpp"
#include "core/push_auth.hpp"
#include "io/digest/digest.hpp"
#include "io/documents/documents.hpp"
#include "tests/documents/examples.hpp"

#include <benchmark/benchmark.h>

namespace bench::micro {

namespace {

const std::string key = "a-key-of-thirty-two-characters-.";
const auto now = tests::time_at(1'795'347'002'500'000);

core::outbox_event file_event() {
  return io::documents::file_ready(tests::example_row(), tests::example_publish(),
                                   {1000000001, "node-1"}, now);
}

/// The event's JSON, once for each file.
void event_make(benchmark::State& state) {
  for (auto _ : state) {
    if (file_event().body.empty()) {
      fail(state, "the event has no body");
      break;
    }
  }
}
BENCHMARK(event_make);

/// Its signature, once for each attempt to deliver it.
void event_sign(benchmark::State& state) {
  const auto body = file_event().body;
  // contract.md 1.2: md5(key + t), t 600 s ahead.
  const auto sign = io::digest::md5_hex(key + "1795347602");
  if (io::documents::signed_body(body, key, now).find(sign) == std::string::npos)
    return fail(state, "the signature is not there");
  std::size_t bytes = 0;
  for (auto _ : state)
    bytes += io::documents::signed_body(body, key, now).size();
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(event_sign);

/// Once for each publish.
void push_check(benchmark::State& state) {
  const std::vector<std::string> keys{key};
  const core::md5_hex md5 = io::digest::md5_hex;
  const auto params = core::sign_push(key, "court-3", now + core::seconds{60}, md5);
  if (core::may_push(keys, "court-4", params, now, md5))
    return fail(state, "the address of another stream was accepted");
  for (auto _ : state) {
    if (!core::may_push(keys, "court-3", params, now, md5)) {
      fail(state, "the address was refused");
      break;
    }
  }
}
BENCHMARK(push_check);

} // namespace

} // namespace bench::micro
