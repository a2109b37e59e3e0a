# SPDX-License-Identifier: MIT
"""Changes in mid-stream: MP4 and FLV are cut at the key frame where it happens, HLS goes on with a discontinuity, and
no frame is lost; the track that stays never waits for the one that does not."""
import unittest

import clips
import frames
import tables
from livetape import wait_for
from scripts import AUDIO, VIDEO, heads, in_parts, is_key, merged, mp3_clip, piece, play, prepared, repeated
from tables import CHANGED, Row

SMALL = "320x180"


def base(seconds=8, **more):
    """The clip that the others differ from: a key frame each second."""
    return clips.clip(**{"seconds": seconds, "gop": 25, "size": SMALL, **more})


def then(at, other, second=4000):
    """The clip up to `at` (ms), then another for a while."""
    return merged(piece(base(), 0, at), piece(other, 0, second, at))


def within_a_group(*changes, first=None, end=7000):
    """The sound changes at these moments (ms) and is of those clips; the picture goes on."""
    ends = [at for at, _ in changes[1:]] + [end]
    return merged(piece(base(), 0, end, kinds=[VIDEO]), piece(first or base(), 0, changes[0][0], kinds=[AUDIO]),
                  *(piece(other, at, until, kinds=[AUDIO]) for (at, other), until in zip(changes, ends)))


def sound(at, other, end=7000):
    """The sound is another's from `at` on; the picture goes on."""
    return within_a_group((at, other), end=end)


def tracks(video, audio):
    """Of each track these stretches (ms) of one clip."""
    clip = base(10)
    return merged(*(piece(clip, begin, end, kinds=[VIDEO]) for begin, end in video),
                  *(piece(clip, begin, end, kinds=[AUDIO]) for begin, end in audio))


def stall(kind, end=7000):
    """A track that stops for 4 s; it comes back without new headers."""
    return [x for x in tracks([(0, 9000)], [(0, 9000)]) if x.kind != kind or not 3000 <= x.at < end]


def other_headers_early():
    """An encoder that changes in the middle of a group: what comes before the next key frame is of no use, but kept."""
    other = base(size="192x144")
    return merged(piece(base(), 0, 4200), piece(other, 200, 4000, 4200))


def two_pictures_in_a_group():
    """The headers of a third clip that never sends a frame."""
    tags = then(4000, base(size="192x144"))
    unused = heads(base(size="256x144"), 3400, [VIDEO])
    return merged([x for x in tags if x.at < 3400], unused, [x for x in tags if x.at >= 3400])


def is_amid(tag):
    """Some pictures between two key frames."""
    return tag.kind == VIDEO and tag.body[1] == 1 and 400 < tag.at % 2000 < 440


def shape(width, height):
    return {("video", "width"): width, ("video", "height"): height}


def heard(rate, channels=2, codec="aac"):
    return {("audio", "sample_rate"): str(rate), ("audio", "channels"): channels, ("audio", "codec_name"): codec}


WIDE, FAST = shape(320, 180), heard(44100)
BY_LENGTH = (("publish", "parameters"), ("parameters", "length"), ("length", "publish_ended"))

