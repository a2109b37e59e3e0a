# SPDX-License-Identifier: MIT
"""The frame checker: a publisher that numbers its frames and notes what the socket took, and an account
that finds each of them again: once in a file, or in a gap that says why it is in none.
"""
import contextlib
import hashlib
import statistics
import struct
import threading
import time
from collections import namedtuple

import packets
import rtmp
from livetape import to_unix

# `stamp` (decoding) and `shown` in ms from the publish's first frame; `at`: when the socket had taken it.
Frame = namedtuple("Frame", "kind stamp shown raw bare key at")
# A gap touches a frame from its sending to its being shown, to two frames: pictures that are sent after those
# that they are shown before may be torn off behind them.
NEAR = 0.09
# Any bytes that no start code can hide in.
UUID = bytes(range(0xA0, 0xB0))


def spelled(number):
    """A number in 8 bytes of which none is small: needs no emulation prevention (H.264, 7.4.1)."""
    return bytes(0x80 | number >> 7 * place & 0x7F for place in range(8))


def numbered(kind, body, number):
    """The body of an FLV tag with its number: of a picture in an SEI (H.264, D.1.6), of a sound in a data stream
    element (ISO 14496-3, 4.5.2.1)."""
    if kind == 8:
        return body[:2] + b"\x80\x08" + spelled(number) + body[2:]
    units = list(packets.avcc_units(body[5:]))
    first = next(place for place, unit in enumerate(units) if unit[0] & 31 in (1, 5))
    units.insert(first, b"\x06\x05\x18" + UUID + spelled(number) + b"\x80")
    return body[:5] + b"".join(struct.pack(">I", len(unit)) + unit for unit in units)


class Publish(threading.Thread):
    """Plays a clip over and over on one connection, in real time, until it is told to end or the connection breaks.

    `keys=False`: no key frame after the first (an encoder that sends them only when asked); pictures refer to what
    they will, so only their order and bytes are looked at."""

    made = 0  # so that no two publishes have a number in common

    def __init__(self, case, node, name, clip, keys=True, app="live"):
        super().__init__(daemon=True)
        self.node, self.app, self.name, self.keys = node, app, name, keys
        self.tags = [x for x in packets.flv_tags(clip) if x[0] in (8, 9)]
        Publish.made += 1
        self.first_number = Publish.made << 32
        self.sent, self.code, self.broke = [], None, None
        self.ending, self.begun = threading.Event(), threading.Event()
        case.addCleanup(self.close)
        self.start()

    def run(self):
        try:
            self.socket = rtmp.Publisher(self.node.address(self.node.rtmp))
            self.code, self.why = self.socket.publish(self.app, self.name)
            if self.code == "NetStream.Publish.Start":
                self.play()
        except OSError as why:
            self.broke = why
        finally:
            self.begun.set()

    def play(self):
        send = self.socket.socket.sendall
        send(rtmp.chunks(1, struct.pack(">I", 65536), chunk_stream=2))
        heads = [x for x in self.tags if x[2][1] == 0]
        media = [x for x in self.tags if x[2][1] == 1]
        for kind, _, body in heads:
            send(rtmp.chunks(kind, body, 0, 1, {8: 4, 9: 6}[kind], 65536))
        # The longer of the tracks, so that stamps never step back.
        of_kind = [[stamp for kind, stamp, _ in media if kind == which] for which in (8, 9)]
        length = max(x[-1] + x[1] - x[0] for x in of_kind if x)
        first, began, number, round_, has_key = media[0][1], time.monotonic(), 0, 0, False
        while not self.ending.is_set():
            for kind, stamp, body in media:
                stamp += round_ * length - first
                is_key = kind == 8 or body[0] >> 4 == 1
                if kind == 9 and is_key:
                    if has_key and not self.keys:
                        continue
                    has_key = True
                body = numbered(kind, body, self.first_number + number)
                number += 1
                if self.ending.wait(max(0.0, began + stamp / 1000 - time.monotonic())):
                    break
                send(rtmp.chunks(kind, body, stamp, 1, {8: 4, 9: 6}[kind], 65536))
                self.note(kind, stamp, body, is_key)
            round_ += 1

    def note(self, kind, stamp, body, is_key):
        data = body[5:] if kind == 9 else body[2:]
        raw = hashlib.md5(data).hexdigest()
        bare = packets.bare(packets.avcc_units(data)) if kind == 9 else raw
        shown = stamp + packets.composition_offset(body) if kind == 9 else stamp
        self.sent.append(Frame("video" if kind == 9 else "audio", stamp, shown, raw, bare, is_key, time.time()))
        self.begun.set()

    def leave(self):
        """Ends the publish as an encoder does."""
        self.ending.set()
        self.join(10)
        with contextlib.suppress(OSError):
            self.socket.command("deleteStream", 0, None, 1)
        self.close()

    def close(self):
        """Ends the connection; what the socket took still goes out."""
        self.ending.set()
        self.join(10)
        if hasattr(self, "socket"):
            self.socket.close()


