// SPDX-License-Identifier: MIT
#include "io/http/metrics_text.hpp"

#include "core/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/statvfs.h>

namespace io::http {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// Collects families in the order in which they are shown.
class families {
public:
  MetricFamily& open(const char* name, const char* help, MetricType type) {
    auto& out = all_.emplace_back();
    out.name = name;
    out.help = help;
    out.type = type;
    return out;
  }

  static void put(MetricFamily& to, double value, std::vector<ClientMetric::Label> labels = {}) {
    ClientMetric x;
    x.label = std::move(labels);
    if (to.type == MetricType::Counter)
      x.counter.value = value;
    else
      x.gauge.value = value;
    to.metric.push_back(std::move(x));
  }

  void counter(const char* name, const char* help, const core::metrics::counter& x) {
    put(open(name, help, MetricType::Counter),
        static_cast<double>(x.load(std::memory_order_relaxed)));
  }

  void gauge(const char* name, const char* help, double x) {
    put(open(name, help, MetricType::Gauge), x);
  }

  void labelled(const char* name, const char* help, const core::metrics::labelled& x) {
    auto& family = open(name, help, MetricType::Counter);
    for (const auto& [values, value] : x.read()) {
      std::vector<ClientMetric::Label> labels;
      for (std::size_t i = 0; i < values.size() && i < x.names().size(); ++i)
        labels.push_back({x.names()[i], values[i]});
      put(family, value, std::move(labels));
    }
  }

  const std::vector<MetricFamily>& all() const { return all_; }

private:
  std::vector<MetricFamily> all_;
};

double now_of(const core::metrics::counter& x) {
  return static_cast<double>(x.load(std::memory_order_relaxed));
}

double sync_age(const core::metrics::registry& x) {
  const auto now = std::chrono::duration_cast<core::millis>(
      std::chrono::steady_clock::now().time_since_epoch());
  const auto last = now_of(x.synced_at);
  return last > 0 && now_of(x.open_fragments) > 0 ? (static_cast<double>(now.count()) - last) / 1e3
                                                  : 0;
}

} // namespace

std::vector<disk_space> disk_spaces(const options& x) {
  std::vector<disk_space> out;
  for (const auto& [name, path] : x.disks) {
    struct statvfs is {};
    if (::statvfs(path.c_str(), &is) == 0)
      out.push_back({name, path.string(), std::uint64_t{is.f_bavail} * is.f_frsize,
                     std::uint64_t{is.f_blocks} * is.f_frsize});
  }
  return out;
}

std::string metrics_text(const options& x, core::wall_time now, core::seconds uptime) {
  const auto& m = core::metrics::all();
  families out;
  families::put(
      out.open("livetape_build_info", "Version of this node; always 1", MetricType::Gauge), 1,
      {{"version", x.version}, {"node", x.node}});
  out.gauge("livetape_uptime_seconds", "Seconds since the start",
            static_cast<double>(uptime.count()));
  out.counter("livetape_received_bytes_total", "Bytes read from publishers", m.bytes_in);
  out.counter("livetape_received_frames_total", "Frames handed to recordings", m.frames_in);
  out.counter("livetape_publishes_total", "Publishes accepted", m.publishes);
  out.gauge("livetape_streams", "Streams live now", now_of(m.streams));
  out.gauge("livetape_connections", "Open connections of publishers", now_of(m.connections));
  out.gauge("livetape_open_fragments", "Fragments being written", now_of(m.open_fragments));
  out.gauge("livetape_outbox_waiting", "Deliveries that wait", now_of(m.outbox_waiting));
  out.counter("livetape_syncs_total", "Times that everything being written was brought to the disk",
              m.syncs);
  out.counter("livetape_sync_failures_total", "Times that this failed", m.sync_failures);
  families::put(
      out.open("livetape_sync_seconds_total", "Seconds that it took", MetricType::Counter),
      now_of(m.sync_millis) / 1e3);
  out.gauge("livetape_sync_age_seconds",
            "Seconds since the last one began, while something is being written; else 0",
            sync_age(m));
  auto oldest = now_of(m.outbox_oldest);
  auto seconds = static_cast<double>(now.time_since_epoch().count()) / 1e6;
  out.gauge("livetape_outbox_age_seconds", "Age of the oldest waiting event, 0: none waits",
            oldest > 0 && seconds > oldest ? seconds - oldest : 0);
  out.labelled("livetape_files_total", "Files stored", m.files);
  out.labelled("livetape_file_seconds_total", "Seconds of media in stored files", m.file_seconds);
  out.labelled(
      "livetape_file_drift_seconds_total",
      "Seconds by which publishers' clocks were faster or slower than the node's, of files",
      m.drift_seconds);
  out.labelled("livetape_gaps_total", "Stretches without stored media", m.gaps);
  out.labelled("livetape_gap_seconds_total", "Seconds without stored media", m.gap_seconds);
  out.labelled("livetape_deliveries_total", "Attempts to deliver an event", m.deliveries);
  out.labelled("livetape_time_repairs_total", "What was mended: time stamps, cut-off NAL units",
               m.repairs);
  out.labelled("livetape_refused_total", "Publishes, connections and requests refused", m.refused);
  out.labelled("livetape_http_requests_total", "HTTP requests answered", m.http_requests);
  auto disks = disk_spaces(x);
  auto& free = out.open("livetape_disk_free_bytes", "Bytes free for recordings", MetricType::Gauge);
  for (const auto& d : disks)
    families::put(free, static_cast<double>(d.free), {{"disk", d.name}, {"path", d.path}});
  auto& total = out.open("livetape_disk_size_bytes", "Size of the file system", MetricType::Gauge);
  for (const auto& d : disks)
    families::put(total, static_cast<double>(d.total), {{"disk", d.name}, {"path", d.path}});
  return prometheus::TextSerializer{}.Serialize(out.all());
}

} // namespace io::http
