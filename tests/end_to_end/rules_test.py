# SPDX-License-Identifier: MIT
"""Who gets what is decided by rules, and by which branches it is written by the configuration (5)."""
import json
import unittest

import clips
import livetape
import packets
from livetape import wait_for


class rules(livetape.Case):
    def test_each_of_three_publishers_gets_what_its_rule_says(self):
        receiver = self.receiver()
        node = self.recorder(receiver, {"formats": {"mp4": {}}, "rules": [
            {"match": "live/court-*", "formats": {"flv": {"fragment": "2s"}, "hls": {"segment": "2s"}}},
            {"match": "*/silent", "enabled": False},
            {"match": "live/court-9", "formats": {"mp4": {}}}]})
        clip = clips.clip(seconds=4.4)
        pushes = [clips.push(self, clip, node.push_url(name)) for name in ("court-9", "silent", "other")]
        live = {}
        wait_for("three live streams", lambda: live.update(
            {x["stream"]: x["policy"]["set_by"] for x in node.streams()}) or len(live) == 3)
        self.assertEqual(live, {"court-9": "rule 1", "silent": "rule 2", "other": "recording"})
        clips.finish(self, *pushes)
        wait_for("three ends", lambda: len(receiver.events(0)) == 3)
        wait_for("the files", lambda: len(receiver.events(100)) == 5)
        self.assertEqual([row["format"] for row in node.files(stream="live/other")], ["mp4"])
        self.assertEqual(sorted(row["format"] for row in node.files(stream="live/court-9")), ["flv", "flv", "flv", "hls"])
        self.assertEqual(node.files(stream="live/silent"), [])
        for name, what in (("court-9", "flv"), ("court-9", "hls"), ("other", "mp4")):
            clips.check_files(self, node, packets.sent(clip), node.files(stream=name, format=what))

    def test_check_says_what_would_be_recorded_and_by_which_rule(self):
        path = self.folder / "node.json"
        path.write_text(json.dumps({"recording": {"rules": [{"match": "live/court-*", "formats": {"flv": {"fragment": "2h"}}}]}}))
        done = livetape.run("check", str(path), "--stream", "live/court-3", folder=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("rule 1", done.stdout)
        self.assertIn("flv", done.stdout)
        self.assertNotIn("mp4", done.stdout.split("live/court-3")[-1])
        done = livetape.run("check", str(path), "--stream", "live/berlin/court-3", folder=self.folder)
        self.assertIn("live~berlin/court-3: recorded", done.stdout)
        self.assertNotIn("rule 1", done.stdout.split("live~berlin")[-1])
        self.assertEqual(livetape.run("check", str(path), "--stream", "live/..", folder=self.folder).returncode, 2)


if __name__ == "__main__":
    unittest.main()
