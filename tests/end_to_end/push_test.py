# SPDX-License-Identifier: MIT
"""A push becomes one whole file per format, listed and announced (what must be shown: 1 and 4)."""
import json
import re
import statistics
import unittest

import clips
import livetape
import packets
from livetape import to_unix, wait_for

FORMATS = {"mp4": "f0.mp4", "flv": "f0.flv", "hls": "playlist.m3u8"}
SEED = ("channel_id", "end_time", "event_type", "file_format", "file_id", "file_size", "sign", "start_time",
        "stream_id", "t", "video_id", "video_url")


class pushes(livetape.Case):
    def test_what_ffmpeg_pushes_is_kept_whole(self):
        receiver = self.receiver()
        node = self.recorder(receiver)
        sorts = {"b-frames": clips.clip(bframes=2), "audio-only": clips.clip(video=False),
                 "video-only": clips.clip(audio=False), "late-audio": clips.clip(late=0.7),
                 "mono": clips.clip(rate=48000, channels=1)}
        whole = clips.clip(seconds=20)
        main = clips.push(self, whole, node.push_url("a"))
        others = [clips.push(self, path, node.push_url(name)) for name, path in sorts.items()]
        short = clips.push(self, clips.clip(), node.push_url("short"), seconds=0.5)

        clips.finish(self, *others, short)
        for name, path in sorts.items():
            with self.subTest(name):
                self.kept(node, receiver, name, packets.sent(path))
        with self.subTest("a push of half a second"):
            wait_for("its end", lambda: receiver.events(0, "short"))
            self.assertEqual(node.files(stream="live/short"), [])

        clips.finish(self, main)
        for row in self.kept(node, receiver, "a", packets.sent(whole)):
            self.assertAlmostEqual(to_unix(row["end_time"]), main.ended, delta=0.5)
            self.assertAlmostEqual(to_unix(row["end_time"]) - to_unix(row["start_time"]), row["duration"], delta=0.1)
            self.named_as_documented(node, row)
            self.announced_as_documented(receiver, row)
        self.told_start_and_end(receiver)
        # Listed is what was announced, because the rows come first. A disk that is busy otherwise may delay one.
        after = [max(when for when, _, body in receiver.attempts if (body["event_type"], body["stream_id"]) == (100, name))
                 - pushed.ended for name, pushed in (("a", main), *zip(sorts, others))]
        self.assertLess(statistics.median(after), 1.0, f"seconds from the end to the third announcement: {after}")
        self.assertLess(max(after), 10)
        self.assertEqual(receiver.events(100, "short"), [], "a push under the minimum was announced")

    def kept(self, node, receiver, stream, wire):
        wait_for(f"the files of {stream}", lambda: len(receiver.events(100, stream)) >= 3)
        rows = node.files(stream=f"live/{stream}")
        self.assertEqual(sorted(row["format"] for row in rows), ["flv", "hls", "mp4"])
        for row in rows:
            clips.check_files(self, node, wire, [row])
            path = node.download(row, self.folder / "decoded")
            self.assertEqual(packets.decode_problems(path), "", row["url"])
            self.assertEqual((row["start_reason"], row["end_reason"], row["state"]), ("publish", "publish_ended", "stored"))
            self.assertEqual(sorted(track["kind"] for track in row["tracks"]), sorted({x.kind for x in wire}))
        return rows

    def named_as_documented(self, node, row):
        when = r"\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d"
        self.assertRegex(row["name"], f"^a_{when}_{when}$")
        end = {"mp4": r"\.mp4", "flv": r"\.flv", "hls": ""}[row["format"]]
        self.assertRegex(row["object"], rf"^live/a/\d{{4}}-\d\d-\d\d/a_{when}_{row['file_id']}{end}$")
        self.assertEqual(row["url"], f"{node.http}/vod/live/a/{row['file_id']}/{FORMATS[row['format']]}")
        self.assertRegex(row["video_id"], r"^1000000001_[0-9a-f]{32}$")
        stored = node.data / "store" / row["object"]
        if row["format"] == "hls":
            self.assertTrue((stored / "playlist.m3u8").is_file() and (stored / "seg-000001.ts").is_file())
        else:
            self.assertEqual(stored.stat().st_size, row["size"])
        sidecars = [path for path in stored.parent.glob(f"*{row['file_id']}*.json")]
        self.assertEqual(len(sidecars), 1, "one sidecar beside each object")
        self.assertEqual(json.loads(sidecars[0].read_text())["file_id"], row["file_id"])
        if row["format"] == "flv":
            metadata = next(body for kind, _, body in packets.flv_tags(stored) if kind == 18)
            self.assertIn(b"keyframes", metadata)

    def announced_as_documented(self, receiver, row):
        bodies = [body for body in receiver.events(100, "a") if body["file_id"] == row["file_id"]]
        self.assertEqual(len(bodies), 1, "announced once")
        body = bodies[0]
        self.assertEqual([field for field in SEED if field not in body], [])
        self.assertEqual((body["channel_id"], body["video_id"], body["video_url"], body["file_format"], body["file_size"]),
                         ("a", row["video_id"], row["url"], row["format"], row["size"]))
        self.assertEqual((body["start_time"], body["end_time"]), (int(to_unix(row["start_time"])), int(to_unix(row["end_time"]))))
        self.assertAlmostEqual(body["duration"], row["duration"], delta=1)
        self.assertEqual(body["sequence"], row["sequence"])

    def told_start_and_end(self, receiver):
        started, ended = receiver.events(1, "a"), receiver.events(0, "a")
        self.assertEqual((len(started), len(ended)), (1, 1))
        self.assertEqual(started[0]["sequence"], ended[0]["sequence"])
        self.assertEqual((started[0]["width"], started[0]["height"]), (640, 360))
        self.assertTrue(re.fullmatch(r"\d+", ended[0]["push_duration"]), "milliseconds as a string")
        self.assertAlmostEqual(int(ended[0]["push_duration"]), 20000, delta=100)
        self.assertIn(ended[0]["errcode"], (1, 2, 3))


if __name__ == "__main__":
    unittest.main()
