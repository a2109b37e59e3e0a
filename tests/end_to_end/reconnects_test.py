# SPDX-License-Identifier: MIT
"""An encoder that comes back again and again leaks nothing, and one whose network is gone is noticed."""
import collections
import ctypes
import os
import shutil
import subprocess
import time
import types
import unittest

import account_test
import clips
import frames
import livetape
import packets
import rtmp
import usage
from livetape import wait_for

TIMES = int(os.environ.get("LIVETAPE_ROUNDS", "0")) or (1000 if livetape.LONG else 150)
# Pools, caches of the allocator and the index have what they need after these.
WARM = min(100, TIMES // 2)
LENGTH = 0.4  # seconds of media in each publish
HALF_OPEN = 10.0  # seconds until a publisher is noticed of which nothing comes any more
# How a publish ends, and with which code event 0 tells it.
ENDINGS = {"orderly": ("publish_ended", 1), "closed": ("interrupted", 3), "reset": ("interrupted", 4),
           "taken over": ("interrupted", 21)}


class reconnects(livetape.Case):
    def test_many_in_a_row_leak_nothing(self):
        told = self.receiver()
        recording = {"formats": account_test.FORMATS, "minimum_duration": "0s"}
        node = self.make_node(self.recorder_config(told, recording), environment=usage.ENVIRONMENT).start()
        media = self.some_media()
        kinds, last, seen = list(ENDINGS), None, []
        for number in range(TIMES):
            if number == WARM:
                if last:
                    self.leave(last, "orderly")
                    last, seen[-1] = None, "orderly"
                self.wait_for_events(told, seen)
                before = usage.wait_for_rest(node)
            publisher = rtmp.Publisher(node.address(node.rtmp))
            code, why = publisher.publish("live", "again")
            self.assertEqual(code, "NetStream.Publish.Start", why)
            if last:  # is over by now, also if its peer has not noticed
                last.close()
            publisher.socket.sendall(media)
            publisher.drain()
            seen.append(kinds[number % len(kinds)] if number + 1 < TIMES else "orderly")
            last = publisher if self.leave(publisher, seen[-1]) else None
        self.wait_for_events(told, seen)
        after = usage.wait_for_rest(node, before)
        print(f"{TIMES} reconnects: {before} after {WARM}, {after} at the end", flush=True)
        self.assertLess(after.memory - before.memory, usage.MOST_MEMORY, "MiB")
        self.check_events(node, told, seen)

    def some_media(self):
        """What a publisher sends after its commands, at once: the head and some frames."""
        return b"".join(data for stamp, data in rtmp.media(clips.clip(seconds=12)) if stamp < LENGTH * 1000)

    def leave(self, publisher, how):
        """True when the publisher is still there, for the next to take its stream over."""
        if how == "taken over":
            return True
        if how == "orderly":
            publisher.command("deleteStream", 0, None, 1)
        if how == "reset":
            publisher.reset()
        publisher.close()
        return False

    def wait_for_events(self, told, seen):
        count = len(seen)
        ids = lambda kind: len({x["event_id"] for x in told.events(kind)})
        wait_for(f"{count} starts and ends", lambda: min(ids(1), ids(0)) >= count, 30)
        # Of one that is taken over nothing had to be read.
        least = sum(how != "taken over" for how in seen)

        def whole():
            files = collections.Counter(x["sequence"] for x in told.events(100))
            return sum(x == len(account_test.FORMATS) for x in files.values())
        wait_for(f"a file of each format of {least} publishes", lambda: whole() >= least, 30)

    def check_events(self, node, told, seen):
        starts, ends = ({x["sequence"]: x for x in told.events(kind)} for kind in (1, 0))
        self.assertEqual((len(starts), len(ends)), (len(seen), len(seen)))
        self.assertEqual(set(starts), set(ends))
        self.assertEqual((len(told.events(1)), len(told.events(0))), (len(seen), len(seen)), "an event came twice")
        # Only what belongs to one publish comes in order, so they are counted.
        # A connection that is reset or closed in the moment of its end may be told as the one or the other.
        found = collections.Counter(x["end_reason"] for x in told.events(0))
        self.assertEqual(found, collections.Counter(ENDINGS[how][0] for how in seen))
        self.assertLessEqual({(x["end_reason"], x["errcode"]) for x in told.events(0)}, set(ENDINGS.values()))
        self.assertEqual(len({x["file_id"] for x in told.events(100)}), len(told.events(100)), "a file was told twice")
        rows = node.files(stream="live/again", sort="-start_time")
        rows = [row for row in rows if row["sequence"] == rows[0]["sequence"]]
        self.assertEqual(len(rows), len(account_test.FORMATS))
        for row in rows:
            clips.check_files(self, node, packets.sent(clips.clip(seconds=12), LENGTH), [row])


class inside(frames.Publish):
    """A publisher in a network namespace: its socket belongs to the one that its thread is in."""

    def __init__(self, network, *arguments, **more):
        self.network = network
        super().__init__(*arguments, **more)

    def run(self):
        with open(f"/run/netns/{self.network}") as space:
            if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), 0):
                self.broke = OSError(ctypes.get_errno(), "setns")
                self.begun.set()
                return
        super().run()


