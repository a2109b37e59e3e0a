// SPDX-License-Identifier: MIT
#pragma once

#include "core/ports.hpp"
#include "io/http/message.hpp"

#include <variant>

/// The parameters of the lists (design.md 7, HTTP). Every wrong one is named; unknown ones too.
namespace io::http {

template <class Query> using query_or_refusal = std::variant<Query, response>;

query_or_refusal<core::file_query> read_file_query(const request& x);
query_or_refusal<core::history_query> read_history_query(const request& x);
query_or_refusal<core::event_query> read_event_query(const request& x);

struct stream_query {
  int page = 1;
  int page_size = 20;
};
query_or_refusal<stream_query> read_stream_query(const request& x);

/// Refuses any parameter but those named; for calls that know few or none.
std::optional<response> refuse_parameters(const request& x,
                                          std::initializer_list<std::string_view> known = {});

} // namespace io::http
