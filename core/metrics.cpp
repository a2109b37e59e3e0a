// SPDX-License-Identifier: MIT
#include "core/metrics.hpp"

namespace core::metrics {

void labelled::add(std::vector<std::string> values, double x) {
  values.resize(names_.size());
  std::lock_guard guard{mutex_};
  values_[std::move(values)] += x;
}

std::map<std::vector<std::string>, double> labelled::read() const {
  std::lock_guard guard{mutex_};
  return values_;
}

registry& all() {
  static registry x;
  return x;
}

} // namespace core::metrics
