// SPDX-License-Identifier: MIT
#include "io/http/receiver_address.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace io::http {

core::result<receiver_address> read_receiver_address(const std::string& url) {
  auto parsed = boost::urls::parse_uri(url);
  if (!parsed)
    return core::failure{core::errc::bad_request, "the endpoint's url is not readable"};
  auto u = *parsed;
  receiver_address out;
  out.tls = u.scheme_id() == boost::urls::scheme::https;
  if (!out.tls && u.scheme_id() != boost::urls::scheme::http)
    return core::failure{core::errc::bad_request, "the endpoint's url is neither http nor https"};
  if (u.has_userinfo() || u.host().empty())
    return core::failure{core::errc::bad_request, "the endpoint's url has no host, or a user name"};
  out.host = std::string{u.host_address()};
  // Boost.URL 1.81 takes "host:x/" for an empty port and the path "x/", and lets ports overflow.
  std::string port{u.port()};
  bool is_path = u.encoded_path().empty() || u.encoded_path().front() == '/';
  bool is_port = !u.has_port() || (!port.empty() && port.size() <= 5 && std::stoul(port) <= 65'535);
  bool is_host = out.host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789.:_-")
                 == std::string::npos;
  if (!is_path || !is_port || !is_host)
    return core::failure{core::errc::bad_request, "the endpoint's url has a wrong host or port"};
  out.port = u.has_port() ? port : out.tls ? "443" : "80";
  out.authority = std::string{u.encoded_host_and_port()};
  out.target = u.encoded_path().empty() ? "/" : std::string{u.encoded_path()};
  if (u.has_query())
    out.target += "?" + std::string{u.encoded_query()};
  return out;
}

} // namespace io::http
