# SPDX-License-Identifier: MIT
"""The throughput harness works, and what it says of files is true. No figure of speed is judged."""
import json
import pathlib
import subprocess
import unittest

import clips
import livetape
import packets

BENCH = livetape.BINARY.parent / "livetape-bench"


class bench(livetape.Case):
    def run_bench(self, *arguments, status=0):
        out = self.folder / "results.json"
        done = subprocess.run(
            [str(BENCH), "--dir", str(self.folder / "bench"), "--out", str(out), "--clip", str(clips.clip(seconds=4)),
             "--window", "1", "--ramp", "1", *map(str, arguments)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, env=livetape.environment({}))
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.said = done.stdout + done.stderr
        return json.loads(out.read_text()) if out.exists() else None

    def test_what_is_recorded_is_measured_and_whole(self):
        plot = self.folder / "plot.svg"
        result = self.run_bench("record", "--streams", "1,3", "--formats", "mp4+flv+hls", "--plot", plot, "--keep")
        self.assertIn("cores", result["machine"])
        self.assertEqual([x["streams"] for x in result["measurements"]], [1, 3])
        last = result["measurements"][1]
        self.assertTrue(last["whole"])
        self.assertEqual({x["format"]: x["files"] for x in last["files"]}, {"mp4": 3, "flv": 3, "hls": 3})
        self.assertGreater(last["cpu_us"]["all"], 0)
        self.assertGreater(last["rss_mib"]["now"], 1)
        self.assertGreater(last["bytes_per_stream_second"], 1000)
        self.assertEqual(last["publishers"]["failed"], 0)
        self.assertIn("<polyline", plot.read_text())
        # What it counted of its own accord is what ffprobe counts.
        found = sum(len(packets.packets_of(path)) for path in (self.folder / "bench").rglob("*.mp4"))
        self.assertEqual(found, last["publishers"]["frames"])

    def test_what_is_sent_together_is_whole_too(self):
        result = self.run_bench("record", "--streams", 2, "--formats", "mp4", "--together", 100)
        last = result["measurements"][0]
        self.assertTrue(last["whole"])
        self.assertEqual(last["publishers"]["together_ms"], 100)
        self.assertEqual(last["publishers"]["failed"], 0)

    def test_it_pushes_to_any_server_and_comes_back(self):
        node = self.node({"recording": {"formats": {"flv": {}}}})
        result = self.run_bench("push", node.push_url("s-{}"), "--streams", 2, "--seconds", 5, "--interrupt", 2,
                                "--away", 1)
        self.assertEqual(result["failed"], 0)
        self.assertTrue(all(x["publishes"] >= 2 for x in result["publishers"]), result["publishers"])
        self.assertGreater(result["frames"], 100)

    def test_a_server_that_is_not_there_is_told(self):
        self.run_bench("push", "rtmp://127.0.0.1:1/live/s-{}", "--seconds", 2, status=1)
        self.assertIn("s-0: ", self.said)

    def test_announcements_are_waited_for(self):
        result = self.run_bench("latency", "--streams", 3, "--formats", "mp4+hls", "--seconds", 3)
        last = result["measurements"][0]
        self.assertEqual((last["announced"], last["expected"]), (6, 6))
        self.run_bench("latency", "--streams", 1, "--seconds", 50, "--speed", 1000, status=2)
        self.assertIn("no file is longer than 12 h", self.said)

    def test_capacity_ends_with_a_line_to_quote(self):
        result = self.run_bench("capacity", "--most", 2)
        self.assertIn("This machine records", self.said)
        self.assertLessEqual(result["streams"], 2)

    def test_the_table_of_a_comparison_goes_into_the_readme(self):
        cell = {"label": "flv 200", "ratio": 0.25, "ratios": [0.2, 0.25, 0.3], "livetape_us": [250], "nginx_us": [1000]}
        machine = {"processor": "Abacus", "cores": 2, "system": "Debian", "kernel": "6", "files_on": "tmpfs"}
        results = self.folder / "compare.json"
        results.write_text(json.dumps({"cells": [cell], "machine": machine, "time": "2026-11-26T20:00:00Z"}))
        readme = self.folder / "README.md"
        marks = "<!-- bench: made by ./dev bench -->\n", "<!-- bench: end -->\n"
        readme.write_text(f"before\n{marks[0]}old\n{marks[1]}behind\n")
        self.run_bench("readme", results, readme)
        text = readme.read_text()
        self.assertIn("| flv 200 | 250 | 1000 | **0.25** | 0.20, 0.30 |", text)
        self.assertTrue(text.startswith("before\n" + marks[0]) and text.endswith(marks[1] + "behind\n"), text)
        self.assertNotIn("old", text)
        for mark in marks:
            self.assertIn(mark, (livetape.ROOT / "README.md").read_text())

    def test_a_baseline_judges_nothing_of_itself(self):
        cells = json.loads((livetape.ROOT / "benchmarks/baseline.json").read_text())["cells"]
        self.assertEqual([x["label"] for x in cells if "verdict" in x], [])


if __name__ == "__main__":
    unittest.main()
