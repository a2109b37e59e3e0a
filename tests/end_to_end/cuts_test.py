# SPDX-License-Identifier: MIT
"""Files are cut by length, by the API and by a change of parameters; nothing is lost or doubled (3)."""
import unittest

import clips
import livetape
import packets
import rtmp
from livetape import wait_for


class cuts(livetape.Case):
    def test_lengths_and_cuts_from_the_api_lose_nothing(self):
        receiver = self.receiver()
        formats = {"mp4": {"fragment": "5s"}, "flv": {"fragment": "5s"}, "hls": {"fragment": "10s", "segment": "2s"}}
        uncut = {"mp4": {}, "flv": {}, "hls": {"segment": "2s"}}
        node = self.recorder(receiver, {"formats": formats, "rules": [{"match": "live/by-api", "formats": uncut}]})
        # A key frame each second, and 0.4 s after the last cut: that tail is a file too.
        clip = clips.clip(seconds=15.4, gop=25)
        by_length, by_api = (clips.push(self, clip, node.push_url(name)) for name in ("by-length", "by-api"))
        for count in (1, 2):
            wait_for("some seconds of the stream", lambda: self.longest(node, "by-api") > 2.5 * count, 20)
            status, _, body = node.request("POST", "/api/v1/streams/live/by-api/cut", b"{}",
                                           {"Content-Type": "application/json"})
            self.assertIn(status, (200, 202, 204), body)
            wait_for("the files of the cut", lambda: len(receiver.events(100, "by-api")) == 3 * count)
        clips.finish(self, by_length, by_api)
        wait_for("the files of both", lambda: len(receiver.events(0)) == 2 and len(receiver.events(100, "by-api")) == 9
                 and len(receiver.events(100, "by-length")) == 4 + 4 + 2)

        wire = packets.sent(clip)
        for what, ends in (("mp4", [5, 5, 5, 0.4]), ("flv", [5, 5, 5, 0.4]), ("hls", [10, 5.4])):
            rows = node.files(stream="live/by-length", format=what)
            found = clips.check_files(self, node, wire, rows)
            for row, length in zip(rows, ends, strict=True):
                self.assertAlmostEqual(row["duration"], length, delta=0.1)
            self.assertEqual([row["end_reason"] for row in rows], ["length"] * (len(rows) - 1) + ["publish_ended"])
            self.assertEqual([row["start_reason"] for row in rows], ["publish"] + ["length"] * (len(rows) - 1))
            for each in found:
                self.assertTrue(next(x for x in each if x.kind == "video").key, "a file begins with a key frame")
        for row in node.files(stream="live/by-length", format="hls"):
            segments, _ = packets.playlist(node.download(row, self.folder / "playlists"))
            self.assertTrue(all(1.9 <= x[1] <= 2.1 for x in segments[:-1]), segments)
        for what in formats:
            rows = node.files(stream="live/by-api", format=what)
            clips.check_files(self, node, wire, rows)
            self.assertEqual([row["end_reason"] for row in rows], ["cut", "cut", "publish_ended"])

    def longest(self, node, name):
        """Seconds in the longest open file of the stream."""
        branches = [x for stream in node.streams() if stream["stream"] == name for x in stream["branches"]]
        return max((x["duration"] for x in branches), default=0.0) + sum(x["duration"] for x in node.files(stream=name)) / 3

    def test_a_change_of_resolution_begins_new_files(self):
        receiver = self.receiver()
        node = self.recorder(receiver, {"formats": {"mp4": {}, "flv": {}}})
        both = self.folder / "both.flv"
        first, second = clips.clip(), clips.clip(size="320x180")
        join(both, first, second)
        publisher = rtmp.Publisher(node.address(node.rtmp))
        self.assertEqual(publisher.publish("live", "changing")[0], "NetStream.Publish.Start")
        publisher.send(both, faster=4)
        publisher.close()
        wait_for("four files", lambda: len(receiver.events(100, "changing")) == 4)
        for what in ("mp4", "flv"):
            rows = node.files(stream="live/changing", format=what)
            clips.check_files(self, node, packets.sent(both), rows)
            self.assertEqual([(row["start_reason"], row["end_reason"]) for row in rows],
                             [("publish", "parameters"), ("parameters", "interrupted")])
            widths = [track["width"] for row in rows for track in row["tracks"] if track["kind"] == "video"]
            self.assertEqual(widths, [640, 320])
            for row in rows:
                self.assertEqual(packets.decode_problems(node.download(row, self.folder / "decoded")), "")


def join(target, *paths):
    """One FLV of several, one after the other, each with its own sequence headers."""
    out, shift = bytearray(paths[0].read_bytes()[:13]), 0
    for path in paths:
        last = 0
        for kind, stamp, body in packets.flv_tags(path):
            if kind == 18 and shift:
                continue
            stamp += shift
            head = bytes([kind]) + len(body).to_bytes(3, "big") + (stamp & 0xFFFFFF).to_bytes(3, "big") + bytes([stamp >> 24, 0, 0, 0])
            out += head + body + (11 + len(body)).to_bytes(4, "big")
            last = max(last, stamp)
        shift = last + 40
    target.write_bytes(out)


if __name__ == "__main__":
    unittest.main()
