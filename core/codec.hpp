// SPDX-License-Identifier: MIT
#pragma once

#include "core/error.hpp"
#include "core/media.hpp"

/// Reads what codecs say of themselves. All input may be hostile; nothing here allocates by a
/// length that it has not checked. Refused input is `errc::bad_request` with a sentence.
namespace core::codec {

/// From an AVCDecoderConfigurationRecord (ISO 14496-15 5.3.3.1); size and frame rate from its first
/// SPS (ISO 14496-10 7.3.2.1). A record whose SPS cannot be understood gives a track of size 0x0.
result<track> h264_track(byte_view record);

/// From an HEVCDecoderConfigurationRecord (ISO 14496-15 8.3.3.1); size and frame rate from its
/// first SPS (ISO 23008-2 7.3.2.2). A record whose SPS cannot be understood gives a track of size
/// 0x0.
result<track> hevc_track(byte_view record);

/// From an AV1CodecConfigurationRecord (AV1 ISOBMFF binding 2.3); size and frame rate from its
/// sequence header (AV1 5.5). A record without one, or with one that makes no sense, gives a track
/// of size 0x0.
result<track> av1_track(byte_view record);

/// Bytes of the length in front of each NAL unit of H.264 and HEVC: 1, 2 or 4.
int nal_length_size(const track& x);

/// From an AudioSpecificConfig (ISO 14496-3 1.6.2.1); explicit SBR/PS give the output rate.
result<track> aac_track(byte_view config);

/// From the header of a first frame of MPEG-1/2 layer III (ISO 11172-3 2.4.1.3).
result<track> mp3_track(byte_view frame);

/// From an Opus ID header (RFC 7845 5.1), which is kept without what may follow it. The rate is
/// that of decoding, always 48000 Hz.
result<track> opus_track(byte_view header);

/// Samples that each frame of this audio track decodes to (AAC: 1024, or 960; MP3: 1152 or 576).
/// Opus: 0, because every packet has its own number.
int samples_per_frame(const track& x);

/// Samples that this frame of the track decodes to; of an Opus packet by its own word (RFC 6716
/// 3.1), 0 when it is none.
int samples_per_frame(const track& x, byte_view frame);

} // namespace core::codec
