// SPDX-License-Identifier: MIT
#include "io/rtmp/push_target.hpp"

#include "core/utf8.hpp"

namespace io::rtmp {

namespace {

constexpr std::size_t max_params = 8 * 1024; // they are kept with each file

/// Splits at the first '?'.
std::string_view take_query(std::string_view& x) {
  const auto at = x.find('?');
  if (at == std::string_view::npos)
    return {};
  const auto query = x.substr(at + 1);
  x = x.substr(0, at);
  return query;
}

std::string_view without_slashes(std::string_view x) {
  while (x.starts_with('/'))
    x.remove_prefix(1);
  while (x.ends_with('/'))
    x.remove_suffix(1);
  return x;
}

std::string_view host_of(std::string_view url) {
  const auto at = url.find("://");
  if (at == std::string_view::npos)
    return {};
  auto host = url.substr(at + 3);
  host = host.substr(0, host.find_first_of("/?"));
  if (host.starts_with('['))
    return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

} // namespace

core::result<void> check_params(std::string_view params) {
  if (params.size() > max_params)
    return core::failure{core::errc::bad_request, "the parameters of the publish are longer than "
                                                      + std::to_string(max_params) + " bytes"};
  if (!core::is_utf8(params))
    return core::failure{core::errc::bad_request, "the parameters of the publish are not UTF-8"};
  return {};
}

push_target to_push_target(std::string_view app, std::string_view name, std::string_view url) {
  const auto of_app = take_query(app);
  const auto of_name = take_query(name);
  app = without_slashes(app);
  name = without_slashes(name);
  push_target x;
  x.app = app;
  if (const auto at = name.rfind('/'); at != std::string_view::npos) {
    x.app += (x.app.empty() ? "" : "/") + std::string{name.substr(0, at)};
    name = name.substr(at + 1);
  }
  x.stream = name;
  x.params = of_name;
  if (!of_app.empty())
    x.params += (x.params.empty() ? "" : "&") + std::string{of_app};
  x.domain = host_of(url);
  return x;
}

} // namespace io::rtmp
