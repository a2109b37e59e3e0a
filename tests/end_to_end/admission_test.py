# SPDX-License-Identifier: MIT
"""Newcomers are refused while the node has no room or no time for them, those that run lose nothing, and afterwards
everybody is welcome again."""
import os
import signal
import threading
import time
import unittest

import clips
import faults_test
import frames
from livetape import wait_for

STREAMS = 10


class admission(faults_test.faulty):
    def newcomer(self, node):
        publish = frames.Publish(self, node, "newcomer", clips.clip(seconds=6, gop=25))
        self.assertTrue(publish.begun.wait(30))
        publish.close()
        return publish

    def test_while_the_buffers_are_full(self):
        node, disk = self.recorder_on(ingest={"buffer": "1MiB"})
        node.start()
        publishes = [self.publish(node, f"full-{number}", self.fat_clip()) for number in range(STREAMS)]
        for each in publishes:
            self.wait_for_media(each, 2)
        disk.is_stalled = 1
        wait_for("no readiness", lambda: node.request("GET", "/readyz")[0] == 503, 20)
        self.assertIn("buffers", str(node.request("GET", "/readyz")))
        refused = self.newcomer(node)
        self.assertEqual(refused.code, "NetStream.Publish.BadName")
        self.assertIn("buffers", refused.why)
        disk.is_stalled = 0
        wait_for("readiness", lambda: node.request("GET", "/readyz")[0] == 200)
        self.assertEqual(self.newcomer(node).code, "NetStream.Publish.Start")
        self.end_publishes(*publishes)
        for each in publishes:
            self.account(node, each.name, [each], most_lost=0)
            self.assertLessEqual({x["cause"] for x in self.gaps(node, each.name)}, {"buffer_full"})

    def test_while_the_processor_is_exhausted(self):
        """As far as the node can see: it is let run for some moments only."""
        node, _ = self.recorder_on()
        node.start()
        publish = self.publish(node, "runs")
        self.wait_for_media(publish, 1)
        fed, refused = threading.Event(), []
        starving = threading.Thread(target=self.starve, args=(node.process.pid, fed), daemon=True)
        starving.start()
        try:
            # It takes five seconds to be sure.
            wait_for("a refusal", lambda: refused.append(self.newcomer(node)) or
                     refused[-1].code == "NetStream.Publish.BadName", 60, 0.5)
        finally:
            fed.set()
            starving.join()
        self.assertIn("processor", refused[-1].why)
        wait_for("a welcome", lambda: self.newcomer(node).code == "NetStream.Publish.Start")
        self.end_publishes(publish)
        self.account(node, "runs", [publish], most_lost=0)
        self.assertEqual(self.gaps(node, "runs"), [])

    def starve(self, pid, fed):
        while not fed.is_set():
            os.kill(pid, signal.SIGSTOP)
            time.sleep(0.9)
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.1)


if __name__ == "__main__":
    unittest.main()
