// SPDX-License-Identifier: MIT
#pragma once

#include "pipelines/media_input.hpp"

namespace pipelines {

/// The door that the publishing session holds; `number`: of its publish among those of the media.
class door : public core::media_input {
public:
  door(std::shared_ptr<media> to, unsigned number) : to_{std::move(to)}, number_{number} {}
  door(const door&) = delete;
  door& operator=(const door&) = delete;
  /// An admission that never reached its session: without an end the stream would be live for ever.
  ~door() override {
    if (!has_ended_)
      to_->end(number_, {core::end_reason::interrupted, 3,
                         is_used_ ? "the session went without a word" : "nobody took the publish"});
  }
  void push(std::vector<core::media_item> burst, core::steady_time arrival) override {
    is_used_ = true;
    to_->push(number_, std::move(burst), arrival);
  }
  void end(const core::publish_end& how) override {
    has_ended_ = true;
    to_->end(number_, how);
  }

private:
  std::shared_ptr<media> to_;
  unsigned number_;
  bool is_used_ = false;
  bool has_ended_ = false;
};

} // namespace pipelines
