# SPDX-License-Identifier: MIT
"""What went over the wire and what a file holds, as packets that can be compared.

The wire is read from the clip itself: `ffmpeg -c copy` sends the payload of its tags unchanged.
MP4 and FLV files are read by ffprobe; HLS by a small demuxer of our own, because the frames have to
be compared without what a transport stream adds (access unit delimiters, repeated parameter sets,
ADTS headers).
"""
import hashlib
import json
import pathlib
import struct
import subprocess
from collections import namedtuple

# Times in ms; `raw` is the hash of the payload, `bare` that of its NAL units without types 7, 8 and 9.
Packet = namedtuple("Packet", "kind dts pts raw bare key")
TOLERANCE = 1.05  # ms; both sides round to a ms, so the bare 1.0 would fail on its own rounding


def md5(data):
    return hashlib.md5(data).hexdigest()


def bare(units):
    """The hash of an access unit without delimiters (9) and parameter sets (7, 8)."""
    digest = hashlib.md5()
    for unit in units:
        if unit and unit[0] & 31 not in (7, 8, 9):
            digest.update(struct.pack(">I", len(unit)) + unit)
    return digest.hexdigest()


def avcc_units(data):
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        yield data[at + 4:at + 4 + size]
        at += 4 + size


def annex_b_units(data):
    for part in data.split(b"\0\0\1"):
        unit = part.rstrip(b"\0")
        if unit:
            yield unit


def flv_tags(path):
    """(type, time stamp, body) of each tag."""
    data = pathlib.Path(path).read_bytes()
    at = int.from_bytes(data[5:9], "big") + 4
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1:at + 4], "big")
        stamp = int.from_bytes(data[at + 4:at + 7], "big") | data[at + 7] << 24
        yield data[at], stamp, data[at + 11:at + 11 + size]
        at += 15 + size


def composition_offset(body):
    """Of a picture's tag, in ms (FLV 10.1, E.4.3.1: SI24)."""
    return (int.from_bytes(body[2:5], "big") ^ 0x800000) - 0x800000


def sent(path, length=None):
    """The packets that a push of this FLV clip sends; only those before `length` seconds."""
    packets, first = [], None
    for kind, stamp, body in flv_tags(path):
        if kind == 9 and body[0] & 15 == 7 and body[1] == 1:
            data = body[5:]
            packets.append(Packet("video", stamp, stamp + composition_offset(body), md5(data), bare(avcc_units(data)), body[0] >> 4 == 1))
        elif kind == 8 and body[0] >> 4 == 10 and body[1] == 1:
            packets.append(Packet("audio", stamp, stamp, md5(body[2:]), md5(body[2:]), True))
        else:
            continue
        first = stamp if first is None else first
    return [x for x in packets if length is None or x.dts - first < length * 1000]


def probe(path, *more, quiet=""):
    """What ffprobe tells; anything that it has to say besides is a failure, but for lines with `quiet`."""
    text = subprocess.run(["ffprobe", "-v", "error", "-of", "json", *more, str(path)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120, check=True)
    if [line for line in text.stderr.splitlines() if not quiet or quiet not in line]:
        raise AssertionError(f"ffprobe of {path}: {text.stderr}")
    return json.loads(text.stdout)


def probed(path, quiet=""):
    packets = []
    for x in probe(path, "-show_packets", "-show_data_hash", "md5", quiet=quiet)["packets"]:
        digest = x["data_hash"].split(":")[1]
        packets.append(Packet(x["codec_type"], float(x["dts_time"]) * 1000, float(x["pts_time"]) * 1000, digest, None,
                              "K" in x["flags"]))
    return packets


def playlist(path):
    """(segments as (name, seconds, starts with a discontinuity), whether it is ended)."""
    segments, seconds, broken = [], 0.0, False
    lines = pathlib.Path(path).read_text().splitlines()
    for line in lines:
        if line.startswith("#EXTINF:"):
            seconds = float(line[8:].split(",")[0])
        elif line == "#EXT-X-DISCONTINUITY":
            broken = True
        elif line and not line.startswith("#"):
            segments.append((line, seconds, broken))
            broken = False
    return segments, "#EXT-X-ENDLIST" in lines


class TransportStream:
    """Takes the access units out of a transport stream with one programme (ISO 13818-1, 2.4)."""

    def __init__(self):
        self.kinds, self.open, self.counters, self.packets, self.map_id = {}, {}, {}, [], None

    def feed(self, data):
        if len(data) % 188:
            raise AssertionError(f"{len(data)} bytes are not whole TS packets")
        for at in range(0, len(data), 188):
            self.packet(data[at:at + 188])

    def packet(self, x):
        if x[0] != 0x47:
            raise AssertionError("a TS packet without its sync byte")
        pid, starts, control = (x[1] & 31) << 8 | x[2], bool(x[1] & 64), x[3] >> 4 & 3
        payload = x[4:] if control == 1 else x[5 + x[4]:] if control == 3 else b""
        if not payload or pid == 0x1FFF:
            return
        if pid == 0:
            section = payload[1 + payload[0]:]
            self.map_id = (section[10] & 31) << 8 | section[11]
        elif pid == self.map_id:
            self.programme(payload[1 + payload[0]:])
        elif pid in self.kinds:
            if pid in self.counters and (self.counters[pid] + 1) % 16 != x[3] & 15:
                raise AssertionError(f"continuity of pid {pid} is broken")
            self.counters[pid] = x[3] & 15
            if starts:
                self.close(pid)
                self.open[pid] = bytearray()
            if pid in self.open:
                self.open[pid] += payload

    def programme(self, section):
        end = 3 + ((section[1] & 15) << 8 | section[2]) - 4
        at = 12 + ((section[10] & 15) << 8 | section[11])
        while at + 5 <= end:
            kind = {0x1B: "video", 0x0F: "audio", 0x03: "audio", 0x04: "audio"}.get(section[at])
            if kind:
                self.kinds[(section[at + 1] & 31) << 8 | section[at + 2]] = kind
            at += 5 + ((section[at + 3] & 15) << 8 | section[at + 4])

    def close(self, pid):
        pes = bytes(self.open.pop(pid, b""))
        if not pes:
            return

        def stamp(at):
            x = pes[at:at + 5]
            return ((x[0] >> 1 & 7) << 30 | x[1] << 22 | x[2] >> 1 << 15 | x[3] << 7 | x[4] >> 1) / 90

        flags, body = pes[7] >> 6, pes[9 + pes[8]:]
        pts = stamp(9)
        dts = stamp(14) if flags == 3 else pts
        if self.kinds[pid] == "video":
            units = list(annex_b_units(body))
            key = any(unit[0] & 31 == 5 for unit in units)
            self.packets.append(Packet("video", dts, pts, None, bare(units), key))
        else:
            self.audio(pts, body)

    def audio(self, pts, body):
        if body[0] == 0xFF and body[1] & 6:  # a layer: MPEG audio, one frame in each packet of ours
            self.packets.append(Packet("audio", pts, pts, None, md5(body), True))
            return
        at, count = 0, 0
        while at + 7 <= len(body):
            head = body[at:at + 7]
            if head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
                raise AssertionError("no ADTS header where one has to be")
            rate = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)[head[2] >> 2 & 15]
            size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
            time = pts + count * 1024 * 1000 / rate
            begin = at + (7 if head[1] & 1 else 9)
            self.packets.append(Packet("audio", time, time, None, md5(body[begin:at + size]), True))
            at, count = at + size, count + 1


