# SPDX-License-Identifier: MIT
"""No silent loss: each frame that the node took is once in a file or in a gap, whenever the node is killed."""
import os
import random
import time
import unittest

import clips
import frames
import livetape
import packets
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
        node = self.node(self.recorder_config(self.told, {"formats": FORMATS}))
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

    def check(self, node, name, publishes):
        """Every frame of the publishes is in the account of the stream, and every file was announced."""
        wait_for("that nothing is left to recover", lambda: not list((node.data / "spool").glob("*")), 30)
        known = node.get(f"/api/v1/timeline?stream=live/{name}")
        self.assertIsNone(known["complete_until"])
        self.assertEqual(known["writing"], [])
        problems = {}
        for what in FORMATS:
            rows = [row for row in known["files"] if row["format"] == what]
            found = [(row, packets.packets_of(node.download(row, self.folder / "files"))) for row in rows]
            gaps = [gap for gap in known["gaps"] if gap.get("branch", what) == what]
            if wrong := frames.account(found, publishes, gaps, MOST_LOST):
                problems[what] = wrong, gaps
        self.assertEqual(problems, {}, name)
        ids = {row["file_id"] for row in known["files"]}
        wait_for("the announcement of each file", lambda: ids <= {x["file_id"] for x in self.told.events(100, name)})


if __name__ == "__main__":
    unittest.main()
