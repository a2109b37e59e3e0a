// SPDX-License-Identifier: MIT
#include "benchmarks/commands.hpp"
#include "benchmarks/kept_memory.hpp"
#include "benchmarks/report.hpp"

namespace bench {

int record(const common_options& common, const record_options& x) {
  auto todo = prepare(common, x.formats);
  if (!todo)
    return complain(todo.error());
  if ((x.pid != 0) != !x.url.empty())
    return complain({core::errc::bad_request, "--pid and --url go together"});
  std::vector<measurement> all;
  nlohmann::json results = nlohmann::json::array();
  bool is_whole = true;
  const kept_until_end kept{common.folder};
  print_head();
  for (const auto n : x.streams) {
    auto how = to_measurement(common, *todo->what);
    how.server = x.server;
    how.formats = todo->formats;
    how.watch = x.pid;
    how.url = x.url;
    how.streams = n;
    how.keep = x.keep;
    auto done = measure(how, to_terminal());
    if (!done)
      return complain(done.error());
    print(*done);
    is_whole = is_whole && (x.pid != 0 || done->is_whole);
    results.push_back(to_json(*done));
    all.push_back(*std::move(done));
  }
  if (auto drawn = write_plot(x.plot, all); !drawn)
    return complain(drawn.error());
  if (auto written = write_results(common.out, common.folder,
                                   {{"command", "record"}, {"measurements", results}});
      !written)
    return complain(written.error());
  if (!is_whole)
    return complain({core::errc::internal, "files lack frames that were sent"});
  return 0;
}

} // namespace bench