def hls(path):
    """The packets of a playlist. Each stretch between discontinuities counts its own continuity."""
    stream, packets = TransportStream(), []
    for name, _, broken in playlist(path)[0]:
        if broken:
            packets, stream = packets + finish(stream), TransportStream()
        stream.feed((pathlib.Path(path).parent / name).read_bytes())
    return packets + finish(stream)


def finish(stream):
    for pid in list(stream.open):
        stream.close(pid)
    return stream.packets


def packets_of(path, quiet=""):
    if not str(path).endswith(".m3u8"):
        return probed(path, quiet)
    return probed(joined(path), quiet) if "#EXT-X-MAP:" in pathlib.Path(path).read_text() else hls(path)


def joined(path):
    """The initialisation section and the segments of an fMP4 playlist in one file."""
    folder = pathlib.Path(path).parent
    lines = pathlib.Path(path).read_text().splitlines()
    names = [line.split('"')[1] for line in lines if line.startswith("#EXT-X-MAP:")]
    names += [line for line in lines if line and not line.startswith("#")]
    whole = folder / "joined.mp4"
    whole.write_bytes(b"".join((folder / name).read_bytes() for name in names))
    return whole


def differences(wire, files, prefix=False):
    """What is wrong when `files` (packet lists in order) are to hold exactly `wire`; empty if nothing.

    Time stamps are compared within each file, relative to its first packet, both tracks together.
    With `prefix` the files may end early (a killed node).
    """
    problems = []
    offset = [None] * len(files)
    for kind in ("video", "audio"):
        expected = [x for x in wire if x.kind == kind]
        found = [(number, x) for number, packets in enumerate(files) for x in packets if x.kind == kind]
        if len(found) > len(expected) or (len(found) < len(expected) and not prefix):
            problems.append(f"{kind}: {len(expected)} packets were sent, {len(found)} are in the files")
        for place, ((number, x), y) in enumerate(zip(found, expected)):
            if x.raw != y.raw if x.raw else x.bare != y.bare:
                problems.append(f"{kind}: packet {place} (file {number}, {y.dts} ms) is not what was sent")
                break
            if offset[number] is None:
                offset[number] = y.dts - x.dts
            for name in ("dts", "pts"):
                off = getattr(y, name) - getattr(x, name) - offset[number]
                if abs(off) > TOLERANCE:
                    problems.append(f"{kind}: {name} of packet {place} (file {number}, {y.dts} ms) is {off:+.2f} ms off")
                    break
            if len(problems) > 8:
                return problems
    return problems


def length(packets):
    """Seconds from the first to the end of the last frame, over both tracks."""
    ends = []
    for kind in ("video", "audio"):
        times = sorted(x.pts for x in packets if x.kind == kind)
        if len(times) > 1:
            ends.append(times[-1] + (times[-1] - times[0]) / (len(times) - 1))
    return (max(ends) - min(x.pts for x in packets)) / 1000


def boxes(path):
    """Names of the top-level boxes of an MP4."""
    names, at = [], 0
    with open(path, "rb") as file:
        while head := file.read(8):
            size, name = int.from_bytes(head[:4], "big"), head[4:8].decode("latin-1")
            if size == 1:
                size = int.from_bytes(file.read(8), "big")
            names.append(name)
            if size == 0:
                break
            at += size
            file.seek(at)
    return names


def decode_problems(path):
    """What ffmpeg has to say when it decodes the whole file; empty for a good one."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-f", "null", "-"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    return done.stderr
