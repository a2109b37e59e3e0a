# SPDX-License-Identifier: MIT
"""An orderly end keeps everything (11), few descriptors harm no recording (12), the demo shows itself."""
import pathlib
import re
import socket
import time
import unittest

import clips
import livetape
import packets
from livetape import wait_for


class endings(livetape.Case):
    def test_sigterm_closes_lists_and_announces_every_file(self):
        receiver = self.receiver()
        node = self.recorder(receiver)
        clip = clips.clip(seconds=30, gop=50)  # longer than the test takes: the node ends it
        pushes = [clips.push(self, clip, node.push_url(f"s{x}")) for x in range(3)]
        wait_for("three streams", lambda: len(node.streams()) == 3)
        wait_for("some seconds of each", lambda: sum(
            bool(x["branches"]) and all(b["duration"] > 2 for b in x["branches"]) for x in node.streams()) == 3)
        began = time.monotonic()
        self.assertEqual(node.stop(limit=10), 0)
        self.assertLess(time.monotonic() - began, 10)
        for each in pushes:
            each.kill()
        node.start()
        # A delivery that was under way at the end may come again.
        wait_for("nine announcements", lambda: len({x["event_id"] for x in receiver.events(100)}) == 9)
        rows = node.files()
        self.assertEqual(len(rows), 9)
        for row in rows:
            clips.check_files(self, node, packets.sent(clip), [row], prefix=True)
            self.assertEqual(row["end_reason"], "shutdown")
            if row["format"] == "mp4":
                self.assertNotIn("moof", packets.boxes(node.download(row, self.folder / "boxes")))
        self.assertEqual(len({x["event_id"] for x in receiver.events(0)}), 3)

    def test_sigterm_with_nothing_to_do_ends_at_once(self):
        self.assertEqual(self.node().stop(limit=9), 0)


class descriptors(livetape.Case):
    def test_too_few_of_them_refuse_newcomers_and_harm_no_recording(self):
        receiver = self.receiver()
        node = self.make_node(self.recorder_config(receiver), hard_limit=256).start()
        clip = clips.clip(seconds=6)
        running = clips.push(self, clip, node.push_url("few"))
        wait_for("the stream", lambda: node.streams())
        crowd = []
        for _ in range(300):
            crowd.append(socket.socket())
            crowd[-1].settimeout(1)
            try:
                crowd[-1].connect(node.address(node.rtmp))
            except OSError:
                pass
        clips.finish(self, running)
        for each in crowd:
            each.close()
        wait_for("three files", lambda: len(receiver.events(100, "few")) == 3, 15)
        for row in node.files(stream="live/few"):
            clips.check_files(self, node, packets.sent(clip), [row])
        self.assertRegex("\n".join(node.output), r"open files: 256, enough for \d+ streams")

    def test_the_soft_limit_is_raised(self):
        node = self.node()
        limits = pathlib.Path(f"/proc/{node.process.pid}/limits").read_text()
        soft, hard = re.search(r"Max open files\s+(\d+)\s+(\d+)", limits).groups()
        self.assertEqual(soft, hard)


class demo(livetape.Case):
    def test_the_demo_records_a_test_picture_and_shows_what_it_does(self):
        node = self.node({"ingest": {"push_key": "push-key"}}, arguments=["--demo"])
        wait_for("two files of each format", lambda: len(node.files(stream="demo/bars")) == 4, 40)
        rows = node.files(stream="demo/bars")
        for what in ("mp4", "hls"):
            of_format = [row for row in rows if row["format"] == what]
            self.assertEqual([row["end_reason"] for row in of_format], ["cut", "publish_ended"])
            self.assertAlmostEqual(sum(row["duration"] for row in of_format), 20, delta=0.5)
            for row in of_format:
                path = node.download(row, self.folder / "demo")
                self.assertEqual(packets.decode_problems(path), "")
                self.assertEqual({x.kind for x in packets.packets_of(path)}, {"video", "audio"})
        wait_for("its words", lambda: all(row["url"] in "\n".join(node.output) + node.log() for row in rows))


if __name__ == "__main__":
    unittest.main()
