// SPDX-License-Identifier: MIT
#pragma once

#include "core/spool_health.hpp"
#include "core/time.hpp"

#include <cstddef>
#include <cstdint>

/// Every default and limit of the server, once, with its unit and its origin. "design" is
/// design.md, "issue 2" the issue of that number, "seed" and "contract" the files of that name in
/// facts/.
namespace config::defaults {

using namespace std::chrono_literals;

inline constexpr std::uint64_t KiB = 1024;       // bytes
inline constexpr std::uint64_t MiB = 1024 * KiB; // bytes
inline constexpr std::uint64_t GiB = 1024 * MiB; // bytes

// -- node ----------------------------------------------------------------------------------------

inline constexpr auto data_dir = "data";                   // design 7
inline constexpr std::int64_t app_id = 1'000'000'001;      // design 7; the form of the seed's appid
inline constexpr std::int64_t app_id_most = 9'999'999'999; // ten digits, as the seed's
inline constexpr auto time_zone = "UTC";                   // design 7
inline constexpr auto zoneinfo = "/usr/share/zoneinfo";    // Debian's tzdata
inline constexpr core::millis shutdown_limit = 10s; // design 4: all files closed and announced

// -- http ----------------------------------------------------------------------------------------

inline constexpr auto loopback = "127.0.0.1";          // design 7: nothing is open by default
inline constexpr std::uint16_t http_port = 8080;       // design 7
inline constexpr std::int64_t http_connections = 1000; // design 7
inline constexpr std::int64_t http_connections_most = 100'000; // ours: descriptors of one process
inline constexpr std::size_t token_least = 8;              // bytes; ours: shorter ones are guessed
inline constexpr std::size_t secret_most = 256;            // bytes; ours
inline constexpr std::uint64_t secret_file_most = 4 * KiB; // bytes; ours
inline constexpr std::size_t tokens_most = 1000;           // ours
inline constexpr std::size_t origins_most = 100;           // ours
inline constexpr std::size_t url_most = 2048; // bytes; ours, what receivers commonly take

// -- ingest --------------------------------------------------------------------------------------

inline constexpr std::uint16_t rtmp_port = 1935;  // IANA; RTMP 1.0 section 5
inline constexpr core::millis burst = 250ms;      // design 3: a few wake-ups a second
inline constexpr core::millis hand_over = 500ms;  // ours: of the second that a kill may cost
inline constexpr core::millis burst_least = 10ms; // ours: below it nothing is saved
inline constexpr core::millis burst_most = 2s;    // ours: what a crash may lose (issue 2, 7)
inline constexpr std::int64_t ingest_connections = 10'000;         // design 7
inline constexpr std::int64_t ingest_connections_most = 1'000'000; // ours
inline constexpr std::int64_t connections_per_address = 10; // issue 2: a tenth of all, per address
inline constexpr std::uint64_t buffer = 64 * MiB;           // design 7; bytes in flight
inline constexpr std::uint64_t buffer_least = 1 * MiB;      // bytes; ours: one large key frame
inline constexpr std::uint64_t buffer_most = 1024 * GiB;    // bytes; ours
inline constexpr std::uint64_t rtmp_message_most = 8 * MiB; // bytes; issue 2
inline constexpr std::uint64_t rtmp_before_publish
    = 4 * MiB;                                  // bytes of memory a connection; issue 2
inline constexpr core::millis tracks_wait = 2s; // design 3: until the tracks are known

// -- recording -----------------------------------------------------------------------------------

inline constexpr core::millis minimum_duration = 1s;      // seed: under a second, no file
inline constexpr core::millis minimum_duration_most = 1h; // ours
inline constexpr core::millis merge_window = 0s;          // design 1: the seed's behaviour
inline constexpr core::millis merge_window_most = 30min;  // issue 4
inline constexpr core::millis fragment = 30min;           // seed: MP4 and FLV
inline constexpr core::millis fragment_most = 12h;        // contract 7: the longest FLV
inline constexpr core::millis hls_fragment = 168h;        // seed: forced split after 7 days
inline constexpr core::millis hls_fragment_most = 168h;   // seed
inline constexpr core::millis fragment_least = 1s;        // ours: a cut needs a key frame anyway
inline constexpr core::millis hls_segment = 6s;           // design 7; RFC 8216 advises about it
inline constexpr core::millis hls_segment_least = 500ms;  // ours
inline constexpr core::millis hls_segment_most = 60s;     // ours
inline constexpr core::millis sync = 1s;                  // design 7: a power cut costs 2 s
inline constexpr core::millis sync_most = 60s;            // ours
inline constexpr std::size_t rules_most = 1000;           // ours
inline constexpr std::size_t match_most = 256;            // bytes; app/stream has at most 241

// -- storage and index ---------------------------------------------------------------------------

inline constexpr auto store = "store";                          // design 7
inline constexpr auto spool = "spool";                          // design 7
inline constexpr auto index_file = "index.db";                  // design 7
inline constexpr std::size_t spools_most = 16;                  // ours
inline constexpr std::uint64_t reserve = core::default_reserve; // design 7
inline constexpr std::uint64_t reserve_most = 1ull << 50;       // ours
inline constexpr std::size_t path_most = 1024; // bytes; ours, leaves room below PATH_MAX

// -- notify --------------------------------------------------------------------------------------

inline constexpr int attempts = 12;                  // contract 1.1, current text
inline constexpr int attempts_most = 1000;           // ours
inline constexpr core::millis interval = 60s;        // contract 1.1: a minute apart
inline constexpr core::millis interval_least = 1s;   // ours: never a storm of posts
inline constexpr core::millis interval_most = 24h;   // ours
inline constexpr core::millis timeout = 20s;         // contract 1.1: no reply for 20 s
inline constexpr core::millis timeout_least = 100ms; // ours
inline constexpr core::millis timeout_most = 120s;   // ours
inline constexpr core::seconds sign_valid = 600s;    // contract 1.2: t = send time + 600
inline constexpr std::size_t endpoints_most = 100;   // ours
inline constexpr std::size_t keys_most = 16;         // of one endpoint; ours

// -- the configuration itself --------------------------------------------------------------------

inline constexpr std::uint64_t file_most = 1 * MiB; // bytes; ours
inline constexpr int depth_most = 32;               // nesting; ours, the table needs 6
inline constexpr std::size_t problems_most = 200;   // ours: reported at once
inline constexpr std::size_t name_most = 64;        // bytes of a node's, token's, endpoint's name
inline constexpr core::millis push_url_valid = 24h; // design 7, `livetape url push`

} // namespace config::defaults
