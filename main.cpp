// SPDX-License-Identifier: MIT

// The command line (design.md 7). Every command is one function; main/run.cpp joins the parts.

#include "config/describe.hpp"
#include "config/parse.hpp"
#include "config/push_url.hpp"
#include "config/units.hpp"
#include "core/push_auth.hpp"
#include "io/digest/digest.hpp"
#include "main/index_commands.hpp"
#include "main/run.hpp"
#include "main/version.hpp"
#include "pipelines/pipelines.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>
#include <string>

namespace {

constexpr int orderly = 0;
constexpr int failed = 1;
constexpr int bad_usage = 2;

/// Reads the configuration, or says all that is wrong with it, a line each.
std::optional<config::settings> read(const std::optional<std::string>& file, std::string& from) {
  auto x = config::load(file, config::of_process());
  from = x.from;
  if (x.what)
    return std::move(x.what.value);
  for (auto& problem : x.what.problems)
    std::fprintf(stderr, "%s\n", config::to_text(problem).c_str());
  return std::nullopt;
}

int run(const std::optional<std::string>& file, bool demo) {
  std::string from;
  auto x = read(file, from);
  return x ? node_process::run(*x, from, demo) : bad_usage;
}

/// app/stream as a push address has it: the app may have several parts.
core::result<core::stream_key> to_key(const std::string& text) {
  auto slash = text.rfind('/');
  if (slash == std::string::npos)
    return core::failure{core::errc::bad_request, "name the stream as app/stream"};
  return core::to_stream_key(text.substr(0, slash), text.substr(slash + 1));
}

int check(const std::optional<std::string>& file, const std::string& stream) {
  std::string from;
  auto x = read(file, from);
  if (!x)
    return bad_usage;
  auto key = to_key(stream);
  if (!stream.empty() && !key) {
    std::fprintf(stderr, "%s\n", key.error().what.c_str());
    return bad_usage;
  }
  pipelines::start();
  auto problems = pipelines::check();
  for (auto& problem : problems)
    std::fprintf(stderr, "%s\n", problem.c_str());
  std::printf("%s is right; every pipeline %s\n", from.c_str(),
              problems.empty() ? "was built" : "but those above was built");
  if (!stream.empty())
    std::printf("%s\n", config::describe(*x, key->text()).c_str());
  return problems.empty() ? orderly : failed;
}

int url_push(const std::optional<std::string>& file, const std::string& stream,
             const std::string& valid) {
  std::string from;
  auto x = read(file, from);
  if (!x)
    return bad_usage;
  auto key = to_key(stream);
  if (!key) {
    std::fprintf(stderr, "%s\n", key.error().what.c_str());
    return bad_usage;
  }
  auto length = config::to_duration(valid);
  if (!length) {
    std::fprintf(stderr, "--valid: give a duration like 24h\n");
    return bad_usage;
  }
  auto url = config::to_push_url(*x, *key, core::clock{}.wall() + *length, io::digest::md5_hex);
  if (!url) {
    std::fprintf(stderr, "%s\n", url.error().what.c_str());
    return failed;
  }
  std::printf("%s", config::to_text(*url).c_str());
  return orderly;
}

int index_rebuild(const std::optional<std::string>& file) {
  std::string from;
  auto x = read(file, from);
  return x ? index_commands::rebuild(*x) : bad_usage;
}

int backup(const std::optional<std::string>& file, const std::string& to) {
  std::string from;
  auto x = read(file, from);
  return x ? index_commands::backup(*x, to) : bad_usage;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"livetape records live streams."};
  app.require_subcommand(1);
  std::optional<std::string> file;
  bool demo = false;
  std::string stream, push_stream, copy, valid = "24h";

  auto* run_command = app.add_subcommand("run", "Start the node");
  run_command->add_option("--config", file, "configuration file");
  run_command->add_flag("--demo", demo, "also record a test picture for 20 s");

  auto* check_command
      = app.add_subcommand("check", "Validate a configuration, build every pipeline once");
  check_command->add_option("file", file, "configuration file");
  check_command->add_option("--stream", stream, "app/stream: what would be recorded of it");

  auto* url_command = app.add_subcommand("url", "Make addresses");
  url_command->require_subcommand(1);
  auto* push_command = url_command->add_subcommand("push", "Where to push a stream");
  push_command->add_option("stream", push_stream, "app/stream")->required();
  push_command->add_option("--valid", valid, "how long the address is valid");
  push_command->add_option("--config", file, "configuration file");

  auto* index_command = app.add_subcommand("index", "What concerns the list of files");
  index_command->require_subcommand(1);
  auto* rebuild_command = index_command->add_subcommand(
      "rebuild", "Make the list of files again from the store; the node must not run");
  rebuild_command->add_option("--config", file, "configuration file");

  auto* backup_command
      = app.add_subcommand("backup", "Copy the list of files and events, also while the node runs");
  backup_command->add_option("to", copy, "the new file")->required();
  backup_command->add_option("--config", file, "configuration file");

  auto* version_command = app.add_subcommand("version", "Print the version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& x) {
    return app.exit(x) == 0 ? orderly : bad_usage;
  }
  if (*run_command)
    return run(file, demo);
  if (*check_command)
    return check(file, stream);
  if (*push_command)
    return url_push(file, push_stream, valid);
  if (*rebuild_command)
    return index_rebuild(file);
  if (*backup_command)
    return backup(file, copy);
  if (*version_command)
    std::printf("livetape %s\n", livetape_version);
  return orderly;
}
