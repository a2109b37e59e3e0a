# SPDX-License-Identifier: MIT
"""kill -9 of the node at 20 moments: 8 at random, 6 around a cut, 6 around the end of a publish (7).

The key frames of the clip are 10 s apart (x264's default is 250 frames), but for one at 2 s where
the files are cut. The node starts again on the same data each time.
"""
import os
import random
import time
import unittest

import clips
import livetape
import packets
from livetape import sleep_until, to_unix, wait_for

# The long form tries other moments each time.
SEED = int(os.environ.get("LIVETAPE_SEED", "0")) or (random.SystemRandom().randrange(1, 1 << 30) if livetape.LONG else 7)
TIMES = 10 if livetape.LONG else 1
STREAMS = 3
MOST_MISSING = 1.0  # seconds


class kills(livetape.Case):
    def setUp(self):
        print(f"LIVETAPE_SEED={SEED}", flush=True)
        self.random = random.Random(f"{SEED} {self.id()}")
        self.receiver_ = self.receiver()
        self.started = self.node(self.recorder_config(
            self.receiver_, {"formats": {"mp4": {"fragment": "2s"}, "flv": {"fragment": "2s"}, "hls": {"segment": "2s"}}}))
        self.clip = clips.clip(seconds=14, gop=250, keys=(0, 2))
        self.wire = packets.sent(self.clip)
        self.killed = []

    def test_at_random_moments(self):
        for round_ in range(8 * TIMES):
            self.round(round_, None, lambda: self.random.uniform(0.4, 4.0))

    def test_around_a_cut(self):
        for round_ in range(6 * TIMES):
            self.round(round_, None, lambda: 2.0 + self.random.uniform(-0.1, 0.1))

    def test_around_the_end_of_a_publish(self):
        for round_ in range(6 * TIMES):
            self.round(round_, 2.7, lambda: 2.7 + self.random.uniform(-0.1, 0.1))

    def test_a_publish_that_is_not_recorded_is_ended_too(self):
        node = self.node({"notify": {"endpoints": [self.receiver_.endpoint()], "interval": "1s"},
                          "recording": {"enabled": False}}, name="unrecorded")
        pushed = clips.push(self, self.clip, node.push_url("bare"))
        (start,) = wait_for("its start", lambda: self.receiver_.events(1, "bare"))
        node.kill()
        pushed.kill()
        node.start()
        (end,) = wait_for("its end", lambda: self.receiver_.events(0, "bare"))
        self.assertEqual((end["sequence"], end["end_reason"], end["width"]), (start["sequence"], "recovered", 640))
        self.assertEqual(node.stop(), 0)
        node.start()
        self.assertEqual(len({x["event_id"] for x in self.receiver_.events(0, "bare")}), 1)

    def round(self, number, length, moment):
        """Pushes some streams, kills the node `moment` seconds after the first frame, starts it and looks."""
        node, names = self.started, [f"k{number}-{x}" for x in range(STREAMS)]
        before = len(self.receiver_.events(100))
        pushes = [clips.push(self, self.clip, node.push_url(name), length) for name in names]
        wait_for("live streams", lambda: len(node.streams()) == STREAMS or not all(x.process.poll() is None for x in pushes))
        self.since = since = max((to_unix(x["since"]) for x in node.streams()), default=time.time())
        after = moment()
        sleep_until(since + after)  # the random moment itself
        node.kill()
        killed = time.time()
        for each in pushes:
            each.kill()
        wait_for("that all it had sent is received", self.receiver_.is_idle)
        self.again = time.time()
        node.start()
        wait_for("that everything found is announced", lambda: self.settled(node, names), 20)
        with self.subTest(round=number, after=round(after, 3), announced_before=before):
            for name in names:
                self.check(node, name, killed, length)

    def settled(self, node, names):
        """Every stream has its formats, each file is announced, and no journal entry is left."""
        files = [row for name in names for row in node.files(stream=f"live/{name}")]
        announced = {body["file_id"] for body in self.receiver_.events(100)}
        left = list((node.data / "spool").glob("*"))
        return not left and all(row["file_id"] in announced for row in files)

    def check(self, node, name, killed, length):
        rows = node.files(stream=f"live/{name}")
        missing = {"mp4", "flv", "hls"} - {row["format"] for row in rows}
        # What is left of a shorter one may be under the minimum duration of a second.
        self.assertTrue(not missing or killed - self.since < 1 + MOST_MISSING, f"no {missing} of {name}")
        for what in sorted({row["format"] for row in rows}):
            of_format = [row for row in rows if row["format"] == what]
            clips.check_files(self, node, self.wire, of_format, prefix=True)
            path = node.download(of_format[-1], self.folder / "decoded")
            self.assertEqual(packets.decode_problems(path), "", of_format[-1]["url"])
            start = to_unix(of_format[0]["start_time"])
            kept = sum(row["duration"] for row in of_format)
            came = min(killed - start, length or killed)
            self.assertGreater(kept, came - MOST_MISSING, f"{what} of {name}: {came:.2f} s came, {kept:.2f} s are kept")
        for row in rows:
            events = [body for body in self.receiver_.events(100) if body["file_id"] == row["file_id"]]
            # A kill between the receiver's 200 and the note of it makes the same event come again.
            self.assertEqual(len({x["event_id"] for x in events}), 1)
            times = [when for when, status, body in self.receiver_.attempts if body.get("file_id") == row["file_id"] and status == 200]
            again = [when for when in times if when > self.again]
            self.assertLessEqual(len(again), 1)
            if len(times) > 1:
                self.assertLess(killed - times[0], 1, "announced twice though the first time was long before the kill")

    def tearDown(self):
        node = self.started
        ids = [row["file_id"] for page in range(1, 8) for row in node.get(f"/api/v1/files?page_size=100&page={page}")["items"]]
        self.assertEqual({body["file_id"] for body in self.receiver_.events(100)} - set(ids), set(), "announced but not listed")
        stored = [path for path in (node.data / "store").rglob("*") if path.is_file() and path.stat().st_size == 0]
        self.assertEqual(stored, [], "files of 0 bytes")


if __name__ == "__main__":
    unittest.main()
