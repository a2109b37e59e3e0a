// SPDX-License-Identifier: MIT
#include "core/mux/byte_order.hpp"
#include "core/mux/file_access.hpp"
#include "core/mux/hls_segments.hpp"
#include "core/mux/mp4_moof.hpp"
#include "core/mux/mp4_segment.hpp"

namespace core::mux::hls {

namespace {

constexpr std::size_t kept_buffer = 4 * 1024 * 1024;

/// Both tracks lie in each segment, as RFC 8216 3.3 allows; a CMAF track file (ISO 23000-19 7.3.1)
/// would hold one, and need a playlist for each.
class fmp4_segments : public segment_writer {
public:
  explicit fmp4_segments(const track_set& x) : moof_{x, base_time} {}
  void begin() override {
    mp4::put_segment_type(out_.own());
    moof_.begin_file();
  }
  result<void> add(const frame& x) override { return moof_.add(x); }
  bool is_full_for(const frame& x) const override { return moof_.is_full_for(x); }
  bool may_wait() const override { return moof_.length() < mp4::flush_after; }
  result<void> write_to(file& out) override {
    moof_.build(out_);
    auto done = out_.empty() ? result<void>{} : append_whole(out, out_.pieces());
    out_.clear(kept_buffer);
    moof_.clear();
    return done;
  }

private:
  mp4::moof_maker moof_;
  gather out_;
};

} // namespace

std::string init_name(std::uint64_t number) {
  return number == 1 ? "init.mp4" : "init-" + std::to_string(number) + ".mp4";
}

std::unique_ptr<segment_writer> make_fmp4_segments(const track_set& x) {
  return std::make_unique<fmp4_segments>(x);
}

} // namespace core::mux::hls
