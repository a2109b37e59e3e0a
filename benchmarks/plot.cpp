// SPDX-License-Identifier: MIT
#include "benchmarks/report.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>

namespace bench {

namespace {

constexpr double width = 720, height = 400, left = 70, right = 170, top = 40, bottom = 50;

/// 1, 2 or 5 times a power of ten: about six lines of a grid.
double step_of(double most) {
  const auto power = std::pow(10.0, std::floor(std::log10(most / 6)));
  for (const double x : {1.0, 2.0, 5.0, 10.0})
    if (most / (x * power) <= 7)
      return x * power;
  return 10 * power;
}

struct canvas {
  std::ofstream out;
  double most_x;
  double most_y;

  double x(double v) const { return left + v / most_x * (width - left - right); }
  double y(double v) const { return height - bottom - v / most_y * (height - top - bottom); }
  void line(double x1, double y1, double x2, double y2, const char* colour) {
    out << "<line x1=\"" << x1 << "\" y1=\"" << y1 << "\" x2=\"" << x2 << "\" y2=\"" << y2
        << "\" stroke=\"" << colour << "\"/>\n";
  }
  void text(double at_x, double at_y, const std::string& what, const char* anchor,
            const char* colour = "#333") {
    out << "<text x=\"" << at_x << "\" y=\"" << at_y << "\" text-anchor=\"" << anchor
        << "\" fill=\"" << colour << "\">" << what << "</text>\n";
  }
};

} // namespace

core::result<void> write_plot(const std::string& path, const std::vector<measurement>& x) {
  if (path.empty() || x.empty())
    return {};
  // Several measurements of one kind: their median.
  std::map<std::string, std::map<unsigned, std::vector<double>>> series;
  for (const auto& m : x)
    series[m.server + " " + m.formats][m.streams].push_back(m.cost());
  canvas c{std::ofstream{path}, 1, 1};
  for (const auto& [name, points] : series)
    for (const auto& [n, costs] : points) {
      c.most_x = std::max(c.most_x, n * 1.05);
      c.most_y = std::max(c.most_y, median(costs) * 1.1);
    }
  c.out << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << width << ' ' << height
        << "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"" << width
        << "\" height=\"" << height << "\" fill=\"white\"/>\n";
  c.text(left, 22, "CPU of the server, microseconds for each second of each stream", "start");
  for (double v = 0; v <= c.most_y; v += step_of(c.most_y)) {
    c.line(left, c.y(v), width - right, c.y(v), "#ddd");
    c.text(left - 8, c.y(v) + 4, std::to_string(static_cast<int>(v)), "end");
  }
  for (double v = 0; v <= c.most_x; v += step_of(c.most_x)) {
    c.line(c.x(v), c.y(0), c.x(v), c.y(0) + 5, "#333");
    c.text(c.x(v), c.y(0) + 20, std::to_string(static_cast<int>(v)), "middle");
  }
  c.text((left + width - right) / 2, height - 10, "streams", "middle");
  const char* colours[] = {"#1b6ca8", "#c8553d", "#3c8d5a", "#8e5ea2", "#b58900", "#555555"};
  std::size_t i = 0;
  for (const auto& [name, points] : series) {
    const auto* colour = colours[i++ % 6];
    c.out << "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" << colour << "\" points=\"";
    for (const auto& [n, costs] : points)
      c.out << c.x(n) << ',' << c.y(median(costs)) << ' ';
    c.out << "\"/>\n";
    for (const auto& [n, costs] : points)
      c.out << "<circle r=\"3\" fill=\"" << colour << "\" cx=\"" << c.x(n) << "\" cy=\""
            << c.y(median(costs)) << "\"/>\n";
    c.text(width - right + 10, c.y(median(points.rbegin()->second)) + 4, name, "start", colour);
  }
  c.out << "</svg>\n";
  c.out.close();
  if (!c.out)
    return core::failure{core::errc::storage_failed, "cannot write " + path};
  return {};
}

} // namespace bench
