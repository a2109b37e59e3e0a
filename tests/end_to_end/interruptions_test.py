# SPDX-License-Identifier: MIT
"""A publisher that is killed and comes back (2), and one that ends with RST after its last bytes (13)."""
import contextlib
import pathlib
import statistics
import time
import unittest

import clips
import livetape
import packets
import rtmp
from livetape import to_unix, wait_for


class interruptions(livetape.Case):
    def test_a_publisher_killed_twice_leaves_three_files_of_each_format(self):
        receiver = self.receiver()
        node = self.recorder(receiver)
        clip, ends = clips.clip(seconds=8), []
        for length in (2.6, 1.9, None):
            pushed = clips.push(self, clip, node.push_url("b"), seconds=None if length else 2.4)
            if length:
                wait_for("the stream is live", lambda: any(x["stream"] == "b" for x in node.streams()))
                with contextlib.suppress(Exception):
                    pushed.process.wait(length)
                pushed.kill()
            else:
                clips.finish(self, pushed)
            ends.append(pushed.ended)
            wait_for("the end of the publish", lambda: len(receiver.events(0, "b")) == len(ends))
        wait_for("nine announcements", lambda: len(receiver.events(100, "b")) == 9)

        rows = node.files(stream="live/b")
        self.assertEqual(sorted(x["file_id"] for x in receiver.events(100, "b")), sorted(x["file_id"] for x in rows))
        wire = packets.sent(clip)
        for what in ("mp4", "flv", "hls"):
            of_format = [row for row in rows if row["format"] == what]
            self.assertEqual(len(of_format), 3, what)
            self.assertEqual(len({row["sequence"] for row in of_format}), 3)
            off = []
            for row, end in zip(of_format, ends):
                clips.check_files(self, node, wire, [row], prefix=True)
                start, stop = to_unix(row["start_time"]), to_unix(row["end_time"])
                self.assertAlmostEqual(stop - start, row["duration"], delta=0.1)
                off.append(abs(stop - end))
            # ffmpeg sends a frame when it is due, so its death and the end of its last frame meet; one of the
            # three may have been kept from that by the machine.
            self.assertLess(statistics.median(off), 0.15, off)
            self.assertLess(max(off), 2, off)

    def test_every_byte_before_a_reset_is_in_the_files(self):
        receiver = self.receiver()
        node = self.recorder(receiver)
        clip = clips.clip()
        for name, faster in (("at-once", None), ("paced", 2)):
            publisher = rtmp.Publisher(node.address(node.rtmp))
            self.assertEqual(publisher.publish("live", name)[0], "NetStream.Publish.Start")
            publisher.send(clip, faster)
            publisher.drain()
            publisher.reset()
            wait_for("three files", lambda: len(receiver.events(100, name)) == 3)
            for row in node.files(stream=f"live/{name}"):
                clips.check_files(self, node, packets.sent(clip), [row])
            self.assertEqual(receiver.events(0, name)[0]["errcode"], 4)

    def test_a_fast_publisher_is_never_late_with_the_receive_buffer_of_a_stock_kernel(self):
        setting = pathlib.Path("/proc/sys/net/core/rmem_max")
        before = setting.read_text()
        try:
            setting.write_text("212992")
        except OSError:
            self.skipTest("net.core.rmem_max cannot be set here")
        self.addCleanup(setting.write_text, before)
        node = self.node({"recording": {"formats": {"mp4": {}}}})
        # The best of three: what the node does wrong it does wrong each time, the machine does not.
        late = [self.lateness(node, f"fast-{number}") for number in range(3)]
        self.assertLess(min(late), 0.25, f"seconds that the publisher had to wait for the node: {late}")
        for number in range(3):
            wait_for("its file", lambda: node.files(stream=f"live/fast-{number}"))

    def lateness(self, node, name):
        """The longest time that the socket was full, at 20 Mbit/s and 25 frames a second."""
        publisher = rtmp.Publisher(node.address(node.rtmp))
        self.assertEqual(publisher.publish("live", name)[0], "NetStream.Publish.Start")
        start, late = time.monotonic() + 0.1, 0.0
        for stamp, data in self.fatter(clips.clip(), int(20e6 / 8 / 25)):
            due = start + stamp / 1000
            time.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            publisher.socket.sendall(data)
            # Only the time that the socket was full counts, not when Python woke up.
            late = max(late, time.monotonic() - began)
        publisher.close()
        return late

    def fatter(self, clip, least):
        """The clip with a filler NAL unit (type 12, H.264 7.3.2.7) in each frame that is too small."""
        yield 0, rtmp.chunks(1, (65536).to_bytes(4, "big"), chunk_stream=2)
        for kind, stamp, body in packets.flv_tags(clip):
            if kind == 9 and body[1] == 1:
                filler = b"\x0c" + b"\xff" * max(0, least - len(body)) + b"\x80"
                body += len(filler).to_bytes(4, "big") + filler
            if kind in (8, 9):
                yield stamp, rtmp.chunks(kind, body, stamp, 1, {8: 4, 9: 6}[kind], 65536)


if __name__ == "__main__":
    unittest.main()