def known_of(node, name, formats, folder):
    """What the node knows of a stream: its timeline, and of each format (files as (row, packets), gaps)."""
    known, by_format = node.get(f"/api/v1/timeline?stream=live/{name}"), {}
    for what in formats:
        rows = [row for row in known["files"] if row["format"] == what]
        by_format[what] = ([(row, packets.packets_of(node.download(row, folder))) for row in rows],
                           [gap for gap in known["gaps"] if gap.get("branch", what) == what])
    return known, by_format


def account(rows, publishes, gaps, most_lost=None, taken_over=False):
    """What is wrong when the files of one format (as (row, packets), oldest first) and the gaps are to account for
    each frame that was sent. `most_lost`: seconds that may be missing at the end of a publish that a crash ended.
    `taken_over`: what the socket of all but the last publish took after the next one had begun never had to be read."""
    problems, seen = [], set()
    known = {(frame.kind, digest): (number, place) for number, publish in enumerate(publishes)
             for place, frame in enumerate(publish.sent) for digest in (frame.raw, frame.bare)}
    zero = [[] for _ in publishes]  # moments of each publish's stamp 0, by the files
    for row, found in rows:
        first, offsets, last = min(x.dts for x in found), {}, {}
        for x in found:
            which = known.get((x.kind, x.raw or x.bare))
            if which is None:
                problems.append(f"{row['file_id']}: {x.kind} at {x.dts:.0f} ms was never sent")
                continue
            if which in seen:
                problems.append(f"{row['file_id']}: {x.kind} at {x.dts:.0f} ms is kept twice")
            seen.add(which)
            frame = publishes[which[0]].sent[which[1]]
            if last.setdefault(x.kind, which) > which:
                problems.append(f"{row['file_id']}: {x.kind} at {x.dts:.0f} ms is out of order")
            last[x.kind] = which
            off = x.dts - frame.stamp - offsets.setdefault(which[0], x.dts - frame.stamp)
            if abs(off) > packets.TOLERANCE:
                problems.append(f"{row['file_id']}: {x.kind} at {x.dts:.0f} ms is {off:+.2f} ms off")
            zero[which[0]].append(to_unix(row["start_time"]) + (x.dts - first - frame.stamp) / 1000)
    spans = [(to_unix(x["start"]) - NEAR, to_unix(x["start"]) + x["length"] + NEAR) for x in gaps]
    for number, publish in enumerate(publishes):
        if not publish.sent:
            continue
        start = statistics.median(zero[number]) if zero[number] else publish.sent[0].at
        kept = [x.stamp for place, x in enumerate(publish.sent) if (number, place) in seen]
        missing = [x for place, x in enumerate(publish.sent) if (number, place) not in seen]
        if taken_over and number + 1 < len(publishes):
            missing = [x for x in missing if x.at < publishes[number + 1].sent[0].at - NEAR]
        silent = [x for x in missing if not any(a <= start + x.shown / 1000 and start + x.stamp / 1000 <= b for a, b in spans)]
        if silent:
            problems.append(f"publish {number}: {len(silent)} frames from {silent[0].stamp} to {silent[-1].stamp} ms are in "
                            f"no file and no gap; kept until {max(kept, default=None)} ms of {publish.sent[-1].stamp}")
        lost = (publish.sent[-1].stamp - max(kept, default=0)) / 1000
        if most_lost is not None and lost > most_lost:
            problems.append(f"publish {number}: {lost:.3f} s are lost at the end")
    return problems[:12]
