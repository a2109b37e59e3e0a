# SPDX-License-Identifier: MIT
"""Other publishers, refused ones, and signed push addresses (8)."""
import hashlib
import json
import re
import subprocess
import time
import unittest

import clips
import livetape
import packets
import rtmp
from livetape import wait_for


class publishers(livetape.Case):
    def test_gstreamer_publishes_too(self):
        receiver = self.receiver()
        node = self.recorder(receiver)
        clip = clips.clip()
        # One source for both tracks: with two that run freely flvmux 1.22 sometimes waits for ever.
        done = subprocess.run(
            ["gst-launch-1.0", "-q", "-e", "filesrc", f"location={clip}", "!", "flvdemux", "name=clip",
             "flvmux", "name=mux", "streamable=true", "!", "rtmp2sink", f"location={node.push_url('gst')}",
             "clip.video", "!", "queue", "!", "h264parse", "!", "mux.", "clip.audio", "!", "queue", "!", "aacparse", "!", "mux."],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_for("three files", lambda: len(receiver.events(100, "gst")) == 3)
        for row in node.files(stream="live/gst"):
            path = node.download(row, self.folder / "gst")
            frames = [x for x in packets.packets_of(path) if x.kind == "video"]
            sent = [x for x in packets.sent(clip) if x.kind == "video"]
            self.assertEqual(len(frames), len(sent), row["format"])
            self.assertTrue(all(x.bare in (None, y.bare) and x.raw in (None, y.raw) for x, y in zip(frames, sent)))
            self.assertAlmostEqual(row["duration"], 4.0, delta=0.1)
            self.assertEqual(packets.decode_problems(path), "")

    def test_a_second_publisher_is_refused_while_the_first_goes_on(self):
        receiver = self.receiver()
        node = self.recorder(receiver, ingest={"duplicate": "reject"})
        clip = clips.clip()
        first = rtmp.Publisher(node.address(node.rtmp))
        self.assertEqual(first.publish("live", "one")[0], "NetStream.Publish.Start")
        second = rtmp.Publisher(node.address(node.rtmp))
        code, why = second.publish("live", "one")
        second.close()
        self.assertEqual(code, "NetStream.Publish.BadName")
        self.assertTrue(why, "a reason")
        self.assertNotEqual(clips.push(self, clip, node.push_url("one")).wait(), 0, "ffmpeg is refused too")
        first.send(clip, faster=4)
        first.drain()
        first.close()
        wait_for("three files", lambda: len(receiver.events(100, "one")) == 3)
        for row in node.files(stream="live/one"):
            clips.check_files(self, node, packets.sent(clip), [row])
        again = rtmp.Publisher(node.address(node.rtmp))
        self.assertEqual(again.publish("live", "one")[0], "NetStream.Publish.Start", "free again after the end")
        again.close()

    def test_names_that_nobody_may_push_are_refused_with_a_reason(self):
        node = self.node()
        for app, name in (("demo", "a"), ("room", "a"), ("live", ".."), ("live", "a\\b"), ("live", "x" * 121), ("~live", "a")):
            publisher = rtmp.Publisher(node.address(node.rtmp))
            code, why = publisher.publish(app, name)
            publisher.close()
            self.assertEqual(code, "NetStream.Publish.BadName", (app, name))
            self.assertTrue(why)

    def test_who_wants_to_play_is_told_that_this_server_records(self):
        node = self.node()
        player = rtmp.Publisher(node.address(node.rtmp))
        player.connect("live")
        player.command("createStream", 4, None)
        player.answer("_result")
        player.command("play", 5, None, "a", stream=1)
        answer = player.answer("onStatus", "_error")
        player.close()
        self.assertEqual(answer[3]["level"], "error")
        self.assertIn("record", answer[3]["description"])

    def test_push_addresses_are_signed(self):
        node = self.node({"ingest": {"push_key": "push-key"}, "recording": {"enabled": False}})

        def answer(key, expires):
            stamp = f"{int(expires):X}"
            secret = hashlib.md5(f"{key}signed{stamp}".encode()).hexdigest()
            publisher = rtmp.Publisher(node.address(node.rtmp))
            told = publisher.publish("live", f"signed?txSecret={secret}&txTime={stamp}")
            publisher.close()
            return told

        self.assertEqual(answer("push-key", time.time() + 60)[0], "NetStream.Publish.Start")
        for key, expires in (("push-key", time.time() - 60), ("wrong", time.time() + 60)):
            code, why = answer(key, expires)
            self.assertRegex(code, r"NetStream\.Publish\.(Unauthorized|BadName)")
            self.assertTrue(why)
        bare = clips.push(self, clips.clip(), node.push_url("signed"))
        self.assertNotEqual(bare.wait(), 0)

    def test_url_push_makes_an_address_that_is_accepted(self):
        config = {"ingest": {"push_key": "push-key"}, "recording": {"formats": {"mp4": {}}}}
        node = self.node(config)
        # The same key, and a port that can be told: the node of this test has a free one.
        file = self.folder / "push.json"
        file.write_text(json.dumps({"ingest": {"push_key": "push-key"}}))
        told = livetape.run("url", "push", "live/made", "--valid", "1h", "--config", str(file), folder=self.folder)
        self.assertEqual(told.returncode, 0, told.stderr)
        line = re.search(r"rtmp://\S+txSecret=[0-9a-f]{32}\S*", told.stdout)
        self.assertTrue(line, told.stdout)
        url = re.sub(r"rtmp://[^/]+", f"rtmp://{node.rtmp}", line[0].strip("'\""))
        clips.finish(self, clips.push(self, clips.clip(), url, seconds=2))
        wait_for("its file", lambda: node.files(stream="live/made"))


if __name__ == "__main__":
    unittest.main()
