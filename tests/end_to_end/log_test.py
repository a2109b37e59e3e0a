# SPDX-License-Identifier: MIT
"""The log tells a stranger who pushed, what was kept, why it was cut and whether it was told (14)."""
import json
import re
import unittest

import clips
import livetape
import rtmp
from livetape import wait_for


def about(log, subject):
    """(level, text) of the text lines that begin with the subject, after time and level."""
    found = []
    for line in log.splitlines():
        match = re.match(r"^(?:\S+[ T][\d:.]+\S*\s+)?\[?(?P<level>debug|info|warning|error)\]?:?\s+(?P<text>.*)$", line)
        if match and re.match(re.escape(subject) + r"(\s|:)", match["text"]):
            found.append((match["level"], match["text"]))
    return found


class the_log(livetape.Case):
    def test_one_publish_leaves_five_lines(self):
        receiver = self.receiver()
        node = self.recorder(receiver, {"formats": {"mp4": {}}})
        clips.finish(self, clips.push(self, clips.clip(), node.push_url("log")))
        row = wait_for("the file", lambda: node.files())[0]
        wait_for("its announcement", lambda: receiver.events(100))
        wait_for("five lines", lambda: len([x for x in about(node.log(), "live/log") if x[0] == "info"]) >= 5, 5)
        lines = about(node.log(), "live/log")
        self.assertEqual([level for level, _ in lines], ["info"] * 5, lines)
        for word in ("published", "recording", "file closed", "announced", "ended: "):
            self.assertEqual(len([1 for _, text in lines if word in text]), 1, f"{word}: {lines}")
        told = {word: next(text for _, text in lines if word in text) for word in ("published", "file closed", "announced", "ended: ")}
        self.assertIn("127.0.0.1", told["published"])
        self.assertIn("640x360", told["published"])
        self.assertIn(row["file_id"], told["file closed"])
        self.assertIn("publish_ended", told["file closed"])
        self.assertIn(row["file_id"], told["announced"])
        self.assertIn("app", told["announced"])
        self.assertTrue(all(row["sequence"] in text or row["file_id"] in text for _, text in lines), lines)

    def test_a_refused_push_is_explained_in_one_line(self):
        node = self.node({"ingest": {"push_key": "push-key"}})
        publisher = rtmp.Publisher(node.address(node.rtmp))
        publisher.publish("live", "refused")
        publisher.close()
        lines = wait_for("the line", lambda: about(node.log(), "live/refused"))
        self.assertEqual(len(lines), 1)
        self.assertIn("refused", lines[0][1])
        self.assertRegex(lines[0][1], "txSecret|txTime|signed|signature")

    def test_json_lines_are_json(self):
        node = self.node({"log": {"format": "json"}, "recording": {"formats": {"mp4": {}}}})
        clips.finish(self, clips.push(self, clips.clip(), node.push_url("log"), seconds=2))
        wait_for("the file", lambda: node.files())
        lines = [json.loads(line) for line in node.log().splitlines()]
        self.assertTrue(any("live/log" in map(str, line.values()) for line in lines), lines)


if __name__ == "__main__":
    unittest.main()
