# SPDX-License-Identifier: MIT
"""The index lost: deleted, torn, overwritten, rebuilt by hand and copied; the same files, hashes and gaps again."""
import hashlib
import json
import os
import random
import shutil
import sqlite3
import time
import unittest

import account_test
import clips
import frames
import livetape
import packets
import rtmp
from livetape import run, sleep_until, wait_for

FILES = int(os.environ.get("LIVETAPE_FILES", "0")) or 1000
SEED = int(os.environ.get("LIVETAPE_SEED", "0")) or 7


class index_away(livetape.Case):
    """Somebody else holds the lock of the database. Nothing but the list and the callbacks wait for it."""
    check = account_test.accounts.check

    def test_while_publishes_begin_and_end(self):
        self.told = told = self.receiver()
        node = self.node(self.recorder_config(told, {"formats": account_test.FORMATS, "minimum_duration": "0s"}))
        publishes = {"a": frames.Publish(self, node, "a", clips.clip(seconds=12))}
        wait_for("its media", lambda: publishes["a"].sent and publishes["a"].sent[-1].stamp > 1500)
        wait_for("its announcement", lambda: told.events(1, "a"))
        lock = sqlite3.connect(node.data / "index.db", isolation_level=None)
        lock.execute("begin immediate")
        began = time.time()
        publishes["a"].leave()
        publishes["b"] = frames.Publish(self, node, "b", clips.clip(seconds=12))
        self.assertTrue(publishes["b"].begun.wait(20))
        self.assertEqual(publishes["b"].code, "NetStream.Publish.Start")
        wait_for("its media", lambda: publishes["b"].sent[-1].stamp > 4000)
        publishes["b"].leave()
        sleep_until(began + 12)  # longer than the index waits for a lock, twice
        self.assertEqual([(x["event_type"], x["stream_id"]) for x in told.events()], [(1, "a")])
        self.assertEqual(node.request("GET", "/readyz")[0], 200)
        lock.execute("rollback")
        lock.close()
        for name, publish in publishes.items():
            wait_for("the end of the publish", lambda: told.events(0, name), 30)
            self.check(node, name, [publish], most_lost=0)
        ids = [x["event_id"] for x in told.events()]
        self.assertEqual(len(set(ids)), len(ids), "an event came twice")
        self.assertEqual([x["event_type"] for x in told.events() if x["event_type"] < 2 and x["stream_id"] == "b"], [1, 0])


