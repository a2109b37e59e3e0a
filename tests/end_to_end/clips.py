# SPDX-License-Identifier: MIT
"""Clips made by ffmpeg, once per build folder, and publishers that are the real ffmpeg."""
import fcntl
import os
import pathlib
import subprocess
import threading
import time

import livetape
import packets

CLIPS = pathlib.Path(os.environ.get("LIVETAPE_CLIPS", livetape.ROOT / "build/clips"))

VIDEO = ["-f", "lavfi", "-i", "testsrc2=size={size}:rate=25:duration={seconds}"]
AUDIO = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate={rate}:duration={seconds}"]
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-b:v", "600k"]


def clip(seconds=4, gop=50, bframes=0, video=True, audio=True, rate=44100, channels=2, late=0.0, keys=None,
         size="640x360"):
    """The path of an FLV clip: H.264 at 25 fps, AAC. `late`: seconds by which the audio begins later;
    `keys`: times of the key frames, instead of one every `gop` frames."""
    name = f"{seconds}s-gop{gop}-b{bframes}-{size}" + ("" if video else "-audio") + ("" if audio else "-video")
    name += f"-{rate}x{channels}-late{late}" + (f"-keys{'_'.join(map(str, keys))}" if keys else "")
    path = CLIPS / f"{name}.flv"
    if path.exists():
        return path
    CLIPS.mkdir(parents=True, exist_ok=True)
    with open(CLIPS / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            make(path, seconds, gop, bframes, video, audio, rate, channels, late, keys, size)
    return path


def make(path, seconds, gop, bframes, video, audio, rate, channels, late, keys, size):
    inputs, outputs = [], []
    if video:
        inputs += [x.format(size=size, seconds=seconds) for x in VIDEO]
        # ultrafast turns B-frames off and scene cuts would move key frames, so both are said.
        outputs += [*X264, "-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-bf", str(bframes)]
        outputs += ["-force_key_frames", ",".join(map(str, keys))] if keys else []
    if audio:
        inputs += (["-itsoffset", str(late)] if late else [])
        inputs += [x.format(rate=rate, seconds=seconds - late) for x in AUDIO]
        outputs += ["-c:a", "aac", "-b:a", "64k", "-ac", str(channels)]
    made = path.with_suffix(".making")
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *inputs, *outputs, "-f", "flv", str(made)], check=True,
                   stdin=subprocess.DEVNULL)
    made.rename(path)


class Push:
    """A running `ffmpeg -re -c copy`."""

    def __init__(self, path, url, seconds=None):
        limit = ["-t", str(seconds)] if seconds else []
        self.process = subprocess.Popen(
            ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-re", "-i", str(path), *limit, "-c", "copy",
             "-f", "flv", url], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.ended = None  # when it was gone
        self.watch = threading.Thread(target=self._watch, daemon=True)
        self.watch.start()

    def _watch(self):
        self.process.wait()
        self.ended = time.time()

    def wait(self, limit=60):
        """Its exit status, once everything is sent."""
        self.errors = self.process.communicate(timeout=limit)[1]
        self.watch.join()
        return self.process.returncode

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.watch.join()
        self.process.stderr.close()


def push(case, path, url, seconds=None):
    """Starts a push that the test ends."""
    pushed = Push(path, url, seconds)
    case.addCleanup(pushed.kill)
    return pushed


def finish(case, *pushes):
    for each in pushes:
        case.assertEqual(each.wait(), 0, each.errors)


def check_files(case, node, wire, rows, prefix=False):
    """All rows of one format hold together exactly what was sent; returns their packets."""
    paths = [node.download(row, case.folder / "downloads") for row in rows]
    found = [packets.packets_of(path) for path in paths]
    case.assertEqual(packets.differences(wire, found, prefix), [], f"{rows[0]['format']} of {rows[0]['stream']}")
    for row, path, each in zip(rows, paths, found):
        case.assertAlmostEqual(row["duration"], packets.length(each), delta=0.045, msg=f"duration of {row['url']}")
        if row["format"] == "hls":
            segments, ended = packets.playlist(path)
            case.assertTrue(ended, "the playlist has no ENDLIST")
            case.assertAlmostEqual(sum(x[1] for x in segments), row["duration"], delta=0.1)
        elif not prefix:
            seconds = float(packets.probe(path, "-show_format")["format"]["duration"])
            case.assertAlmostEqual(seconds, row["duration"], delta=0.045, msg=f"ffprobe's duration of {row['url']}")
        if row["format"] == "mp4" and not prefix:
            names = packets.boxes(path)
            case.assertEqual((names.count("moov"), names.count("moof")), (1, 0), names)
        case.assertGreater(row["size"], 0)
    return found
