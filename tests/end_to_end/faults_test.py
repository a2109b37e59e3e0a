# SPDX-License-Identifier: MIT
"""A disk that fails once, is slow or stands still: each frame is in a file or in a gap that says why, the publisher
notices nothing, memory stays bounded and recording goes on (facts/reliability.md 3.3: 3, 4, 5 and 19)."""
import concurrent.futures
import errno
import os
import random
import socket
import struct
import time
import unittest

import account_test
import clips
import faults
import frames
import livetape
import packets
import usage
from livetape import to_unix, wait_for

# The long form tries every number.
CHANCE = random.SystemRandom().randrange(1, 1 << 30) if livetape.LONG else 5
SEED = int(os.environ.get("LIVETAPE_SEED", "0")) or CHANCE
CALLS = 200   # the n-th call that writes fails, for n up to this
LANES = 12    # nodes at once, each with a disk of its own
# MiB at the peak. AddressSanitizer's allocator makes each block larger and gives nothing back (25 to 27 seen).
MOST_GROWN = 48 if usage.SANITIZED else 24
MOST_HELD = 24   # MiB: ten seconds of three streams of fat_clip
LONGEST_WAIT = 1.0  # seconds that a publisher may be behind its clock
FORMATS = {"mp4": {"fragment": "30m"}, "flv": {"fragment": "30m"}, "hls": {"fragment": "7d", "segment": "2s"}}
# So that many different calls come early: slots, cuts, indexes, rows.
SHORT = {"mp4": {"fragment": "1s"}, "flv": {"fragment": "2s"}, "hls": {"fragment": "2s", "segment": "500ms"}}


class faulty(livetape.Case):
    """What the tests have in common. Each frame is looked for as in account_test."""

    account = account_test.accounts.check

    def setUp(self):
        self.told = self.receiver()

    def recorder_on(self, name="node", formats=FORMATS, spools=("spool",), **config):
        """(node, disk of its first spool folder), not started."""
        recording = {"formats": formats, "minimum_duration": "0s"}
        config = self.recorder_config(self.told, recording, **config)
        node = self.make_node(config, name=name)
        node.config["storage"] = {"spool": [str(node.folder / x) for x in spools]} if spools != ("spool",) else {}
        node.config["notify"]["endpoints"] = [
            self.told.endpoint(events=["publish_started", "publish_ended", "file", "recording_trouble"])]
        first = node.folder / spools[0] if spools != ("spool",) else node.data / "spool"
        disk = faults.Disk(self, name, first)
        node.environment = disk.environment
        return node, disk

    def publish(self, node, name, clip=None):
        publish = frames.Publish(self, node, name, clip or clips.clip(seconds=6, gop=25))
        self.assertTrue(publish.begun.wait(20))
        self.assertEqual(publish.code, "NetStream.Publish.Start", publish.broke)
        # What the node does not read the publisher has to notice soon: not the kernel in between.
        publish.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return publish

    def fat_clip(self, least=25_000):
        """5 Mbit/s: what a node does not read of it is in no kernel's buffers for a second. Each picture has filler
        data (type 12, H.264 7.3.2.7) ahead of it."""
        path, source = self.folder / "fat.flv", clips.clip(seconds=6, gop=25)
        if not path.exists():
            out = [source.read_bytes()[:13]]
            for kind, stamp, body in packets.flv_tags(source):
                if kind == 9 and body[1] == 1:
                    filler = b"\x0c" + b"\xff" * max(0, least - len(body)) + b"\x80"
                    body = body[:5] + struct.pack(">I", len(filler)) + filler + body[5:]
                head = struct.pack(">B", kind) + len(body).to_bytes(3, "big") + (stamp & 0xFFFFFF).to_bytes(3, "big")
                out.append(head + bytes([stamp >> 24, 0, 0, 0]) + body + struct.pack(">I", 11 + len(body)))
            path.write_bytes(b"".join(out))
        return path

    def wait_for_media(self, publish, seconds):
        wait_for(f"{seconds:.1f} s of media", lambda: publish.broke or publish.sent[-1].stamp >= seconds * 1000,
                 seconds + 30)
        self.assertIsNone(publish.broke)

    def end_publishes(self, *publishes):
        for each in publishes:
            each.leave()
            self.assertIsNone(each.broke)
        for each in publishes:
            wait_for("the end of the publish", lambda: self.told.events(0, each.name), 20)

    def behind(self, publish):
        """How long the publisher was behind its clock at most, which it is when the node does not read."""
        late = [x.at - x.stamp / 1000 for x in publish.sent]
        return max(late) - min(late)

    def gaps(self, node, name):
        return node.get(f"/api/v1/timeline?stream=live/{name}")["gaps"]