def has_networks():
    """Whether a namespace and a pair of interfaces can be made here."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        return False
    name = f"lt-{os.getpid()}"
    try:
        made = [subprocess.run(x.split(), capture_output=True).returncode == 0 for x in
                (f"ip netns add {name}", f"ip link add {name}a type veth peer name {name}b netns {name}")]
    finally:
        for x in (f"ip link del {name}a", f"ip netns del {name}"):
            subprocess.run(x.split(), capture_output=True)
    return all(made)


@unittest.skipUnless(has_networks(), "needs root, iproute2 and a kernel with network namespaces and veth")
class half_open(livetape.Case):
    def ip(self, command, check=True):
        done = subprocess.run(["ip", *command.split()], capture_output=True, text=True)
        self.assertTrue(done.returncode == 0 or not check, f"ip {command}: {done.stderr}")

    def network(self, number):
        """A namespace with a cable to this one; (its name, the address of this end of the cable)."""
        # 198.18.0.0/15 is for tests (RFC 2544); the process makes it this test's own.
        name, net = f"lt{os.getpid()}-{number}", f"198.18.{os.getpid() % 250}.{4 * number}".rsplit(".", 1)
        here, there = (f"{net[0]}.{int(net[1]) + x}" for x in (1, 2))
        self.ip(f"netns add {name}")
        self.addCleanup(self.ip, f"netns del {name}", check=False)
        self.ip(f"link add {name}a type veth peer name {name}b netns {name}")
        self.addCleanup(self.ip, f"link del {name}a", check=False)
        self.ip(f"address add {here}/30 dev {name}a")
        self.ip(f"link set {name}a up")
        self.ip(f"-n {name} address add {there}/30 dev {name}b")
        self.ip(f"-n {name} link set {name}b up")
        return name, here

    def test_a_publisher_without_a_network_is_noticed(self):
        told = self.receiver()
        names, addresses = zip(*(self.network(number) for number in range(2)))
        config = self.recorder_config(told, {"formats": account_test.FORMATS},
                                      ingest={"rtmp": {"listen": "0.0.0.0:0"}, "open": True})
        node = self.node(config)
        port = node.rtmp.rsplit(":", 1)[1]
        gone = {}
        for name, address, stream in zip(names, addresses, ("unplugged", "unheard")):
            reached = types.SimpleNamespace(rtmp=f"{address}:{port}", address=node.address)
            gone[stream] = inside(name, self, reached, stream, clips.clip(seconds=12))
        here = types.SimpleNamespace(rtmp=f"127.0.0.1:{port}", address=node.address)
        well = frames.Publish(self, here, "well", clips.clip(seconds=12))
        for publish in (*gone.values(), well):
            self.assertTrue(publish.begun.wait(20))
            self.assertEqual(publish.code, "NetStream.Publish.Start", publish.broke)
        wait_for("two seconds of each", lambda: all(x.sent[-1].stamp > 2000 for x in (*gone.values(), well)))

        # One loses its link, of the other the packets get lost: they go to a station that is not there. No FIN and no
        # RST comes of either, and what the node sends is not answered.
        self.ip(f"-n {names[0]} link set {names[0]}b down")
        nobody = "lladdr 02:00:00:00:00:99 nud permanent"
        self.ip(f"-n {names[1]} neighbour replace {addresses[1]} {nobody} dev {names[1]}b")
        cut = time.time()
        for stream, publish in gone.items():
            # What was sent before and not acknowledged may never have arrived.
            gone[stream] = types.SimpleNamespace(sent=[x for x in publish.sent if x.at < cut - 0.05])
            self.assertGreater(len(gone[stream].sent), 50)
        wait_for("the ends of both", lambda: all(told.events(0, stream) for stream in gone), HALF_OPEN)
        formats = lambda stream: {x["file_format"] for x in told.events(100, stream)}
        wait_for("their files", lambda: all(formats(stream) == set(account_test.FORMATS) for stream in gone), 2)
        wait_for("that only the other is live", lambda: [x["stream"] for x in node.streams()] == ["well"], 1)
        for stream, publish in gone.items():
            (end,) = told.events(0, stream)
            self.assertEqual(end["end_reason"], "interrupted")
            self.account(node, stream, publish)
        self.assertEqual(told.events(0, "well"), [])
        well.leave()
        wait_for("its end", lambda: told.events(0, "well"))
        wait_for("its files", lambda: len(list((node.data / "spool").glob("*"))) == 0)
        self.account(node, "well", well)

    def account(self, node, stream, publish):
        """Nothing is missing, also not as a gap. What came after the cut is not known and not asked for."""
        rows = node.files(stream=f"live/{stream}")
        for what in account_test.FORMATS:
            paths = [node.download(row, self.folder / "files") for row in rows if row["format"] == what]
            kept = {x.raw or x.bare for path in paths for x in packets.packets_of(path)}
            missing = [x.stamp for x in publish.sent if x.raw not in kept and x.bare not in kept]
            self.assertEqual(missing, [], f"{what} of {stream}, ms of {publish.sent[-1].stamp}")


if __name__ == "__main__":
    unittest.main()
