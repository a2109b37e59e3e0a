# SPDX-License-Identifier: MIT
"""Disks whose power can be cut: ext4 on a loop device over a file, of which a copy is taken at one instant.

What a file system has told its device is in the file behind the loop device; what it still keeps in memory is not, and
that is what a power cut loses. For the copy to be of one instant the file lies on a file system of its own, which is
frozen meanwhile: the device then takes no write, as a disk that is slow for some milliseconds, and neither the file
system above nor the node hears of it.

A disk with a cache of its own is one more ext4 below: what the loop device was told but was not told to flush is in
that one's memory, and so is lost as well, out of order with what was flushed.
"""
import contextlib
import os
import pathlib
import subprocess
import time
import unittest

SIZE = 256  # MiB of the disk; those below are larger, for what a file system takes for itself
TIMES = 60  # seconds that a mount or a copy may take


def call(*command):
    return subprocess.run([str(x) for x in command], check=True, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=TIMES)


def needs_loops(why="to mount a file as a disk"):
    """The reason to skip a test that needs loop devices; empty where they are."""
    if os.geteuid() != 0:
        return f"needs root, {why}"
    if subprocess.run(["losetup", "-f"], capture_output=True).returncode != 0:
        return f"needs loop devices, {why}"
    return ""


class Disk:
    """A mounted disk; `top` is its folder."""

    def __init__(self, case, folder, has_cache):
        self.case, self.folder, self.has_cache = case, pathlib.Path(folder), has_cache
        self.copies = 0
        case.addCleanup(self.end)
        below = self.make("memory")
        # In memory, so that the tests neither wear nor wait for a real disk.
        call("mount", "-t", "tmpfs", "-o", "size=2g", "tmpfs", below)
        # The lowest is only there to be frozen.
        layers = [SIZE + 192, SIZE + 96, SIZE] if has_cache else [SIZE + 96, SIZE]
        for place, size in enumerate(layers):
            image = below / "image"
            call("truncate", "-s", f"{size}M", image)
            # No thread of the kernel that goes on making the file system writes at times of its own.
            call("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
            below = self.make("frozen" if place == 0 else "top" if place == len(layers) - 1 else "cache")
            call("mount", "-o", "loop", image, below)
        self.top, self.frozen = below, self.folder / "frozen"

    def end(self):
        """Lazily, not to wait for what a failed test has left open."""
        self.thaw()
        lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
        mounted = [line.split()[4] for line in lines if f" {self.folder}/" in line]
        for each in reversed(mounted):
            subprocess.run(["umount", "-l", each], capture_output=True)

    def make(self, name):
        path = self.folder / name
        path.mkdir(parents=True)
        return path

    def thaw(self):
        with contextlib.suppress(subprocess.CalledProcessError):
            call("fsfreeze", "-u", self.folder / "frozen")

    def cut(self):
        """(the image at one instant, the moments between which that was)."""
        copy, began = self.folder / "memory" / f"cut{self.copies}", time.time()
        self.copies += 1
        # The file system that holds the device's file brings to its own device what it has: no write of the disk is
        # among that which was not the device's already.
        call("fsfreeze", "-f", self.frozen)
        ended = time.time()
        try:
            call("cp", "--sparse=auto", self.frozen / "image", copy)
        finally:
            self.thaw()
        return copy, began, ended

    def leave(self):
        """The end of the running disk, so that a copy can take its place."""
        call("umount", self.top)

    @contextlib.contextmanager
    def mounted(self, copy):
        """The copy in the place of the disk: the journal is replayed as when the power is back."""
        below = []
        try:
            if self.has_cache:
                lower = self.folder / f"lower-{copy.name}"
                lower.mkdir()
                call("mount", "-o", "loop", copy, lower)
                below.append(lower)
            call("mount", "-o", "loop", *([lower / "image"] if below else [copy]), self.top)
            below.append(self.top)
            yield
            call("umount", below.pop())
            # Only that the copy was of one instant makes what was seen on it worth anything.
            image = below[0] / "image" if below else copy
            checked = subprocess.run(["e2fsck", "-fn", str(image)], capture_output=True, text=True, timeout=TIMES)
            self.case.assertEqual(checked.returncode, 0, f"the copy is no state of a disk: {checked.stdout}")
        finally:
            for each in reversed(below):
                call("umount", each)
        copy.unlink()


def skip_without_loops(what):
    return unittest.skipIf(needs_loops(), needs_loops())(what)
