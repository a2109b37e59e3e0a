// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"
#include "io/http/guard.hpp"
#include "io/http/message.hpp"
#include "io/http/options.hpp"

#include <nlohmann/json_fwd.hpp>

namespace io::http {

/// Answers requests: who may, which call, with what. Knows no sockets. May be called from any
/// thread; `control` and `index` answer from theirs.
class api {
public:
  api(const options& opts, core::control& control, core::index& index, core::clock& clock);

  /// `then` is called once, perhaps before this returns. What it captures of this object must live
  /// until then.
  void handle(request x, answer then);

private:
  struct call {
    std::string_view method;
    std::string_view path; // a part in braces takes any text
    void (api::*run)(const request&, answer);
  };
  static const call calls[];

  void healthz(const request& x, answer then);
  void readyz(const request& x, answer then);
  void metrics(const request& x, answer then);
  void streams(const request& x, answer then);
  void stream(const request& x, answer then);
  void drop(const request& x, answer then);
  void cut(const request& x, answer then);
  void files(const request& x, answer then);
  void file(const request& x, answer then);
  void delete_file(const request& x, answer then);
  void timeline(const request& x, answer then);
  void events(const request& x, answer then);
  void event(const request& x, answer then);
  void node(const request& x, answer then);
  void vod(const request& x, answer then);

  void route(const request& x, answer then);
  answer with_origin(const request& x, answer then) const;
  static response preflight(const request& x);
  void allow_origin(const request& x, response& to) const;
  void note_change(const request& x, std::string_view subject, const char* what) const;

  const options& opts_;
  core::control& control_;
  core::index& index_;
  core::clock& clock_;
  guard guard_;
  core::steady_time started_;
};

} // namespace io::http
