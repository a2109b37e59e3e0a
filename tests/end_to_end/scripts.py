# SPDX-License-Identifier: MIT
"""Publishes that follow a script: pieces of clips on one connection, each with its own headers, tracks that come and
go, and time stamps as broken encoders make them. Each frame knows where in media time it belongs.
"""
import contextlib
import fcntl
import hashlib
import subprocess
import time
from collections import namedtuple
from types import SimpleNamespace

import clips
import frames
import packets
import rtmp

VIDEO, AUDIO = 9, 8
TRACKS = (VIDEO, AUDIO)
WRAP = 1 << 32
FARTHEST = 10_000  # ms; a composition offset beyond this is a fault and counts as 0
# `at`: ms from the first frame, when it is sent and where it belongs; `stamp`: what the wire says of that. Frames of
# one whole `part` have stamps of one clock, so their distances are kept; x.5: the frame's own has to be mended.
Tag = namedtuple("Tag", "at kind stamp body part")


def mp3_clip(seconds=8):
    """An FLV of MP3. Noise, so that no two frames are alike: nothing can be hidden in them to number them."""
    path = clips.CLIPS / f"{seconds}s-mp3.flv"
    clips.CLIPS.mkdir(parents=True, exist_ok=True)
    with open(clips.CLIPS / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            made = path.with_suffix(".making")
            noise = ["-f", "lavfi", "-i", f"anoisesrc=seed=7:sample_rate=44100:amplitude=0.3:duration={seconds}"]
            subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *noise, "-c:a", "libmp3lame", "-b:a", "64k",
                            "-ac", "2", "-f", "flv", str(made)], check=True, stdin=subprocess.DEVNULL)
            made.rename(path)
    return path


def is_aac(body):
    return body[0] >> 4 == 10


def is_head(kind, body):
    return body[1] == 0 and (kind == VIDEO or is_aac(body))


def is_media(kind, body):
    return body[1] == 1 if kind == VIDEO else kind == AUDIO and (body[1] == 1 or not is_aac(body))


def heads(clip, at, kinds=TRACKS):
    return [Tag(at, kind, at, body, 0) for kind, _, body in packets.flv_tags(clip)
            if kind in kinds and is_head(kind, body)]


def piece(clip, begin, end, at=None, kinds=TRACKS):
    """What a clip has from `begin` to `end` (ms), with its headers in front; `at`: where that begins."""
    media = [x for x in packets.flv_tags(clip) if is_media(x[0], x[2])]
    zero, move = media[0][1], (begin if at is None else at) - begin
    return [*heads(clip, begin + move, kinds), *(Tag(stamp - zero + move, kind, stamp - zero + move, body, 0)
            for kind, stamp, body in media if kind in kinds and begin <= stamp - zero < end)]


def merged(*parts):
    return sorted((tag for part in parts for tag in part), key=lambda x: x.at)


def is_key(tag):
    return tag.kind == VIDEO and not is_head(tag.kind, tag.body) and tag.body[0] >> 4 == 1


def repeated(tags, clip, before):
    """With the headers of `clip` again in front of each frame of which `before` is true; there have to be some."""
    if not any(map(before, tags)):
        raise AssertionError("no frame to repeat the headers at")
    return [x for tag in tags for x in (*(heads(clip, tag.at) if before(tag) else []), tag)]


def based(tags, first):
    """Stamps that begin at `first`, and wrap as 32 bits do."""
    return [x._replace(stamp=(x.stamp + first) % WRAP) for x in tags]


def shifted(tags, begin, by, kinds=TRACKS):
    """Stamps that are `by` off from `begin` on: another clock, which is another part."""
    return [x._replace(stamp=(x.stamp + by) % WRAP, part=x.part + 1) if x.at >= begin and x.kind in kinds else x
            for x in tags]


def stepped_back(tags, begin, by, kinds=TRACKS):
    """As `shifted`; what comes out before the newest stamp of its track cannot keep its place."""
    newest, out = {}, []
    for x in shifted(tags, begin, -by, kinds):
        out.append(x._replace(part=x.part - 0.5) if x.stamp < newest.get(x.kind, 0) else x)
        newest[x.kind] = max(newest.get(x.kind, 0), x.stamp)
    return out


