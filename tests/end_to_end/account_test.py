# SPDX-License-Identifier: MIT
"""No silent loss: each frame that the node took is once in a file or in a gap, whenever the node is killed."""
import os
import random
import time
import unittest

import clips
import frames
import livetape
from livetape import sleep_until, wait_for

# The long form tries other moments each time.
SEED = int(os.environ.get("LIVETAPE_SEED", "0")) or (random.SystemRandom().randrange(1, 1 << 30) if livetape.LONG else 11)
ROUNDS = int(os.environ.get("LIVETAPE_ROUNDS", "0")) or (200 if livetape.LONG else 20)
SETS = int(os.environ.get("LIVETAPE_SETS", "1"))  # of four streams at once
MOST_LOST = 1.0  # seconds at the end
FORMATS = {"mp4": {"fragment": "4s"}, "flv": {"fragment": "3s"}, "hls": {"fragment": "7d", "segment": "2s"}}


class accounts(livetape.Case):
    def setUp(self):
        print(f"LIVETAPE_SEED={SEED}", flush=True)
        self.random = random.Random(SEED)
        self.told = self.receiver()

    def test_of_a_node_that_is_killed(self):
        # However short a rest is: what is under the minimum duration is a gap of its own, and nothing is "kept".
        node = self.node(self.recorder_config(self.told, {"formats": FORMATS, "minimum_duration": "0s"}))
        # Key frames 2 s and 10 s apart, none after the first, and pictures out of order.
        kinds = [(clips.clip(seconds=12), True), (clips.clip(seconds=12, gop=250), True),
                 (clips.clip(seconds=12), False), (clips.clip(seconds=12, bframes=2), True)]
        for number in range(ROUNDS):
            names = [f"r{number}-{place}" for place in range(len(kinds) * SETS)]
            publishes = [frames.Publish(self, node, name, *kinds[place % len(kinds)]) for place, name in enumerate(names)]
            for each in publishes:
                self.assertTrue(each.begun.wait(20))
                self.assertEqual(each.code, "NetStream.Publish.Start", each.broke)
            moment = self.random.uniform(0.3, 8)
            sleep_until(time.time() + moment)  # the random moment itself
            node.kill()
            for each in publishes:
                each.close()
            node.start()
            with self.subTest(round=number, after=round(moment, 3)):
                for name, publish in zip(names, publishes):
                    self.check(node, name, [publish])

    def test_of_publishers_that_take_a_stream_over(self):
        node = self.node(self.recorder_config(self.told, {"formats": FORMATS}))
        clip, publishes = clips.clip(seconds=12), []
        for number in range(3):
            began = time.monotonic()
            publishes.append(frames.Publish(self, node, "a", clip))
            self.assertTrue(publishes[-1].begun.wait(20))
            self.assertEqual(publishes[-1].code, "NetStream.Publish.Start", publishes[-1].broke)
            self.assertLess(time.monotonic() - began, 1, "the newest did not win within a second")
            for earlier in publishes[:-1]:
                wait_for("the end of the one before", lambda: earlier.broke or not earlier.is_alive())
            wait_for("two seconds of media", lambda: publishes[-1].sent[-1].stamp > 2000)
        publishes[-1].leave()
        wait_for("the ends of all publishes", lambda: len(self.told.events(0, "a")) == 3)
        self.assertEqual([x["end_reason"] for x in self.told.events(0, "a")], ["interrupted", "interrupted", "publish_ended"])
        self.assertEqual(list({x["event_id"]: x["event_type"] for _, _, x in self.told.attempts if x["event_type"] in (0, 1)}.values()), [1, 0] * 3)
        self.check(node, "a", publishes, most_lost=None, taken_over=True)

    def test_of_a_second_publisher_that_is_refused(self):
        node = self.node(self.recorder_config(self.told, {"formats": FORMATS}, ingest={"duplicate": "reject"}))
        first = frames.Publish(self, node, "a", clips.clip(seconds=12))
        self.assertTrue(first.begun.wait(20))
        second = frames.Publish(self, node, "a", clips.clip(seconds=12))
        self.assertTrue(second.begun.wait(20))
        self.assertEqual(second.code, "NetStream.Publish.BadName")
        self.assertIn("already published from 127.0.0.1", second.why)
        wait_for("a second and a half of media", lambda: first.sent[-1].stamp > 1500)
        first.leave()
        wait_for("the end of the publish", lambda: self.told.events(0, "a"))
        self.check(node, "a", [first], most_lost=0)

    def check(self, node, name, publishes, most_lost=MOST_LOST, taken_over=False):
        """Every frame of the publishes is in the account of the stream, and every file was announced."""
        wait_for("that nothing is left to recover", lambda: not list((node.data / "spool").glob("*")), 30)
        known, by_format = frames.known_of(node, name, FORMATS, self.folder / "files")
        self.assertIsNone(known["complete_until"])
        self.assertEqual(known["writing"], [])
        problems = {}
        for what, (found, gaps) in by_format.items():
            if wrong := frames.account(found, publishes, gaps, most_lost, taken_over):
                problems[what] = wrong, gaps
        self.assertEqual(problems, {}, name)
        ids = {row["file_id"] for row in known["files"]}
        wait_for("the announcement of each file", lambda: ids <= {x["file_id"] for x in self.told.events(100, name)})


if __name__ == "__main__":
    unittest.main()
