# SPDX-License-Identifier: MIT
"""A branch that cannot write, one that is never fed, one whose files open and close ten times: the others lose
nothing, the trouble is told, no file of 0 bytes stays (12)."""
import re
import subprocess
import unittest

import clips
import livetape
import packets
import rtmp
from livetape import wait_for


class branches(livetape.Case):
    def tearDown(self):
        for node in self.nodes:
            empty = [path for path in node.data.rglob("*") if path.is_file() and path.suffix in (".mp4", ".flv", ".ts", ".m3u8")
                     and path.stat().st_size == 0]
            self.assertEqual(empty, [], "files of 0 bytes")

    def test_a_branch_that_cannot_open_its_file_harms_no_other(self):
        receiver = self.receiver()
        node = self.recorder(receiver)
        clip = self.quadrophonic()
        pushed = clips.push(self, clip, node.push_url("odd"))
        wait_for("the gap of HLS", lambda: any(b["format"] == "hls" and b["state"] == "failed"
                                               for x in node.streams() for b in x["branches"]))
        clips.finish(self, pushed)
        wait_for("two files and the end", lambda: len(receiver.events(100, "odd")) == 2 and receiver.events(0, "odd"))
        rows = node.files(stream="live/odd")
        self.assertEqual(sorted(row["format"] for row in rows), ["flv", "mp4"])
        for row in rows:
            clips.check_files(self, node, packets.sent(clip), [row])
        self.assertRegex(node.log(), r"warning live/odd: cannot write hls: .*AAC channels")
        gaps = sum(float(x) for x in re.findall(r'(?m)^livetape_gap_seconds_total\{cause="storage_failed"\} ([\d.]+)', node.metrics()))
        self.assertAlmostEqual(gaps, 4.0, delta=0.2, msg="all of the push is a gap of HLS")
        wait_for("an empty spool", lambda: not list((node.data / "spool").iterdir()))

    def quadrophonic(self):
        """Four channels that have no number of their own (ISO 14496-3 table 1.19): ffmpeg describes them in a
        program_config_element, for which ADTS has no place, so that no transport stream can hold them."""
        clip = self.folder / "quad.flv"
        tones = "|".join(f"0.1*sin({hertz}*2*PI*t)" for hertz in (440, 550, 660, 770))
        picture = [x.format(size="640x360", seconds=4) for x in clips.VIDEO]
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *picture, "-f", "lavfi", "-i", f"aevalsrc={tones}:c=quad:s=44100:d=4",
                        *clips.X264, "-g", "50", "-c:a", "aac", "-f", "flv", str(clip)], check=True, stdin=subprocess.DEVNULL)
        return clip

    def test_hls_with_fmp4_segments_holds_what_was_sent_and_survives_a_kill(self):
        formats = {"hls": {"segment": "2s", "branch": "hls-fmp4"}, "mp4": {}}
        receiver = self.receiver()
        node = self.recorder(receiver, {"formats": formats})
        for name, clip in (("both", clips.clip(bframes=2)), ("late", clips.clip(late=0.7)), ("mute", clips.clip(audio=False))):
            clips.finish(self, clips.push(self, clip, node.push_url(name)))
            wait_for("both files", lambda: len(receiver.events(100, name)) == 2)
            rows = node.files(stream=f"live/{name}", format="hls")
            clips.check_files(self, node, packets.sent(clip), rows)
            playlist = node.download(rows[0], self.folder / "decoded")
            self.assertEqual(packets.decode_problems(playlist), "")
            self.assertIn('#EXT-X-MAP:URI="init.mp4"', playlist.read_text())
        clip = clips.clip(seconds=14, gop=250, keys=(0, 2))
        pushed = clips.push(self, clip, node.push_url("killed"))
        wait_for("media", lambda: any(b["format"] == "hls" and b["duration"] > 2.5 for x in node.streams() for b in x["branches"]))
        node.kill()
        pushed.kill()
        node.start()
        wait_for("both files", lambda: len(receiver.events(100, "killed")) == 2)
        rows = node.files(stream="live/killed", format="hls")
        self.assertEqual(rows[0]["end_reason"], "recovered")
        clips.check_files(self, node, packets.sent(clip), rows, prefix=True)
        self.assertGreater(rows[0]["duration"], 2.5)

    def test_a_faststart_mp4_can_be_read_from_a_pipe_and_survives_a_kill(self):
        receiver = self.receiver()
        node = self.recorder(receiver, {"formats": {"mp4": {"branch": "mp4-faststart"}}})
        clip = clips.clip(bframes=2)
        clips.finish(self, clips.push(self, clip, node.push_url("whole")))
        wait_for("its file", lambda: receiver.events(100, "whole"))
        rows = node.files(stream="live/whole")
        clips.check_files(self, node, packets.sent(clip), rows)
        path = node.download(rows[0], self.folder / "piped")
        self.assertEqual(packets.boxes(path), ["ftyp", "free", "moov", "free", "mdat"])
        # A pipe cannot be sought in: what has its moov at the end cannot be read from one.
        piped = subprocess.run(["ffmpeg", "-v", "warning", "-i", "pipe:0", "-f", "null", "-"], input=path.read_bytes(),
                               capture_output=True, timeout=60, check=True)
        self.assertEqual(piped.stderr, b"")
        pushed = clips.push(self, clips.clip(seconds=14, gop=250), node.push_url("killed"))
        wait_for("media", lambda: any(b["duration"] > 2.5 for x in node.streams() for b in x["branches"]))
        node.kill()
        pushed.kill()
        node.start()
        wait_for("its file", lambda: receiver.events(100, "killed"))
        rows = node.files(stream="live/killed")
        clips.check_files(self, node, packets.sent(clips.clip(seconds=14, gop=250)), rows, prefix=True)
        self.assertGreater(rows[0]["duration"], 1.4)
        self.assertEqual(packets.boxes(node.download(rows[0], self.folder / "piped")), ["ftyp", "free", "moov", "free", "mdat"])

    def test_one_that_is_never_fed_leaves_nothing_and_harms_no_other(self):
        receiver = self.receiver()
        node = self.recorder(receiver)
        silent = rtmp.Publisher(node.address(node.rtmp))
        self.assertEqual(silent.publish("live", "silent")[0], "NetStream.Publish.Start")
        clip = clips.clip()
        clips.finish(self, clips.push(self, clip, node.push_url("fed")))
        wait_for("three files", lambda: len(receiver.events(100, "fed")) == 3)
        self.assertTrue(any(x["stream"] == "silent" for x in node.streams()))
        silent.close()
        wait_for("its end", lambda: receiver.events(0, "silent"))
        for row in node.files(stream="live/fed"):
            clips.check_files(self, node, packets.sent(clip), [row])
        self.assertEqual(node.files(stream="live/silent"), [])
        wait_for("an empty spool", lambda: not list((node.data / "spool").iterdir()))

    def test_files_that_open_and_close_ten_times_lose_nothing(self):
        receiver = self.receiver()
        node = self.recorder(receiver)
        clip = clips.clip(seconds=15.4, gop=25)
        pushed = clips.push(self, clip, node.push_url("ten"))
        for count in range(1, 11):
            wait_for("open files", lambda: any(len([b for b in x["branches"] if b["duration"] > 0.1]) == 3 for x in node.streams()))
            node.request("POST", "/api/v1/streams/live/ten/cut", b"{}", {"Content-Type": "application/json"})
            wait_for("the files of the cut", lambda: len(receiver.events(100, "ten")) == 3 * count)
        clips.finish(self, pushed)
        wait_for("the last files", lambda: len(receiver.events(100, "ten")) == 33)
        for what in ("mp4", "flv", "hls"):
            rows = node.files(stream="live/ten", format=what)
            self.assertEqual(len(rows), 11)
            clips.check_files(self, node, packets.sent(clip), rows)


if __name__ == "__main__":
    unittest.main()