def disordered(tags, begin, by):
    """The first picture from `begin` on, and no other, has a stamp that is before the newest one."""
    odd = next(x for x in tags if x.kind == VIDEO and x.at >= begin and not is_head(x.kind, x.body))
    return [x._replace(stamp=x.stamp - by, part=0.5) if x is odd else x._replace(part=int(x.at >= odd.at))
            for x in tags]


def delayed(tags, begin, by):
    """The publisher does nothing for a while, and its clock does not count it."""
    return [x._replace(at=x.at + by, part=x.part + 1) if x.at >= begin else x for x in tags]


def paired(tags):
    """Every second picture has the stamp of the one before, and belongs there."""
    out, last, count = [], 0, 0
    for x in tags:
        if x.kind == VIDEO and not is_head(x.kind, x.body):
            count += 1
            x = x._replace(at=last, stamp=last) if count % 2 == 0 else x
            last = x.at
        out.append(x)
    return out


def composed(tags, offset):
    """Pictures with other composition offsets: `offset(number, before)`, None: as it is."""
    out, number = [], 0
    for x in tags:
        if x.kind == VIDEO and not is_head(x.kind, x.body):
            value = offset(number, packets.composition_offset(x.body))
            number += 1
            if value is not None:
                x = x._replace(body=x.body[:2] + (value & 0xFFFFFF).to_bytes(3, "big") + x.body[5:])
        out.append(x)
    return out


def payload(tag, body):
    return body[5:] if tag.kind == VIDEO else body[2:] if is_aac(body) else body[1:]


def frame_of(tag, body):
    data = payload(tag, body)
    raw = hashlib.md5(data).hexdigest()
    if tag.kind == AUDIO:
        return frames.Frame("audio", tag.at, tag.at, raw, raw, True, 0)
    offset = packets.composition_offset(body)
    shown = tag.at + (offset if abs(offset) <= FARTHEST else 0)
    return frames.Frame("video", tag.at, shown, raw, packets.bare(packets.avcc_units(data)), is_key(tag), 0)


def prepared(tags):
    """What `play` sends, made before the clock runs: (tag, frame, bytes) each."""
    ready = []
    for number, tag in enumerate(tags):
        body, head = tag.body, is_head(tag.kind, tag.body)
        if not head and (tag.kind == VIDEO or is_aac(body)):
            body = frames.numbered(tag.kind, body, number)
        data = rtmp.chunks(tag.kind, body, tag.stamp, 1, {AUDIO: 4, VIDEO: 6}[tag.kind], 65536)
        ready.append((tag, None if head else frame_of(tag, body), data))
    if len({frame.raw for _, frame, _ in ready if frame}) != sum(frame is not None for _, frame, _ in ready):
        raise AssertionError("two frames are alike")
    return ready


def in_parts(sent):
    """What `play` noted, as the frame checker takes publishes."""
    return [SimpleNamespace(sent=sent[key], mended=bool(key[0] % 1)) for key in sorted(sent)]


def play(node, name, ready, sent, look=None):
    """Publishes a script in real time, notes in `sent` what the socket took, and ends as an encoder does. Returns the
    moment of its time 0. `look`: (ms, what to do then)."""
    publisher = rtmp.Publisher(node.address(node.rtmp))
    with contextlib.closing(publisher):
        code, why = publisher.publish("live", name)
        if code != "NetStream.Publish.Start":
            raise AssertionError(f"{name}: {code} {why}")
        publisher.socket.sendall(rtmp.chunks(1, (65536).to_bytes(4, "big"), chunk_stream=2))
        began, zero = time.monotonic(), time.time()
        for number, (tag, frame, data) in enumerate(ready):
            if look and tag.at >= look[0]:
                look[1]()
                look = None
            if (early := began + tag.at / 1000 - time.monotonic()) > 0:
                time.sleep(early)
            publisher.socket.sendall(data)
            if frame:
                key = tag.part, number if tag.part % 1 else 0
                sent.setdefault(key, []).append(frame._replace(at=time.time()))
        publisher.drain()
        publisher.command("deleteStream", 0, None, 1)
    return zero
