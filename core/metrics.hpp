// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

/// The numbers that /metrics shows. Counters cost one relaxed addition; labelled ones take a lock
/// and are for rare facts only (never per frame).
namespace core::metrics {

using counter = std::atomic<std::uint64_t>;

/// A family of counters that differ by the values of their labels.
class labelled {
public:
  explicit labelled(std::vector<std::string> names) : names_{std::move(names)} {}
  /// May be called from any thread.
  void add(std::vector<std::string> values, double x = 1);
  const std::vector<std::string>& names() const { return names_; }
  std::map<std::vector<std::string>, double> read() const;

private:
  std::vector<std::string> names_;
  mutable std::mutex mutex_;
  std::map<std::vector<std::string>, double> values_;
};

struct registry {
  counter bytes_in{0};       // media and protocol bytes read from publishers
  counter frames_in{0};      // frames handed to media inputs
  counter publishes{0};      // accepted
  counter streams{0};        // gauge: live now
  counter connections{0};    // gauge: open RTMP connections
  counter open_fragments{0}; // gauge
  counter outbox_waiting{0}; // gauge: deliveries that wait
  counter outbox_oldest{0};  // gauge: unix seconds of the oldest waiting event, 0 = none
  counter syncs{0};          // of everything that is being written
  counter sync_failures{0};
  counter sync_millis{0}; // ms that they took, together
  counter synced_at{0}; // gauge: ms of the steady clock at the start of the last good one; 0 = none
  labelled refused{{"where", "reason"}};    // publishes, connections and requests refused
  labelled files{{"format", "end_reason"}}; // files stored
  labelled file_seconds{{"format", "end_reason"}};
  labelled drift_seconds{{"format", "publisher"}}; // of files; the publisher is fast or slow
  labelled gaps{{"cause"}};
  labelled gap_seconds{{"cause"}};
  labelled deliveries{{"endpoint", "result"}}; // attempts
  labelled repairs{{"kind"}};                  // what was mended: time stamps, cut-off NAL units
  labelled http_requests{{"status"}};
};

/// The one registry of the process.
registry& all();

} // namespace core::metrics