class failing_writes(faulty):
    def setUp(self):
        super().setUp()
        print(f"LIVETAPE_SEED={SEED}", flush=True)
        self.random = random.Random(SEED)

    def test_the_nth_call_fails_once(self):
        """Whatever is written at that moment: an entry of the journal, media, an index, a playlist, a row."""
        lanes = [self.recorder_on(f"lane{number}", SHORT) for number in range(LANES)]
        for node, _ in lanes:
            node.start()
        grown = [faults.Memory(node) for node, _ in lanes]
        cases = self.cases()
        for begin in range(0, len(cases), LANES):
            self.run_cases(list(zip(lanes, cases[begin:begin + LANES])))
        self.assertLess(max(x.grown() for x in grown), MOST_GROWN, [x.grown() for x in grown])

    def cases(self):
        """(n, errno, whether half of the call was written): in order, so that those at once end at once."""
        width = 1 if livetape.LONG else CALLS / 12
        numbers = [int(1 + place * width + self.random.random() * width) for place in range(int(CALLS / width))]
        return [(n, code, self.random.random() < 0.5) for n in numbers for code in (errno.ENOSPC, errno.EIO)]

    def run_cases(self, batch):
        publishes, names = [], []
        for (node, disk), (number, code, is_torn) in batch:
            disk.fail_write(number, code, is_torn)
            names.append(f"{errno.errorcode[code]}-{number}{'-torn' if is_torn else ''}")
            publishes.append(self.publish(node, names[-1]))
        for ((_, disk), _), publish, name in zip(batch, publishes, names):
            wait_for(f"the failure of {name}", lambda: disk.failed == 1, 20)
        # Another try is made a second later, a key frame comes each second, and the burst takes half of one.
        for publish, until in [(publish, publish.sent[-1].stamp / 1000 + 2.5) for publish in publishes]:
            self.wait_for_media(publish, until)
        self.end_publishes(*publishes)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            checks = [pool.submit(self.check, node, publish) for ((node, _), _), publish in zip(batch, publishes)]
        for ((_, disk), _), name, check in zip(batch, names, checks):
            with self.subTest(name, call=disk.what()):
                check.result()

    def check(self, node, publish):
        """One failure costs one format two seconds at most, and the gap tells why."""
        name = publish.name
        self.account(node, name, [publish], most_lost=0)
        gaps = self.gaps(node, name)
        cause = "no_space" if name.startswith("ENOSPC") else "storage_failed"
        self.assertLessEqual({x["cause"] for x in gaps}, {cause}, gaps)
        self.assertLessEqual(len({x["branch"] for x in gaps}), 1, gaps)
        self.assertLess(sum(x["length"] for x in gaps), 3, gaps)


class slow_disks(faulty):
    def test_of_20_ms_for_each_write(self):
        node, disk = self.recorder_on()
        node.start()
        grown = faults.Memory(node)
        disk.delay = 20_000
        publishes = [self.publish(node, f"slow-{number}", self.fat_clip()) for number in range(4)]
        for each in publishes:
            self.wait_for_media(each, 5)
        self.end_publishes(*publishes)
        self.assertGreater(disk.slept, 50)
        for each in publishes:
            self.check(node, each)
        self.assertLess(grown.grown(), MOST_GROWN + MOST_HELD)

    def test_that_stand_still_for_5_and_10_s(self):
        """Also for who begins or ends while nothing can be written."""
        lanes = {seconds: self.recorder_on(f"stalled-{seconds}") for seconds in (5, 10)}
        grown = [faults.Memory(node.start()) for node, _ in lanes.values()]
        publishes = {seconds: [self.publish(node, name, self.fat_clip()) for name in ("stays", "ends")]
                     for seconds, (node, _) in lanes.items()}
        for seconds, (node, disk) in lanes.items():
            self.wait_for_media(publishes[seconds][0], 2)
            self.stall(disk)
            publishes[seconds].append(self.publish(node, "begins", self.fat_clip()))
        for seconds, (node, disk) in lanes.items():
            # The second one when the first one is over: what has ended is written for 10 s at most.
            publishes[seconds][1].leave()
            self.release(disk, publishes[seconds][2], seconds)
            self.wait_for_caught_up(node, 2)
            self.end_publishes(publishes[seconds][0], publishes[seconds][2])
        for seconds, (node, _) in lanes.items():
            for each in publishes[seconds]:
                with self.subTest(each.name, seconds=seconds):
                    self.check(node, each)
        self.assertLess(max(x.grown() for x in grown), MOST_GROWN + MOST_HELD)

    def test_that_have_not_written_the_next_entry_when_the_publish_ends(self):
        """Nobody uses it any more, so nothing of it may stay."""
        node, disk = self.recorder_on(formats=SHORT)
        node.start()
        publish = self.publish(node, "ends")
        self.wait_for_media(publish, 2)
        disk.concern(".json.new")
        disk.is_stalled = 1
        wait_for("an entry that is being written",
                 lambda: [x for x in (node.data / "spool").glob("*.json.new") if ".kept." not in x.name])
        self.end_publishes(publish)
        wait_for("the ends of its files", lambda: node.log().count("because of publish_ended") == len(SHORT))
        disk.is_stalled = 0
        self.check(node, publish)

    def test_that_stand_still_for_longer_than_the_buffer(self):
        """Whole groups of pictures are dropped, the publisher stays, and recording goes on."""
        # 12 s of fat_clip and 1.5 s.
        seconds, buffer, most = (30, "8MiB", 22) if livetape.LONG else (5, "1MiB", 5.5)
        node, disk = self.recorder_on(ingest={"buffer": buffer})
        grown = faults.Memory(node.start())
        publish = self.publish(node, "long", self.fat_clip())
        self.wait_for_media(publish, 2)
        self.stall(disk)
        self.release(disk, publish, publish.sent[-1].stamp / 1000 + seconds)
        self.wait_for_caught_up(node, 1)
        self.wait_for_media(publish, publish.sent[-1].stamp / 1000 + 2)
        self.end_publishes(publish)
        self.account(node, "long", [publish], most_lost=0)
        gaps = self.gaps(node, "long")
        self.assertEqual({x["cause"] for x in gaps}, {"buffer_full"}, gaps)
        for branch in FORMATS:
            self.assertLess(sum(x["length"] for x in gaps if x["branch"] == branch), most, gaps)
        self.assertEqual({x["branch"] for x in gaps}, set(FORMATS), gaps)
        self.assertLess(self.behind(publish), LONGEST_WAIT)
        self.assertLess(grown.grown(), MOST_GROWN + MOST_HELD)

    def check(self, node, publish):
        """Nothing is lost and the publisher has noticed nothing."""
        self.account(node, publish.name, [publish], most_lost=0)
        self.assertEqual(self.gaps(node, publish.name), [])
        self.assertLess(self.behind(publish), LONGEST_WAIT)

    def stall(self, disk):
        disk.is_stalled = 1
        # The three formats and the sync of the file system.
        wait_for("calls that stand still", lambda: disk.stalled >= 4)

    def release(self, disk, publish, until):
        """Once this publisher has sent so many seconds of media."""
        self.wait_for_media(publish, until)
        self.assertGreaterEqual(disk.stalled, 4)
        disk.is_stalled = 0

    def wait_for_caught_up(self, node, count):
        """Every format of every stream writes, up to what has come just now."""
        def is_caught_up():
            all_of = [(to_unix(x["since"]), branch) for x in node.streams() for branch in x["branches"]]
            return len(all_of) == 3 * count and all(
                x["state"] == "writing" and since + x["duration"] > time.time() - 2 for since, x in all_of)
        wait_for("that everything is written", is_caught_up)


