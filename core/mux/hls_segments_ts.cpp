// SPDX-License-Identifier: MIT
#include "core/mux/file_access.hpp"
#include "core/mux/hls_segments.hpp"
#include "core/mux/ts_packets.hpp"

namespace core::mux::hls {

namespace {

constexpr std::size_t most_bytes = 16 * 1024 * 1024;

class ts_segments : public segment_writer {
public:
  explicit ts_segments(ts::packetizer x) : packets_{std::move(x)} {}
  void begin() override { packets_.put_tables(out_); }
  result<void> add(const frame& x) override { return packets_.put_frame(out_, x); }
  bool is_full_for(const frame&) const override { return out_.size() > most_bytes; }
  bool may_wait() const override { return out_.empty(); }
  result<void> write_to(file& out) override {
    auto done = append_whole(out, out_.view());
    out_.clear();
    return done;
  }

private:
  ts::packetizer packets_;
  packet_buffer out_;
};

} // namespace

result<std::unique_ptr<segment_writer>> make_ts_segments(const track_set& x) {
  auto packets = ts::packetizer::make(x);
  if (!packets)
    return packets.error();
  return std::unique_ptr<segment_writer>{std::make_unique<ts_segments>(*std::move(packets))};
}

} // namespace core::mux::hls
