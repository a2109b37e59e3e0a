# SPDX-License-Identifier: MIT
"""The merge window: a publisher that comes back in time goes on with the same files, the missing time kept."""
import json
import subprocess
import time
import unittest

import clips
import frames
import livetape
import packets
from livetape import sleep_until, to_unix, wait_for

WINDOW = 10
FORMATS = {"mp4": {}, "flv": {}, "hls": {"segment": "2s"}}
FRAME = 0.045  # seconds; a frame of the clips, and the rounding of their stamps


class merging(livetape.Case):
    def setUp(self):
        self.told = self.receiver()

    def recording(self, window=WINDOW):
        return self.recorder_config(self.told, {"formats": FORMATS, "merge_window": f"{window}s"})

    def publish(self, node, name, seconds, clip=None):
        """Publishes for so long; the publish still runs."""
        out = frames.Publish(self, node, name, clip or clips.clip(seconds=12))
        self.assertTrue(out.begun.wait(20))
        self.assertEqual(out.code, "NetStream.Publish.Start", out.broke)
        wait_for("its media", lambda: out.sent and out.sent[-1].stamp >= seconds * 1000)
        return out

    def stream(self, node, name):
        return next((x for x in node.streams() if x["stream"] == name), None)

    def rows(self, node, name, count, is_restarted=False):
        """Rows of each format, once that many files are announced: each once, and no other. Across a restart one may
        come again: its receiver had answered, and the node had ended before it could note that."""
        ids = lambda: [x["file_id"] for x in self.told.events(100, name)]
        wait_for("the announcements", lambda: len(set(ids())) >= count * len(FORMATS), WINDOW + 20)
        rows = node.files(stream=f"live/{name}")
        self.assertEqual(set(ids()), {x["file_id"] for x in rows})
        if not is_restarted:
            self.assertEqual(len(ids()), len(rows), "a file was announced twice")
        out = {what: [row for row in rows if row["format"] == what] for what in FORMATS}
        self.assertEqual({what: len(x) for what, x in out.items()}, dict.fromkeys(FORMATS, count))
        return out

    def check_frames(self, node, name, publishes, **more):
        for what, (found, gaps) in frames.known_of(node, name, FORMATS, self.folder / "files")[1].items():
            self.assertEqual(frames.account(found, publishes, gaps, **more), [], f"{name}: {what}")

    def check_merged(self, node, name, publishes):
        """One file of each format from the first frame to the last, with the hole told as it is."""
        first, last = publishes[0].sent[0], publishes[-1]
        wall = last.sent[0].at - first.at + last.sent[-1].stamp / 1000
        for what, [row] in self.rows(node, name, 1).items():
            with self.subTest(stream=name, format=what):
                self.assertAlmostEqual(row["duration"], wall, delta=0.1 + FRAME)
                self.assertAlmostEqual(to_unix(row["end_time"]) - to_unix(row["start_time"]), row["duration"], delta=0.01)
                found = packets.packets_of(node.download(row, self.folder / "files"))
                times = sorted(x.dts / 1000 for x in found)
                holes = [b - a for a, b in zip(times, times[1:]) if b - a > 0.5]
                gaps = [x for x in row["gaps"] if x["cause"] == "publisher_away"]
                self.assertEqual(len(gaps), len(publishes) - 1)
                self.assertEqual(row["gaps"], gaps)
                for hole, gap in zip(holes, gaps, strict=True):
                    self.assertAlmostEqual(hole, gap["length"], delta=FRAME)
                self.assertAlmostEqual(times[-1] - times[0], row["duration"], delta=2 * FRAME)
                event = next(x for x in self.told.events(100, name) if x["file_id"] == row["file_id"])
                self.assertEqual(len(json.loads(event["callback_ext"])["gaps"]), len(gaps))
                self.assertEqual(row["sequence"], self.told.events(1, name)[-1]["sequence"])
        self.check_frames(node, name, publishes)

    def test_cuts_of_1_5_9_and_11_seconds(self):
        node = self.node(self.recording())
        cuts = {"cut1": 1, "cut5": 5, "cut9": 9, "cut11": 11}
        publishes = {name: [self.publish(node, name, 3)] for name in cuts}
        left = {}
        for place, name in enumerate(cuts):
            # As an encoder that stops, and as one whose connection breaks.
            (publishes[name][0].leave if place % 2 else publishes[name][0].close)()
            left[name] = time.time()
        wait_for("the ends", lambda: all(self.told.events(0, name) for name in cuts))
        self.assertEqual({x["state"] for x in node.streams()}, {"interrupted"})
        self.assertEqual(self.told.events(100), [])
        for name, cut in cuts.items():
            sleep_until(left[name] + cut)  # the cut itself
            publishes[name].append(self.publish(node, name, 1))
            self.assertEqual(self.stream(node, name)["state"], "live")
        for name in cuts:
            wait_for("three seconds of media", lambda: publishes[name][1].sent[-1].stamp >= 3000)
            publishes[name][1].leave()
        for name in ("cut1", "cut5", "cut9"):
            self.check_merged(node, name, publishes[name])
        for what, rows in self.rows(node, "cut11", 2).items():
            self.assertEqual([row["gaps"] for row in rows], [[], []], what)
            self.assertAlmostEqual(rows[0]["duration"], publishes["cut11"][0].sent[-1].stamp / 1000, delta=0.2)
        self.check_frames(node, "cut11", publishes["cut11"])
        for name in cuts:
            self.assertEqual([x["event_type"] for x in self.told.events(None, name) if x["event_type"] < 100], [1, 0, 1, 0])

    def test_a_node_that_is_killed_inside_the_window(self):
        node = self.node(self.recording())
        first = self.publish(node, "a", 3)
        first.close()
        began = time.time()
        wait_for("the end", lambda: self.told.events(0, "a"))
        sleep_until(began + 5)  # well inside
        node.kill()
        node.start()
        sleep_until(began + 11)
        second = self.publish(node, "a", 2)
        second.leave()
        rows = self.rows(node, "a", 2, is_restarted=True)
        self.assertEqual({x[0]["end_reason"] for x in rows.values()}, {"recovered"})
        self.check_frames(node, "a", [first, second], most_lost=1.0)

    def test_who_takes_over_goes_on_with_the_same_files(self):
        node = self.node(self.recording(3))
        publishes = [self.publish(node, "a", 2)]
        for _ in range(2):
            publishes.append(self.publish(node, "a", 2))
        publishes[-1].leave()
        rows = self.rows(node, "a", 1)
        self.check_frames(node, "a", publishes, taken_over=True)
        for [row] in rows.values():
            self.assertEqual({x["cause"] for x in row["gaps"]} - {"publisher_away"}, set())

    def test_other_parameters_end_an_mp4_and_are_a_discontinuity_in_hls(self):
        node = self.node(self.recording(3))
        first = self.publish(node, "a", 3)
        first.close()
        second = self.publish(node, "a", 3, clips.clip(seconds=12, size="192x144"))
        second.leave()
        wait_for("the announcements", lambda: len(self.told.events(100, "a")) == 5, WINDOW + 20)
        rows = node.files(stream="live/a")
        self.assertEqual(sorted(x["format"] for x in rows), ["flv", "flv", "hls", "mp4", "mp4"])
        for what in ("mp4", "flv"):
            one, two = [x for x in rows if x["format"] == what]
            self.assertEqual((one["end_reason"], two["start_reason"]), ("parameters", "parameters"))
        self.check_frames(node, "a", [first, second])
        playlist = node.download(next(x for x in rows if x["format"] == "hls"), self.folder / "files")
        self.assertEqual([broken for _, _, broken in packets.playlist(playlist)[0]].count(True), 1)
        # ffmpeg follows it: as many pictures as there are in both.
        shown = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-select_streams", "v", "-show_entries",
                                "stream=nb_read_packets", "-of", "csv=p=0", str(playlist)], capture_output=True, text=True, timeout=60)
        sent = sum(x.kind == "video" for publish in (first, second) for x in publish.sent)
        self.assertAlmostEqual(int(shown.stdout.split()[0]), sent, delta=2)

    def test_a_drop_and_the_end_of_the_server_do_not_wait(self):
        node = self.node(self.recording())
        dropped = self.publish(node, "dropped", 2)
        self.assertEqual(node.request("POST", "/api/v1/streams/live/dropped/drop")[0], 204)
        self.rows(node, "dropped", 1)
        away = self.publish(node, "away", 2)
        away.close()
        wait_for("the end", lambda: self.told.events(0, "away"))
        wait_for("the interruption", lambda: (self.stream(node, "away") or {}).get("state") == "interrupted")
        began = time.monotonic()
        self.assertEqual(node.request("POST", "/api/v1/streams/live/away/drop")[0], 204)
        self.rows(node, "away", 1)
        self.assertLess(time.monotonic() - began, WINDOW / 2)
        stopped = self.publish(node, "stopped", 2)
        stopped.close()
        wait_for("the end", lambda: self.told.events(0, "stopped"))
        self.assertEqual(node.stop(), 0)
        self.rows_of_stopped(node, dropped, stopped)

    def rows_of_stopped(self, node, dropped, stopped):
        node.start()
        self.rows(node, "stopped", 1, is_restarted=True)
        self.check_frames(node, "stopped", [stopped])
        self.assertEqual({x["end_reason"] for x in node.files(stream="live/dropped")}, {"interrupted"})


if __name__ == "__main__":
    unittest.main()