class failing_syncs(faulty):
    def test_of_one_file(self):
        """The file is closed as it is, the others go on. Where there are two spools, the next file is in the other."""
        lanes = {what: self.recorder_on(what) for what in FORMATS}
        lanes["mp4"] = self.recorder_on("two", spools=("one", "two"))
        grown = [faults.Memory(node.start()) for node, _ in lanes.values()]
        publishes = {what: self.publish(node, f"sync-{what}") for what, (node, _) in lanes.items()}
        one, two = [lanes["mp4"][0].folder / x for x in ("one", "two")]
        for what, (_, disk) in lanes.items():
            self.wait_for_media(publishes[what], 2)
            disk.fail_syncs(errno.EIO, ".ts" if what == "hls" else f".{what}")
        self.assertEqual(self.media_in(two), set())
        for what, (_, disk) in lanes.items():
            wait_for("the failed syncs", lambda: disk.sync_failed == 2)
        for publish, until in [(x, x.sent[-1].stamp / 1000 + 3) for x in publishes.values()]:
            self.wait_for_media(publish, until)
        self.assertEqual((self.media_in(one), self.media_in(two)), ({".flv", ".hls"}, {".mp4"}))
        self.end_publishes(*publishes.values())
        wait_for("empty spools", lambda: not any([*one.iterdir(), *two.iterdir()]), 20)
        for what, (node, _) in lanes.items():
            with self.subTest(what):
                self.check(node, publishes[what], what)
        self.assertLess(max(x.grown() for x in grown), MOST_GROWN)

    def media_in(self, folder):
        """Which formats there are; the slot of an HLS to come is a folder without anything in it."""
        return {x.suffix for x in folder.iterdir() if x.suffix != ".json" and (x.is_file() or any(x.iterdir()))}

    def check(self, node, publish, what):
        self.account(node, publish.name, [publish], most_lost=0)
        gaps = self.gaps(node, publish.name)
        self.assertEqual([(x["branch"], x["cause"]) for x in gaps], [(what, "storage_failed")])
        # Until the write that finds out, a second, and a key frame.
        self.assertLess(gaps[0]["length"], 3)
        troubles = wait_for("the trouble", lambda: self.told.events(341, publish.name))
        troubles = {(x["file_format"], x["exception"]["code"]) for x in troubles}
        self.assertEqual(troubles, {(what.upper(), "storage_failed")})
        rows = node.files(stream=f"live/{publish.name}")
        ends = {x["file_id"]: x["end_reason"] for x in rows if x["format"] == what}
        self.assertEqual(list(ends.values()), ["storage_failed", "publish_ended"])
        self.assertEqual([x["end_reason"] for x in rows if x["format"] != what], ["publish_ended"] * 2)


if __name__ == "__main__":
    unittest.main()
