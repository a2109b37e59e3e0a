# SPDX-License-Identifier: MIT
"""Twenty streams for a while, some of which come and go: every frame is accounted for, and nothing is held on to."""
import concurrent.futures
import itertools
import os
import random
import time
import unittest

import account_test
import clips
import frames
import livetape
import usage
from livetape import sleep_until, wait_for

# The long form tries other moments each time.
SEED = int(os.environ.get("LIVETAPE_SEED", "0"))
SEED = SEED or (random.SystemRandom().randrange(1, 1 << 30) if livetape.LONG else 3)
LENGTH = int(os.environ.get("LIVETAPE_SECONDS", "0")) or (600 if livetape.LONG else 50)
STREAMS = 20
RESTLESS = 6  # of them come and go
WARM = 3.0  # seconds of all streams at once before the start is measured
# MiB a minute from a third of the time to its end, while all are at work: what is kept of each second of a stream would
# show here. The larger part does not grow with the time: how full the buffers are at the two moments is chance.
MOST_GROWTH, CHANCE = 1.0, usage.MOST_MEMORY
FORMATS = {"mp4": {"fragment": "30s"}, "flv": {"fragment": "20s"}, "hls": {"fragment": "7d", "segment": "4s"}}


class soak(livetape.Case):
    def setUp(self):
        print(f"LIVETAPE_SEED={SEED}", flush=True)
        self.random = random.Random(SEED)

    def test_twenty_streams(self):
        told = self.told = self.receiver()
        recording = {"formats": FORMATS, "minimum_duration": "0s"}
        node = self.make_node(self.recorder_config(told, recording), environment=usage.ENVIRONMENT).start()
        # Small pictures: what is looked for does not depend on their size, and a publisher costs what it sends.
        kinds = [{}, {"gop": 250}, {"bframes": 2}]
        self.kinds = itertools.cycle([clips.clip(seconds=12, size="160x90", **each) for each in kinds])
        warm = self.publish_all(node, "warm")
        sleep_until(time.time() + WARM)
        self.leave_all(warm)
        before = usage.wait_for_rest(node)

        streams = self.publish_all(node, "s")
        began, at_work = time.time(), []
        moves = self.moves(began)
        while (left := began + LENGTH - time.time()) > 0:
            at_work.append((time.time() - began, usage.usage(node)))
            moment, name, how = next(moves)
            sleep_until(min(moment, began + LENGTH))
            if left > WARM:
                self.come_back(node, streams[name], name, how)
        self.leave_all(streams)
        after = usage.wait_for_rest(node, before, 30)
        largest, publishes = max(x.memory for _, x in at_work), sum(len(x) for x in streams.values())
        print(f"{STREAMS} streams, {publishes} publishes: {before}, at work {largest:.1f} MiB, then {after}",
              flush=True)
        self.assertLess(after.memory - before.memory, usage.MOST_MEMORY, "MiB")
        self.check_growth(at_work)
        self.check_accounts(node, streams)
        self.check_events(told, {**streams, **warm})

    def publish_all(self, node, prefix):
        streams = {}
        for number in range(STREAMS):
            # Not in step: the key frames of all at once would be a burst that no real encoders make.
            sleep_until(time.time() + 0.03)
            streams[f"{prefix}{number}"] = [frames.Publish(self, node, f"{prefix}{number}", next(self.kinds))]
        self.begun(streams)
        return streams

    def begun(self, streams):
        for publishes in streams.values():
            self.assertTrue(publishes[-1].begun.wait(20))
            self.assertEqual(publishes[-1].code, "NetStream.Publish.Start", publishes[-1].broke)

    def leave_all(self, streams):
        for publishes in streams.values():
            publishes[-1].ending.set()
        for publishes in streams.values():
            publishes[-1].leave()
        ended = lambda name: len(self.told.events(0, name))
        wait_for("the ends", lambda: all(ended(name) == len(each) for name, each in streams.items()), 20)

    def moves(self, began):
        """Endless (moment, stream, how it ends): each restless stream once in some seconds."""
        moment = began + 1.0
        for name in itertools.cycle(f"s{number}" for number in range(RESTLESS)):
            yield moment, name, self.random.choice(["orderly", "closed", "reset", "taken over"])
            moment += self.random.uniform(0.8, 2.0)

    def come_back(self, node, publishes, name, how):
        last = publishes[-1]
        if how != "taken over":
            last.ending.set()
            last.join(10)
            last.socket.drain()  # what an RST overtakes never arrives
            if how == "reset":
                last.socket.reset()
            elif how == "orderly":
                last.leave()
            else:
                last.close()
            sleep_until(time.time() + 2 * frames.NEAR)  # so that the account does not take it for taken over
        publishes.append(frames.Publish(self, node, name, next(self.kinds)))
        self.begun({name: publishes})

    def check_growth(self, at_work):
        third = [(when, x.memory) for when, x in at_work if when > LENGTH / 3]
        (first, low), (last, high) = third[0], third[-1]
        self.assertLess(high - low, CHANCE + MOST_GROWTH * (last - first) / 60, f"MiB from {first:.0f} to {last:.0f} s")
        self.assertLessEqual(max(x.threads for _, x in at_work[-5:]), max(x.threads for _, x in at_work[:5]) + 1)

    check = account_test.accounts.check

    def check_accounts(self, node, streams):
        def look(name):
            self.check(node, name, streams[name], most_lost=None, taken_over=True)
            gaps = node.get(f"/api/v1/timeline?stream=live/{name}")["gaps"]
            self.assertEqual(gaps, [], name)
        with concurrent.futures.ThreadPoolExecutor(2) as both:  # one reads while the other waits for its ffprobe
            for done in [both.submit(look, name) for name in streams]:
                done.result()

    def check_events(self, told, streams):
        for name, publishes in streams.items():
            for kind in (1, 0):
                ids = [x["event_id"] for x in told.events(kind, name)]
                self.assertEqual((len(ids), len(set(ids))), (len(publishes), len(publishes)), f"event {kind} of {name}")


if __name__ == "__main__":
    unittest.main()
