// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/fragment.hpp"

/// One entry per container; fragment.hpp's two functions choose among them.
namespace core::mux {

namespace mp4 {
result<std::unique_ptr<fragment>> open(folder& in, const options& x);
result<account> repair(folder& in, const std::string& name);
} // namespace mp4

namespace flv {
result<std::unique_ptr<fragment>> open(folder& in, const options& x);
result<account> repair(folder& in, const std::string& name);
} // namespace flv

namespace hls {
result<std::unique_ptr<fragment>> open(folder& in, const options& x);
result<account> repair(folder& in);
} // namespace hls

} // namespace core::mux
