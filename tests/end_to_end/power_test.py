# SPDX-License-Identifier: MIT
"""Power cuts: what was on the disk at a random instant is enough to keep every promise.

Four streams publish numbered frames while the disk of the node is copied at random instants (disks.py says what a
copy holds). Afterwards each copy is mounted, the node started on it, and what it recovers held against what had been
sent and acknowledged up to the instant."""
import os
import random
import time
import types
import unittest
from datetime import datetime, timezone

import clips
import disks
import frames
import livetape
import packets
from livetape import sleep_until, wait_for

# The long form tries other moments each time.
SEED = int(os.environ.get("LIVETAPE_SEED", "0"))
SEED = SEED or (random.SystemRandom().randrange(1, 1 << 30) if livetape.LONG else 5)
ROUNDS = int(os.environ.get("LIVETAPE_ROUNDS", "0")) or (10 if livetape.LONG else 1)
CUTS = 5  # of one running node
FORMATS = {"mp4": {"fragment": "6s"}, "flv": {"fragment": "5s"}, "hls": {"fragment": "7d", "segment": "2s"}}
MOST_LOST = 2.0  # seconds at the end
UNKNOWN = 1.0  # seconds before the cut in which what begins need not be known afterwards, unless it was told


@disks.skip_without_loops
class power_cuts(livetape.Case):
    def setUp(self):
        print(f"LIVETAPE_SEED={SEED}", flush=True)
        self.random = random.Random(f"{SEED} {self.id()}")
        self.lost = []

    def test_of_a_disk_that_keeps_what_it_took(self):
        self.rounds(has_cache=False)

    def test_of_a_disk_that_loses_what_it_was_not_told_to_flush(self):
        self.rounds(has_cache=True)

    def rounds(self, has_cache):
        for number in range(ROUNDS):
            self.round(number, has_cache)
        self.lost.sort()
        middle, most = self.lost[len(self.lost) // 2], self.lost[-1]
        print(f"lost at the end: {middle:.2f} s (median), {most:.2f} s at most, {len(self.lost)} times", flush=True)

    def round(self, number, has_cache):
        folder = self.folder / f"round{number}"
        folder.mkdir()
        disk = disks.Disk(self, folder, has_cache)
        told = self.receiver()
        node = self.make_node(self.config(disk, told), name=f"running{number}").start()
        kinds = [(clips.clip(seconds=12), True), (clips.clip(seconds=12, gop=250), True),
                 (clips.clip(seconds=12), False), (clips.clip(seconds=12, bframes=2), True)]
        streams = {f"p{place}": [frames.Publish(self, node, f"p{place}", *kind)] for place, kind in enumerate(kinds)}
        self.live(streams)
        began, cuts = time.time(), []
        for place in range(CUTS):
            # Before the last there is nothing for a while that is brought to the disk for its own sake.
            moment = 8.3 + self.random.random() if place + 1 == CUTS else (place + self.random.random()) * 1.2
            sleep_until(began + moment)  # the random moment itself
            if place in (1, 2, 3):  # ends and begins are cut too
                streams[f"p{place}"][-1].leave()
                streams[f"p{place}"].append(frames.Publish(self, node, f"p{place}", *kinds[place]))
                self.live(streams)
                sleep_until(time.time() + self.random.random() / 5)
            cuts.append(self.cut(disk, node, told, streams))
        node.kill()
        for publish in sum(streams.values(), []):
            publish.close()
        wait_for("that all it had sent is received", told.is_idle)
        disk.leave()
        for place, cut in enumerate(cuts):
            with self.subTest(round=number, cut=place, after=round(cut.began - began, 3)), disk.mounted(cut.copy):
                self.check(disk, cut, told, f"{number}-{place}")

    def config(self, disk, told):
        # However short a rest is: what is under the minimum duration is a gap of its own, and nothing is "kept".
        formats = {"formats": FORMATS, "minimum_duration": "0s"}
        return self.recorder_config(told, formats, node={"data_dir": str(disk.top / "data")})

    def live(self, streams):
        for publishes in streams.values():
            self.assertTrue(publishes[-1].begun.wait(20))
            self.assertEqual(publishes[-1].code, "NetStream.Publish.Start", publishes[-1].broke)

    def cut(self, disk, node, told, streams):
        """The copy, with all that others had seen when it was made."""
        rows = node.files()
        acknowledged = told.events()
        copy, began, ended = disk.cut()
        # At most these may be noted as delivered in the copy.
        delivered = [x for when, status, x in list(told.attempts) if status == 200 and when <= ended]
        sent = {name: [types.SimpleNamespace(sent=list(x.sent)) for x in each] for name, each in streams.items()}
        return types.SimpleNamespace(copy=copy, began=began, ended=ended, rows=rows, sent=sent, delivered=delivered,
                                     acknowledged=acknowledged)

    def check(self, disk, cut, told, name):
        again = self.receiver()
        node = self.make_node(self.config(disk, again), name=f"after{name}")
        node.data = disk.top / "data"
        try:
            node.start()
            self.look(node, cut, told, again)
            self.end(node)
        finally:  # or the disk could not be left
            if node.running():
                node.kill()

    def look(self, node, cut, told, again):
        wait_for("that nothing is left to recover", lambda: not list((node.data / "spool").glob("*")), 30)
        rows = {row["file_id"]: row for row in node.files()}
        for row in cut.rows:
            # The hash comes whenever it does.
            now = rows.get(row["file_id"], {})
            self.assertEqual({**now, "sha256": row["sha256"]}, row, "listed before the cut, but not so behind it")
        for event in cut.acknowledged:
            if event["event_type"] == 100:
                self.assertIn(event["file_id"], rows, "announced before the cut, but not listed behind it")
        for stream, publishes in cut.sent.items():
            self.account(node, cut, stream, publishes)
        self.announcements(cut, told, again, rows)
        for row in [row for row in rows.values() if row["stream"] == "p3" and row["end_reason"] == "recovered"]:
            path = node.download(row, self.folder / "decoded")
            self.assertEqual(packets.decode_problems(path), "", row["url"])

    def account(self, node, cut, stream, publishes):
        known, by_format = frames.known_of(node, stream, FORMATS, self.folder / "files")
        self.assertIsNone(known["complete_until"])
        self.assertEqual(known["writing"], [])
        problems = {}
        for what, (found, gaps) in by_format.items():
            if wrong := frames.account(found, publishes, gaps + self.grace(cut, stream), MOST_LOST):
                rows = [(x["file_id"], x["start_time"], x["duration"], x["end_reason"]) for x, _ in found]
                problems[what] = wrong, gaps, rows
            self.note_loss(found, publishes[-1])
        self.assertEqual(problems, {}, f"{stream}, cut between {cut.began} and {cut.ended}")

    def grace(self, cut, stream):
        """A publish that began right before the cut may have left nothing at all, unless it had been announced."""
        told = [x for x in cut.acknowledged if x["event_type"] == 1 and x["stream_id"] == stream]
        began = cut.sent[stream][-1].sent[0].at
        if cut.began - began > UNKNOWN or len(told) == len(cut.sent[stream]):
            return []
        return [{"start": datetime.fromtimestamp(began, timezone.utc).isoformat(), "length": cut.ended - began}]

    def note_loss(self, found, publish):
        known = {digest: frame.stamp for frame in publish.sent for digest in (frame.raw, frame.bare)}
        kept = [known[x.raw or x.bare] for _, each in found for x in each if (x.raw or x.bare) in known]
        self.lost.append((publish.sent[-1].stamp - max(kept, default=0)) / 1000)

    def announcements(self, cut, told, again, rows):
        """Each file is announced once; again only what was delivered so late that this was not noted on the disk."""
        ids = set(rows)
        before = {x["file_id"]: x for x in cut.delivered if x["event_type"] == 100}
        announced = lambda: {*before, *(x["file_id"] for x in again.events(100))}
        wait_for("the announcement of each file", lambda: ids <= announced(), 20)
        open_ = {(x["stream_id"], x["sequence"]) for x in cut.acknowledged if x["event_type"] == 1}
        ends = lambda: {(x["stream_id"], x["sequence"]) for x in [*cut.delivered, *again.events(0)]
                        if x["event_type"] == 0}
        wait_for("the end of each publish", lambda: open_ <= ends(), 20)
        for kind in (100, 1, 0):
            seen = [x["event_id"] for x in again.events(kind)]
            self.assertEqual(len(set(seen)), len(seen), f"event {kind} came twice after one cut")
        after = {x["file_id"]: x for x in again.events(100)}
        self.assertEqual(len(after), len(again.events(100)), "a file was announced by two events")
        for file_id in set(before) & set(after):
            self.assertEqual(before[file_id]["event_id"], after[file_id]["event_id"], "a file has two events")
            times = [when for when, _, x in told.attempts if x.get("file_id") == file_id]
            self.assertGreater(max(times), cut.began - 1, "announced again, though long before the cut")


class torn_pages(livetape.Case):
    """What the cuts above meet once in a while, made on purpose: ext4 notes the length of a file before it writes what
    is in it, so the last pages of what was being written may be zeros, while those before them are there."""

    def test_of_media_that_never_reached_the_disk(self):
        told = self.receiver()
        node = self.node(self.recorder_config(told, {"formats": FORMATS, "minimum_duration": "0s"}))
        publish = frames.Publish(self, node, "torn", clips.clip(seconds=12))
        wait_for("three seconds of media", lambda: publish.sent and publish.sent[-1].stamp > 3000)
        node.kill()
        publish.close()
        for suffix in ("mp4", "flv", "ts"):
            # Of the segments the one that was being written: those before it were synced.
            found = (node.data / "spool").rglob(f"*.{suffix}")
            self.lose_pages(max(found, key=lambda x: (x.stat().st_mtime_ns, x.name)))
        node.start()
        wait_for("that nothing is left to recover", lambda: not list((node.data / "spool").glob("*")), 30)
        for what, (found, gaps) in frames.known_of(node, "torn", FORMATS, self.folder / "files")[1].items():
            with self.subTest(format=what):
                self.assertEqual(frames.account(found, [publish], gaps, MOST_LOST), [])

    def lose_pages(self, path):
        data = path.read_bytes()
        # Of an MP4 the media of a moof that is there, and all behind it; of the others about as much. It is half a
        # second, less than a sync lets wait.
        begin = data.rfind(b"mdat", 0, data.rfind(b"mdat")) if path.suffix == ".mp4" else len(data) - 30000
        begin = -(-begin // 4096) * 4096
        if begin > 4096:
            path.write_bytes(data[:begin] + bytes(len(data) - begin))


if __name__ == "__main__":
    unittest.main()
