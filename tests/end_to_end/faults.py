# SPDX-License-Identifier: MIT
"""A spool whose disk fails, is slow or stands still whenever a test says so: the control of faults.c."""
import mmap
import os
import pathlib
import subprocess

import livetape

# As in faults.c: numbers of 8 bytes, then two texts.
NAMES = ["calls", "fail_at", "error", "is_torn", "failed", "delay", "is_stalled", "stalled", "syncfs_error",
         "sync_error", "sync_failed", "slept"]
SUFFIX, WHAT, END = len(NAMES) * 8, len(NAMES) * 8 + 32, len(NAMES) * 8 + 32 + 256


def library(folder):
    """faults.c, compiled once for each test."""
    path = pathlib.Path(folder) / "faults.so"
    if not path.exists():
        source = pathlib.Path(__file__).with_name("faults.c")
        subprocess.run(["cc", "-std=c11", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", path, source],
                       check=True)
    return path


class Disk:
    """The disk below one folder, for one node at a time. Each attribute of NAMES is read and set at once."""

    def __init__(self, case, name, below):
        path = case.folder / f"{name}.control"
        path.write_bytes(bytes(END))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), END)
        self.numbers = memoryview(self.memory).cast("B")[:SUFFIX].cast("q")
        asan = livetape.environment()["ASAN_OPTIONS"]
        self.environment = {
            "LD_PRELOAD": " ".join([str(library(case.folder)), *os.environ.get("LD_PRELOAD", "").split()]),
            "FAULTS_CONTROL": str(path), "FAULTS_BELOW": os.path.realpath(below),
            # The sanitizer's library wants to be the first; what this shim takes from it are no memory functions. What
            # is freed is to be given back, so that what grows is held.
            "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0:quarantine_size_mb=4"}
        # A node that stands in a stall could not be ended.
        case.addCleanup(self.heal)

    def __getattr__(self, name):
        return self.numbers[NAMES.index(name)] if name in NAMES else super().__getattribute__(name)

    def __setattr__(self, name, value):
        if name in NAMES:
            self.numbers[NAMES.index(name)] = value
        else:
            super().__setattr__(name, value)

    def fail_write(self, number, error, is_torn=False):
        """The n-th call from now on that writes fails, once."""
        self.fail_at, self.failed, self.calls = 0, 0, 0
        self.error, self.is_torn = error, is_torn
        self.fail_at = number

    def concern(self, suffix):
        """What is slow, stands still or fails to sync from now on: files with such a name; "": all."""
        self.memory[SUFFIX:SUFFIX + 32] = suffix.encode().ljust(32, b"\0")

    def fail_syncs(self, error, suffix):
        """The next sync of the file system fails, and the first one of a file of this name: that is how the kernel
        tells of pages that it could not write."""
        self.concern(suffix)
        self.sync_failed, self.sync_error, self.syncfs_error = 0, error, error

    def what(self):
        """The call that failed last."""
        return self.memory[WHAT:END].split(b"\0")[0].decode(errors="replace")

    def heal(self):
        self.fail_at = self.delay = self.is_stalled = self.syncfs_error = self.sync_error = 0


class Memory:
    """How much the resident memory of a node has grown at most since this was made."""

    def __init__(self, node):
        self.folder = pathlib.Path(f"/proc/{node.process.pid}")
        (self.folder / "clear_refs").write_text("5")  # resets the peak (proc(5))
        self.start = self.read("VmRSS")

    def read(self, what):
        lines = (self.folder / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) / 1024

    def grown(self):
        """In MiB."""
        return self.read("VmHWM") - self.start