TABLE = [
    Row("new parameter sets", lambda: then(4000, base(bframes=2)), CHANGED, (4, 4), 1, (WIDE, WIDE)),
    Row("another resolution", lambda: then(4000, base(size="640x360")), CHANGED, (4, 4), 1, (WIDE, shape(640, 360))),
    Row("another orientation", lambda: then(4000, base(size="180x320")), CHANGED, (4, 4), 1, (WIDE, shape(180, 320))),
    Row("there and back", lambda: merged(then(3000, base(size="192x144"), 2000), piece(base(), 5000, 7500)),
        (("publish", "parameters"), ("parameters", "parameters"), ("parameters", "publish_ended")), (3, 2, 2.5), 2,
        (WIDE, shape(192, 144), WIDE)),
    Row("another sample rate", lambda: sound(4500, base(rate=48000)), CHANGED, (5, 2.5), 1, (FAST, heard(48000))),
    Row("mono to stereo", lambda: within_a_group((4500, base()), first=base(channels=1)), CHANGED, (5, 2.5), 1,
        (heard(44100, 1), FAST)),
    Row("aac to mp3", lambda: sound(4500, mp3_clip()), CHANGED, (5, 2.5), 1, (FAST, heard(44100, 2, "mp3"))),
    Row("another sample rate at a key frame", lambda: then(4000, base(rate=48000)), CHANGED, (4, 4), 1,
        (FAST, heard(48000))),
    Row("the picture begins late", lambda: tracks([(3000, 7000)], [(0, 7000)]), CHANGED, (3, 4), 1,
        ({("video", "width"): None}, WIDE)),
    Row("the sound begins late", lambda: tracks([(0, 7000)], [(3500, 7000)]), CHANGED, (4, 3.5), 1,
        ({("audio", "channels"): None}, FAST)),
    Row("the sound begins a little late", lambda: tracks([(0, 5000)], [(1000, 5000)]), lengths=(5,),
        shapes=({**WIDE, **FAST},)),
    Row("the picture begins a little late", lambda: tracks([(1000, 5000)], [(0, 5000)]), lengths=(5,),
        shapes=({**WIDE, **FAST},)),
    Row("sound alone", lambda: [x for x in sound(4500, base(rate=48000)) if x.kind == AUDIO], CHANGED, (4.5, 2.5), 1,
        (FAST, heard(48000))),
    Row("picture alone", lambda: [x for x in then(4000, base(size="192x144")) if x.kind == VIDEO], CHANGED, (4, 4), 1,
        (WIDE, shape(192, 144))),
    Row("the sound vanishes", lambda: tracks([(0, 9000)], [(0, 3000)]), CHANGED, (), 1,
        (FAST, {("audio", "channels"): None}), look=8),
    Row("the picture vanishes", lambda: tracks([(0, 3000)], [(0, 9000)]), CHANGED, (), 1,
        (WIDE, {("video", "width"): None}), look=8),
    Row("the sound stalls", lambda: stall(AUDIO), CHANGED, (), 1, look=6.9),
    Row("the picture stalls", lambda: stall(VIDEO), CHANGED, (), 1, look=6.9),
    Row("the picture stalls up to the middle of a group", lambda: stall(VIDEO, 7500), CHANGED, (), 1, look=7.4),
    Row("the sound changes while the picture stalls",
        lambda: [x for x in sound(3500, base(rate=48000), 8000) if x.kind == AUDIO or not 3000 <= x.at < 7000],
        CHANGED, (), 1, (FAST, heard(48000)), look=6.9),
    Row("headers with each key frame", lambda: repeated(piece(base(), 0, 6000), base(), is_key), lengths=(6,)),
    Row("headers with each frame", lambda: repeated(piece(base(), 0, 6000), base(), lambda x: x.body[1:2] != b"\0"),
        lengths=(6,)),
    Row("headers before a frame in a group", lambda: repeated(piece(base(), 0, 6000), base(), is_amid), lengths=(6,)),
    Row("other headers before a frame in a group", other_headers_early, CHANGED, (5, 3), 1),
    Row("a change at a cut by length", lambda: then(4000, base(size="192x144"), 4500), BY_LENGTH, (4, 4, 0.5), 1,
        fragment="4s"),
    Row("a change a group before a cut by length", lambda: then(3000, base(size="192x144"), 4500), BY_LENGTH,
        (3, 4, 0.5), 1, fragment="4s"),
    Row("a change of sound before a cut by length", lambda: sound(3900, base(rate=48000), 6000), CHANGED, (4,), 1,
        (FAST, heard(48000)), fragment="4s"),
    Row("two changes of sound in a group", lambda: within_a_group((4100, base(rate=48000)), (4600, base(rate=32000))),
        CHANGED, (5,), 1, (FAST, heard(32000)), gaps=(("stalled_track", 0.5),)),
    Row("the sound changes and back in a group", lambda: within_a_group((4100, base(rate=48000)), (4600, base())),
        lengths=(7,), gaps=(("stalled_track", 0.5),)),
    Row("two changes of picture in a group", two_pictures_in_a_group, CHANGED, (4, 4), 1, (WIDE, shape(192, 144))),
]
# What is known to be broken, as (case, check), and whether it fails each time; to be taken out when it is mended.
KNOWN = {}


class changes(tables.Table):
    def test_each_cuts_where_it_happens_and_loses_nothing(self):
        done = self.run_table(TABLE, KNOWN)
        self.assertEqual([judge.row.name for judge in done if judge.mended], [], "a time stamp was mended")

    def test_a_kill_while_sound_waits_for_its_key_frame(self):
        told, sent = self.receiver(), {}
        node = self.node(self.recorder_config(told, {"formats": tables.FORMATS}))
        rare = clips.clip(seconds=12, gop=250, size=SMALL)  # a key frame each 10 s
        script = merged(piece(rare, 0, 9000, kinds=[VIDEO]), piece(rare, 0, 3000, kinds=[AUDIO]),
                        piece(base(12, rate=48000), 3000, 9000, kinds=[AUDIO]))
        with self.assertRaises(OSError):
            play(node, "a", prepared(script), sent, (7000, node.kill))
        node.start()
        wait_for("that nothing is left to recover", lambda: not list((node.data / "spool").glob("*")), 30)
        problems = []
        for found, gaps in frames.known_of(node, "a", tables.FORMATS, self.folder / "files")[1].values():
            problems += frames.account(found, in_parts(sent), gaps)
        self.decide("a kill", {"frames": problems} if problems else {}, KNOWN)


if __name__ == "__main__":
    unittest.main()
