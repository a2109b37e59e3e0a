// SPDX-License-Identifier: MIT
#pragma once

#include "config/settings.hpp"
#include "io/documents/documents.hpp"
#include "io/http/options.hpp"
#include "io/http/poster.hpp"
#include "io/rtmp/server.hpp"
#include "main/descriptors.hpp"

/// What the configuration means to each part that main/run.cpp joins.
namespace node_process {

core::event_maker events_of(const io::documents::sender& by);
io::http::options http_options(const config::settings& x, const descriptors::plan& may);
io::http::poster::options poster_options();
io::rtmp::server_options rtmp_options(const config::settings& x, const descriptors::plan& may);

} // namespace node_process
