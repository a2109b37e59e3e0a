# SPDX-License-Identifier: MIT
"""What a process holds: memory, descriptors, threads; and what of it may be left when its work is done."""
import os
import pathlib
import re
import time
from collections import namedtuple

import livetape
from livetape import wait_for

SANITIZED = b"__asan_init" in livetape.BINARY.read_bytes()
# MiB more than after a warm-up, at rest: SQLite's caches (2 MiB for each connection) fill up, and the allocator gives
# back only what lies at the end of its heap. AddressSanitizer's gives nothing back and makes each block larger.
MOST_MEMORY = 30 if SANITIZED else 10
SETTLED = 2.0  # seconds without a change
Usage = namedtuple("Usage", "descriptors threads memory")  # MiB
# What is measured has to be what the process holds, not what its allocator keeps for later. glibc gives threads heaps
# of their own, eight for each core, and each keeps what its largest moment took: with one for all, what is freed is
# used again. AddressSanitizer keeps freed blocks in a quarantine (256 MiB by default): a small one is full before it
# counts.
QUARANTINE = ":quarantine_size_mb=4:thread_local_quarantine_size_kb=64"
ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "ASAN_OPTIONS": livetape.environment()["ASAN_OPTIONS"] + QUARANTINE}


def usage(node):
    folder = pathlib.Path(f"/proc/{node.process.pid}")
    status = (folder / "status").read_text()
    rss, threads = (int(re.search(rf"^{name}:\s+(\d+)", status, re.M)[1]) for name in ("VmRSS", "Threads"))
    return Usage(len(os.listdir(folder / "fd")), threads, rss / 1024)


def wait_for_rest(node, before=None, limit=15):
    """What it holds when nothing is published, all is stored, and the threads that wait for more have gone home.
    `before`: it is to hold no more descriptors and threads than then."""
    wait_for("a node without streams", lambda: not node.streams(), limit)
    spooled = lambda: sorted(x.name for x in (node.data / "spool").glob("*"))
    try:
        wait_for("an empty spool", lambda: not spooled(), limit)
    except AssertionError as why:
        raise AssertionError(f"{why}: {spooled()}") from None
    last, since = usage(node), time.monotonic()

    def is_settled():
        nonlocal last, since
        now = usage(node)
        if now[:2] != last[:2]:
            last, since = now, time.monotonic()
        if before:
            return now.descriptors <= before.descriptors and now.threads <= before.threads
        return time.monotonic() - since > SETTLED
    try:
        wait_for("descriptors and threads at rest", is_settled, limit)
    except AssertionError as why:
        held = sorted(os.readlink(x) for x in pathlib.Path(f"/proc/{node.process.pid}/fd").iterdir())
        raise AssertionError(f"{why}: {usage(node)} after {before}; it holds {held}") from None
    return usage(node)
