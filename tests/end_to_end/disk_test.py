# SPDX-License-Identifier: MIT
"""A full disk: files are closed while they can be, newcomers are refused, recording goes on by itself, and every
frame is in a file or in a gap."""
import errno
import os
import subprocess
import unittest

import account_test
import clips
import frames
import livetape
from livetape import wait_for

ROUNDS = int(os.environ.get("LIVETAPE_ROUNDS", "0")) or (20 if livetape.LONG else 3)


@unittest.skipIf(os.geteuid() != 0, "needs root, to mount a small disk")
class full_disks(livetape.Case):
    check = account_test.accounts.check

    def test_full_and_back(self):
        self.told = self.receiver()
        disk = self.folder / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(disk)], check=True)
        events = ["publish_started", "publish_ended", "file", "recording_trouble"]
        config = self.recorder_config(self.told, {"formats": account_test.FORMATS, "minimum_duration": "0s"},
                                      storage={"spool": [str(disk / "spool")]})
        config["notify"]["endpoints"] = [self.told.endpoint(events=events)]
        node = self.node(config)
        publish = frames.Publish(self, node, "full", clips.clip(seconds=12))
        self.assertTrue(publish.begun.wait(20))
        for number in range(ROUNDS):
            with self.subTest(round=number):
                self.wait_for_writing(node, True)
                self.fill(disk / "ballast")
                # Repeats of a minute are merged.
                wait_for("a trouble that names the disk", self.troubles, 2)
                wait_for("no readiness", lambda: node.request("GET", "/readyz")[0] == 503, 2)
                self.assertIn("storage.reserve", str(node.request("GET", "/readyz")))
                refused = frames.Publish(self, node, "newcomer", clips.clip(seconds=12))
                self.assertTrue(refused.begun.wait(20))
                self.assertNotEqual(refused.code, "NetStream.Publish.Start")
                self.assertIn("storage.reserve", refused.why)
                self.wait_for_writing(node, False)
                (disk / "ballast").unlink()
                self.wait_for_writing(node, True, 10)
                wait_for("readiness", lambda: node.request("GET", "/readyz")[0] == 200)
        publish.leave()
        wait_for("the end of the publish", lambda: self.told.events(0, "full"))
        wait_for("an empty spool", lambda: not list((disk / "spool").glob("*")), 30)
        self.check(node, "full", [publish], most_lost=None)
        causes = {gap["cause"] for gap in node.get("/api/v1/timeline?stream=live/full")["gaps"]}
        self.assertEqual(causes, {"no_space"})

    def fill(self, path):
        """Up to the last byte."""
        out = os.open(path, os.O_WRONLY | os.O_CREAT)
        try:
            while os.write(out, bytes(1 << 16)):
                pass
        except OSError as why:
            self.assertEqual(why.errno, errno.ENOSPC)
        finally:
            os.close(out)

    def troubles(self):
        return [x for x in self.told.events(341, "full") if x["exception"]["code"] == "no_space"]

    def wait_for_writing(self, node, is_wanted, limit=10):
        wait_for("three files" if is_wanted else "no file that is written", lambda: all(
            (x["state"] == "writing" and x["duration"] > 1) == is_wanted
            for stream in node.streams() for x in stream["branches"]), limit)


if __name__ == "__main__":
    unittest.main()
