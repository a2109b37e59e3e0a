// SPDX-License-Identifier: MIT
#include "core/mux/mp4_entries.hpp"

#include "core/codec.hpp"
#include "core/mux/byte_order.hpp"
#include "core/mux/mp4_walk.hpp"

namespace core::mux::mp4 {

namespace {

// objectTypeIndication (ISO 14496-1 table 5).
constexpr std::uint8_t type_aac = 0x40;
constexpr std::uint8_t type_mpeg2_audio = 0x69; // layer III of the halved rates
constexpr std::uint8_t type_mpeg1_audio = 0x6b;

// Bytes of the fixed fields before the boxes in a sample entry, its own header left out.
constexpr std::size_t visual_fields = 78;
constexpr std::size_t audio_fields = 28;

void put_reserved(bytes& out) {
  put_bytes(out, 0, 6);
  put16(out, 1); // data_reference_index
}

struct box_names {
  const char* entry;
  const char* record;
};

/// ISO 14496-15 5.4.2, 8.4.1; AV1 ISOBMFF binding 2.2, 2.3; Opus in ISOBMFF 4.3.1, 4.3.2.
box_names names_of(codec_id x) {
  switch (x) {
  case codec_id::h264:
    return {"avc1", "avcC"};
  case codec_id::hevc:
    return {"hvc1", "hvcC"};
  case codec_id::av1:
    return {"av01", "av1C"};
  case codec_id::opus:
    return {"Opus", "dOps"};
  case codec_id::aac:
  case codec_id::mp3:
    break;
  }
  return {"mp4a", "esds"};
}

void write_video(layout& in, const track& x) {
  auto& out = in.out;
  auto names = names_of(x.codec);
  box e{in, names.entry};
  put_reserved(out);
  put_bytes(out, 0, 8);
  put_bytes(out, 0, 8);
  put16(out, static_cast<std::uint64_t>(x.width));
  put16(out, static_cast<std::uint64_t>(x.height));
  put32(out, 0x480000); // 72 dpi
  put32(out, 0x480000);
  put32(out, 0);
  put16(out, 1); // frames per sample
  out.resize(out.size() + 32);
  put16(out, 24); // depth
  put16(out, 0xffff);
  box c{in, names.record};
  put(out, x.config);
}

/// Tag and length of a descriptor, its length in four bytes (ISO 14496-1 8.3.3).
void put_descriptor(bytes& out, std::uint8_t tag, std::size_t length) {
  put8(out, tag);
  for (int i = 3; i >= 0; --i)
    put8(out, (length >> (7 * i) & 0x7f) | (i ? 0x80 : 0));
}

constexpr std::size_t magic_size = 8;
constexpr std::size_t opus_fields = 11; // behind "OpusHead", up to the mapping family

/// The ID header in another order of bytes, version 0 instead of 1, and without its magic.
void write_opus_record(layout& in, byte_view header) {
  auto x = header.subspan(magic_size);
  auto swapped = [&](std::size_t at, int n) {
    for (auto i = at + static_cast<std::size_t>(n); i-- > at;)
      put8(in.out, x[i]);
  };
  box d{in, "dOps"};
  put8(in.out, 0);
  put8(in.out, x[1]);
  swapped(2, 2); // pre-skip
  swapped(4, 4); // rate of the input
  swapped(8, 2); // gain
  put(in.out, x.subspan(10));
}

std::optional<track> read_opus_record(byte_view x) {
  if (x.size() < opus_fields || x[0] != 0)
    return {};
  bytes header;
  put(header, "OpusHead");
  put8(header, 1);
  put8(header, x[1]);
  for (std::size_t at : {3, 2, 7, 6, 5, 4, 9, 8})
    put8(header, x[at]);
  put(header, x.subspan(10));
  auto out = codec::opus_track(header);
  return out ? std::optional{*std::move(out)} : std::nullopt;
}

void write_audio(layout& in, const track& x) {
  auto& out = in.out;
  box e{in, names_of(x.codec).entry};
  put_reserved(out);
  put64(out, 0);
  put16(out, static_cast<std::uint64_t>(x.channels));
  put16(out, 16);
  put32(out, 0);
  // 16.16; what does not fit is in the configuration.
  put32(out, x.sample_rate < 0x10000 ? static_cast<std::uint64_t>(x.sample_rate) << 16 : 0);
  if (x.codec == codec_id::opus) {
    write_opus_record(in, x.config);
    return;
  }
  box d{in, "esds", 0, 0};
  constexpr std::size_t header = 5;
  std::size_t specific = x.config.empty() ? 0 : header + x.config.size();
  put_descriptor(out, 3, 3 + header + 13 + specific + header + 1); // ES_Descriptor
  put16(out, 0);
  put8(out, 0);
  put_descriptor(out, 4, 13 + specific); // DecoderConfigDescriptor
  put8(out, x.codec == codec_id::aac ? type_aac
            : x.sample_rate < 32'000 ? type_mpeg2_audio
                                     : type_mpeg1_audio);
  put8(out, 0x15); // audio stream
  put24(out, 0);
  put32(out, 0);
  put32(out, 0);
  if (!x.config.empty()) {
    put_descriptor(out, 5, x.config.size()); // DecoderSpecificInfo
    put(out, x.config);
  }
  put_descriptor(out, 6, 1); // SLConfigDescriptor: as in MP4
  put8(out, 2);
}

/// The body of the next descriptor when it is of this tag.
std::optional<byte_view> descriptor(byte_view& in, std::uint8_t tag) {
  if (in.empty() || in[0] != tag)
    return {};
  std::size_t length = 0;
  std::size_t at = 1;
  for (int i = 0; i < 4 && at < in.size(); ++i) {
    auto b = in[at++];
    length = length << 7 | (b & 0x7fU);
    if (!(b & 0x80))
      break;
  }
  if (length > in.size() - at)
    return {};
  auto body = in.subspan(at, length);
  in = in.subspan(at + length);
  return body;
}

std::optional<track> read_audio(byte_view entry) {
  auto esds = find_box(entry.subspan(audio_fields), "esds");
  if (!esds || esds->size() < 4)
    return {};
  auto in = esds->subspan(4);
  auto stream = descriptor(in, 3);
  if (!stream || stream->size() < 3)
    return {};
  in = stream->subspan(3);
  auto decoder = descriptor(in, 4);
  if (!decoder || decoder->size() < 13)
    return {};
  if ((*decoder)[0] == type_aac) {
    in = decoder->subspan(13);
    auto config = descriptor(in, 5);
    auto parsed = config ? codec::aac_track(*config) : failure{};
    return parsed ? std::optional{*std::move(parsed)} : std::nullopt;
  }
  if ((*decoder)[0] != type_mpeg1_audio && (*decoder)[0] != type_mpeg2_audio)
    return {};
  track out;
  out.kind = track_kind::audio;
  out.codec = codec_id::mp3;
  out.channels = static_cast<int>(get16(&entry[16]));
  out.sample_rate = static_cast<int>(get16(&entry[24]));
  return out;
}

} // namespace

void write_sample_entry(layout& out, const track& x) {
  if (x.kind == track_kind::video)
    write_video(out, x);
  else
    write_audio(out, x);
}

std::optional<track> read_sample_entry(byte_view stsd, track_kind kind) {
  if (stsd.size() < 8)
    return {};
  auto entries = stsd.subspan(8);
  auto record = [&](const char* entry, std::size_t fields, const char* type) {
    auto x = find_box(entries, entry);
    return x && x->size() >= fields ? find_box(x->subspan(fields), type) : std::nullopt;
  };
  auto taken = [](result<track> x) { return x ? std::optional{*std::move(x)} : std::nullopt; };
  if (kind == track_kind::audio) {
    if (auto x = record("Opus", audio_fields, "dOps"))
      return read_opus_record(*x);
    auto entry = find_box(entries, "mp4a");
    return entry && entry->size() >= audio_fields ? read_audio(*entry) : std::nullopt;
  }
  if (auto x = record("avc1", visual_fields, "avcC"))
    return taken(codec::h264_track(*x));
  // Parameter sets in band too: what other writers than ours may choose.
  for (const auto* entry : {"hvc1", "hev1"})
    if (auto x = record(entry, visual_fields, "hvcC"))
      return taken(codec::hevc_track(*x));
  if (auto x = record("av01", visual_fields, "av1C"))
    return taken(codec::av1_track(*x));
  return {};
}

} // namespace core::mux::mp4