class lost_index(livetape.Case):
    def account(self, node):
        """Everything that the API tells of files and gaps."""
        rows, query = [], "page_size=100&sort=start_time"
        page = node.get(f"/api/v1/files?{query}")
        while True:
            rows += page["items"]
            if not page["next"]:
                break
            page = node.get(f"/api/v1/files?{query}&cursor={page['next']}")
        streams = sorted({(row["app"], row["stream"]) for row in rows})
        gaps = {name: node.get(f"/api/v1/timeline?stream={'/'.join(name)}")["gaps"] for name in streams}
        return rows, gaps

    def filled(self, node):
        """Two real publishes in all formats, and many more files."""
        clip = clips.clip(seconds=4)
        for name in ("a", "b"):
            pushed = clips.push(self, clip, node.push_url(name))
            clips.finish(self, pushed)
        wait_for("their files", lambda: len(node.files()) == 6)
        wait_for("their hashes", lambda: all(row["sha256"] for row in node.files()), 20)
        # And that nothing is left to be announced, nor to be noted as announced.
        wait_for("their announcements", lambda: node.get("/api/v1/events?state=waiting")["total"] == 0, 20)
        self.multiply(node)

    def multiply(self, node):
        """More files of one stream: copies of an MP4 with sidecars of their own, as many days as it takes."""
        row = next(x for x in node.files(stream="live/a") if x["format"] == "mp4")
        source = node.data / "store" / row["object"]
        sidecar = json.loads(source.with_suffix(".json").read_text())
        first = int(row["file_id"])
        for number in range(1, FILES - 5):
            day = f"2025-{number % 12 + 1:02}-{number % 28 + 1:02}"
            more = first + number
            name = f"a_{day}-10-{number % 60:02}-{number // 60 % 60:02}_{more}"
            start = f"{day}T10:{number % 60:02}:{number // 60 % 60:02}"
            folder = source.parents[1] / day
            folder.mkdir(exist_ok=True)
            os.link(source, folder / f"{name}.mp4")
            gaps = [{"start": f"{start}.500000Z", "length": 0.25, "cause": "buffer_full", "branch": "mp4"}] if number % 10 == 0 else []
            (folder / f"{name}.json").write_text(json.dumps({
                **sidecar, "file_id": str(more), "name": name, "start_time": f"{start}.000000Z", "end_time": f"{start}.900000Z",
                "gaps": gaps, "object": f"live/a/{day}/{name}.mp4"}))

    def test_of_a_thousand_files(self):
        told = self.receiver()
        node = self.node(self.recorder_config(told, {"formats": {"mp4": {}, "flv": {}, "hls": {"segment": "2s"}}}))
        self.filled(node)
        node.stop()
        self.rebuild(node)
        node.start()
        before = self.account(node)
        self.assertEqual(len(before[0]), FILES)
        self.assertTrue(all(row["sha256"] for row in before[0]))
        self.assertGreater(len(before[1]["live", "a"]), FILES / 12)
        self.check_hashes(node, before[0][-6:])
        announced = len(told.events(100))
        damage = {"deleted": lambda path: path.unlink(), "emptied": lambda path: os.truncate(path, 0),
                  "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
                  "noise": self.overwrite, "noise in the middle": self.scratch}
        for name, do in damage.items():
            with self.subTest(name):
                node.stop()
                do(node.data / "index.db")
                node.start()
                self.assertEqual(self.account(node), before)
        self.assertEqual(len(told.events(100)), announced, "something was announced again")
        # It goes on as if nothing had been.
        pushed = clips.push(self, clips.clip(seconds=4), node.push_url("c"))
        clips.finish(self, pushed)
        wait_for("new files", lambda: len(node.files(stream="live/c")) == 3)
        wait_for("their events", lambda: len(told.events(100)) == announced + 3)

    def rebuild(self, node):
        done = run("index", "rebuild", "--config", str(node.config_file), folder=node.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{FILES} files, 0 of them without a sidecar", done.stdout)

    def overwrite(self, path):
        path.write_bytes(random.Random(SEED).randbytes(path.stat().st_size))

    def scratch(self, path):
        data = bytearray(path.read_bytes())
        at = len(data) // 3
        data[at:at + 40_000] = random.Random(SEED).randbytes(40_000)
        path.write_bytes(data)

    def check_hashes(self, node, rows):
        """As the README says: of a file its bytes, of a playlist a line for each segment."""
        for row in rows:
            path = node.download(row, self.folder / "files")
            if row["format"] == "hls":
                lines = [f"{x.name} {x.stat().st_size} {hashlib.sha256(x.read_bytes()).hexdigest()}\n"
                         for x in sorted(path.parent.iterdir()) if x.suffix != ".m3u8"]
                data = "".join(lines).encode()
            else:
                data = path.read_bytes()
            self.assertEqual(row["sha256"], hashlib.sha256(data).hexdigest(), row["format"])

    def test_a_copy_of_one_that_runs_is_whole(self):
        told = self.receiver()
        node = self.recorder(told)
        publisher = rtmp.Publisher(node.address(node.rtmp))
        self.assertEqual(publisher.publish("live", "a")[0], "NetStream.Publish.Start")
        for number in range(2):
            clips.finish(self, clips.push(self, clips.clip(seconds=4), node.push_url(f"b{number}")))
        wait_for("files", lambda: len(node.files()) == 6)
        copy = self.folder / "copy.db"
        done = run("backup", str(copy), "--config", str(node.config_file), folder=node.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        with sqlite3.connect(copy) as on:
            self.assertEqual(on.execute("pragma integrity_check").fetchone(), ("ok",))
            self.assertEqual(on.execute("select count(*) from files").fetchone(), (6,))
        refused = run("index", "rebuild", "--config", str(node.config_file), folder=node.folder)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("another", refused.stderr)
        publisher.close()
        node.stop()
        # Put in the place of the one that was, with what has come since added by hand.
        for each in ("index.db-wal", "index.db-shm"):
            (node.data / each).unlink(missing_ok=True)
        shutil.copy(copy, node.data / "index.db")
        node.start()
        self.assertEqual(len(node.files()), 6)

    def test_a_file_without_its_sidecar_is_measured(self):
        told = self.receiver()
        node = self.recorder(told)
        clips.finish(self, clips.push(self, clips.clip(seconds=4), node.push_url("a")))
        wait_for("files", lambda: len(node.files()) == 3)
        before = {row["format"]: row for row in node.files()}
        node.stop()
        for each in (node.data / "store").rglob("*.json"):
            each.unlink()
        (node.data / "index.db").unlink()
        node.start()
        after = {row["format"]: row for row in node.files()}
        self.assertEqual(set(after), set(before))
        for what, row in after.items():
            for key in ("file_id", "app", "stream", "size", "object"):
                self.assertEqual(row[key], before[what][key], (what, key))
            self.assertAlmostEqual(row["duration"], before[what]["duration"], delta=0.001)
            self.assertEqual(row["end_reason"], "recovered")
            self.assertTrue(packets.packets_of(node.download(row, self.folder / "files")))


if __name__ == "__main__":
    unittest.main()
