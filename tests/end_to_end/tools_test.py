# SPDX-License-Identifier: MIT
"""The judges are judged: without a node, on files that ffmpeg made, and on spoilt ones."""
import pathlib
import socket
import subprocess
import unittest

import clips
import livetape
import packets
import receiver
import rtmp


class the_judges(livetape.Case):
    def remuxed(self, path, name, *options):
        target = self.folder / name
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-copyts", "-i", str(path), "-c", "copy", *options, str(target)], check=True)
        return target

    def test_a_clip_copied_to_flv_is_what_is_sent(self):
        for path in (clips.clip(), clips.clip(bframes=2), clips.clip(late=0.7), clips.clip(rate=48000, channels=1)):
            copy = self.remuxed(path, path.name)
            self.assertEqual(packets.differences(packets.sent(path), [packets.sent(copy)]), [])
            self.assertEqual(packets.differences(packets.sent(path), [packets.packets_of(copy)]), [])

    def server(self, name):
        """ffmpeg as an RTMP server that writes down what is pushed; its process, address and file."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = probe.getsockname()
        written = self.folder / f"{name}.flv"
        process = subprocess.Popen(["ffmpeg", "-v", "error", "-nostdin", "-copyts", "-listen", "1", "-i", f"rtmp://127.0.0.1:{address[1]}/live/{name}",
                                    "-c", "copy", str(written)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        livetape.wait_for("the server", lambda: self.listens(address[1]))
        return process, address, written

    def listens(self, port):
        sockets = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return any(x[1].endswith(f":{port:04X}") and x[3] == "0A" for x in sockets)

    def test_what_ffmpeg_pushes_is_what_the_clip_holds(self):
        running = []
        for name, clip in (("plain", clips.clip()), ("b-frames", clips.clip(bframes=2)), ("late", clips.clip(late=0.7))):
            process, address, written = self.server(name)
            running.append((name, clip, process, written, clips.push(self, clip, f"rtmp://127.0.0.1:{address[1]}/live/{name}")))
        for name, clip, process, written, pushed in running:
            clips.finish(self, pushed)
            process.wait(10)
            self.assertEqual(packets.differences(packets.sent(clip), [packets.sent(written)]), [], name)

    def test_our_own_publisher_sends_what_the_clip_holds(self):
        process, address, written = self.server("own")
        publisher = rtmp.Publisher(address)
        self.assertEqual(publisher.publish("live", "own")[0], "NetStream.Publish.Start")
        publisher.send(clips.clip(), faster=4)
        publisher.drain()
        publisher.close()
        process.wait(10)
        self.assertEqual(packets.differences(packets.sent(clips.clip()), [packets.sent(written)]), [])

    def test_a_clip_copied_to_mp4_is_equal(self):
        for path in (clips.clip(), clips.clip(bframes=2), clips.clip(late=0.7), clips.clip(audio=False),
                     clips.clip(video=False)):
            copy = self.remuxed(path, path.stem + ".mp4", "-video_track_timescale", "1000")
            self.assertEqual(packets.differences(packets.sent(path), [packets.packets_of(copy)]), [], path.name)

    def test_a_clip_copied_to_hls_is_equal(self):
        for path in (clips.clip(), clips.clip(bframes=2), clips.clip(late=0.7), clips.clip(rate=48000, channels=1)):
            folder = self.folder / path.stem
            folder.mkdir()
            copy = self.remuxed(path, f"{path.stem}/list.m3u8", "-hls_list_size", "0", "-hls_time", "2")
            self.assertGreater(len(packets.playlist(copy)[0]), 1)
            self.assertEqual(packets.differences(packets.sent(path), [packets.packets_of(copy)]), [], path.name)

    def test_a_missing_a_doubled_and_a_late_packet_are_found(self):
        wire = packets.sent(clips.clip())
        late = [x._replace(pts=x.pts + 2, dts=x.dts + 2) if x.kind == "audio" else x for x in wire]
        for name, spoilt in (("missing", wire[:40] + wire[41:]), ("doubled", wire[:40] + wire[39:]), ("late", late),
                             ("short", wire[:-1]), ("order", wire[:40] + wire[50:60] + wire[40:50] + wire[60:])):
            self.assertNotEqual(packets.differences(wire, [spoilt]), [], name)
        self.assertEqual(packets.differences(wire, [wire[:70], wire[70:]]), [])

    def test_the_key_frames_of_a_clip_are_where_they_were_asked_for(self):
        for path, keys in ((clips.clip(gop=250), [0]), (clips.clip(), [0, 2000]),
                           (clips.clip(seconds=8, gop=250, keys=(0, 2)), [0, 2000])):
            wire = [x for x in packets.sent(path) if x.kind == "video"]
            self.assertEqual([x.dts - wire[0].dts for x in wire if x.key], keys)

    def test_the_late_audio_of_a_clip_is_late(self):
        wire = packets.sent(clips.clip(late=0.7))
        first = {kind: next(x.pts for x in wire if x.kind == kind) for kind in ("video", "audio")}
        self.assertAlmostEqual(first["audio"] - first["video"], 700, delta=25)

    def test_a_receiver_finds_a_wrong_signature(self):
        taker = receiver.Receiver()
        taker.take(b'{"event_id":"1","event_type":1,"stream_id":"a","t":1,"sign":"00"}', {})
        self.assertIn("wrong sign", taker.wrong[0])

    def test_messages_cut_into_chunks_come_together_again(self):
        body = bytes(range(256)) * 40
        for size in (128, 4096, 65536):
            reader = rtmp.Reader()
            reader.chunk_size = size
            got = list(reader.feed(rtmp.chunks(9, body, 5, 1, 6, size) + rtmp.chunks(8, b"x", 1 << 25, 1, 4, size)))
            self.assertEqual([(x.kind, x.stamp, x.body) for x in got], [(9, 5, body), (8, 1 << 25, b"x")])


if __name__ == "__main__":
    unittest.main()
