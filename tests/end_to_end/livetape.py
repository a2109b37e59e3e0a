# SPDX-License-Identifier: MIT
"""A real node, and a test case that ends what it starts.

Nothing here waits for a fixed time: `wait_for` polls a condition until a limit.
"""
import http.client
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
from datetime import datetime, timezone

from receiver import Receiver

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("LIVETAPE", ROOT / "build/dev/livetape"))
LONG = bool(os.environ.get("LIVETAPE_LONG"))

# All tests run as after `ulimit -Sn 1024`, the default of most systems: the node has to raise it itself.
_, HARD = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, HARD), HARD))


def wait_for(what, condition, limit=10.0, every=0.05):
    """The first true value of `condition()`; fails with `what` after `limit` seconds."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit} s: {what}")
        time.sleep(every)


def sleep_until(moment):
    """Not right behind a standstill of the whole machine: nobody has read what publishers then send at once."""
    while (left := moment - time.time()) > 0:
        began = time.time()
        time.sleep(min(left, 0.05))
        if time.time() - began > 0.35:
            moment = max(moment, time.time() + 1)


def to_unix(text):
    """RFC 3339 in UTC to seconds."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc).timestamp()


def read_jsonc(path):
    """JSON with comments, as the configuration is written."""
    text = re.sub(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', lambda x: x[1] or "", path.read_text(), flags=re.S)
    return json.loads(re.sub(r",(\s*[}\]])", r"\1", text))


def merged(base, over):
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return {key: merged(base[key], over[key]) if key in base and key in over else over.get(key, base.get(key))
            for key in {**base, **over}}


class Node:
    """One livetape process. Started again, it finds the data of its last run."""

    def __init__(self, folder, config=None, arguments=(), hard_limit=None, environment=None, ready_limit=60):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.log_file = self.folder / "node.log"
        self.config_file = self.folder / "node.json"
        self.config = merged({
            "node": {"data_dir": str(self.data)},
            "http": {"listen": "127.0.0.1:0"},
            "ingest": {"rtmp": {"listen": "127.0.0.1:0"}},
        }, config or {})
        self.arguments = list(arguments)
        self.hard_limit = hard_limit
        self.environment = environment or {}
        self.ready_limit = ready_limit
        self.process = None
        self.output = []

    def start(self):
        """Starts the node and returns when it accepts publishers."""
        self.config_file.write_text(json.dumps(self.config, indent=1))
        command = [str(BINARY), "run", "--config", str(self.config_file), *self.arguments]
        log = open(self.log_file, "ab")
        self.process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=log, env=environment(self.environment), preexec_fn=self._limit)
        log.close()
        self.output = []
        self._ready = threading.Event()
        threading.Thread(target=self._read_output, args=(self.process,), daemon=True).start()
        wait_for("the line `ready`", lambda: self._ready.is_set() or self.process.poll() is not None, self.ready_limit)
        if not self._ready.is_set():
            raise AssertionError(f"the node ended with {self.process.returncode} before it was ready\n{self.log()}")
        return self

    def _limit(self):
        if self.hard_limit:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.hard_limit, self.hard_limit))

    def _read_output(self, process):
        with process.stdout as lines:
            self._take_lines(lines)

    def _take_lines(self, lines):
        for line in lines:
            line = line.decode(errors="replace").rstrip("\n")
            self.output.append(line)
            if line.startswith("ready "):
                fields = dict(part.split("=", 1) for part in line.split()[1:])
                self.rtmp, self.http = fields["rtmp"], fields["http"]
                self._ready.set()

    def push_url(self, stream, app="live"):
        return f"rtmp://{self.rtmp}/{app}/{stream}"

    def address(self, of):
        host, port = of.split("//")[-1].rsplit(":", 1)
        return host, int(port)

    def request(self, method, path, body=None, headers=None, limit=10, source=None):
        """(status, headers, body) of one request to the node; `path` may be a whole URL of it."""
        if path.startswith("http"):
            path = urllib.parse.urlsplit(path)._replace(scheme="", netloc="").geturl()
        connection = http.client.HTTPConnection(*self.address(self.http), timeout=limit, source_address=source and (source, 0))
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get(self, path):
        """Asks again when it is told to, as a client does."""
        end = time.monotonic() + 10
        while True:
            status, headers, body = self.request("GET", path)
            if status != 503 or time.monotonic() > end:
                break
            time.sleep(int(headers.get("Retry-After", "1")))
        if status != 200:
            raise AssertionError(f"GET {path}: {status} {body[:300]}")
        return json.loads(body)

    def files(self, **query):
        """Rows of `GET /api/v1/files`, oldest first."""
        order = {} if "prefix" in query else {"sort": "start_time"}  # with a prefix the order is by name
        query = {"page_size": 100, **order, **query}
        return self.get("/api/v1/files?" + urllib.parse.urlencode(query))["items"]

    def streams(self):
        return self.get("/api/v1/streams")["items"]

    def metrics(self):
        return self.request("GET", "/metrics")[2].decode()

    def download(self, row, folder):
        """Fetches a file by its `url` as a player would; the path of the file or of its playlist."""
        target = pathlib.Path(folder) / row["file_id"]
        target.mkdir(parents=True, exist_ok=True)
        base, name = row["url"].rsplit("/", 1)
        names = [name]
        for each in names:
            status, _, body = self.request("GET", f"{base}/{each}")
            if status != 200:
                raise AssertionError(f"GET {base}/{each}: {status}")
            (target / each).write_bytes(body)
            if each.endswith(".m3u8"):
                names += re.findall(r'(?m)^#EXT-X-MAP:URI="([^"]+)"', body.decode())
                names += [line for line in body.decode().splitlines() if line and not line.startswith("#")]
        return target / name

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def stop(self, limit=10):
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the node did not end within {limit} s of SIGTERM") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def running(self):
        return self.process is not None and self.process.poll() is None


def environment(more=None):
    """Leaks of foreign library constructors are not ours; everything else that a sanitizer finds fails."""
    quiet = f"suppressions={ROOT}/tests/end_to_end/leaks.supp:print_suppressions=0"
    # GLib has no frame pointers, so only the slow unwinder sees what a suppression can name; 8 frames
    # are enough for that and keep it bearable.
    exact = "fast_unwind_on_malloc=0:malloc_context_size=8"
    return {**os.environ, "LSAN_OPTIONS": quiet, "ASAN_OPTIONS": exact, "TZ": "UTC", **(more or {})}


def run(*arguments, limit=60, folder=None, more=None):
    """Runs a command of livetape itself, such as `check`; the completed process with texts."""
    return subprocess.run([str(BINARY), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=limit, cwd=folder, env=environment(more))


def excerpt(log, most=9000):
    """The end of a log; of a sanitizer's report the first lines."""
    at = log.find("==ERROR")
    if at >= 0:
        return "\n".join(line[:200] for line in [*log[:at].splitlines()[-5:], *log[at:].splitlines()[:45]])
    return log[-most:]


class Case(unittest.TestCase):
    """A test with a folder of its own. What it starts is ended, and a node must end well."""

    maxDiff = None

    def run(self, result=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="livetape-"))
        self.nodes = []
        bad = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > bad:
            for node in self.nodes:
                print(f"--- log of {self.id()}\n{excerpt(node.log())}", file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)
        return result

    def make_node(self, config=None, name="node", **more):
        node = Node(self.folder / name, config, **more)
        self.nodes.append(node)
        self.addCleanup(self.end, node)
        return node

    def node(self, config=None, name="node", **more):
        """A started node."""
        return self.make_node(config, name, **more).start()

    def recorder(self, receiver, recording=None, **config):
        """A started node that tells the receiver and records MP4, FLV and HLS."""
        return self.node(self.recorder_config(receiver, recording, **config))

    def recorder_config(self, receiver, recording=None, **config):
        every_format = {"mp4": {"fragment": "30m"}, "flv": {"fragment": "30m"}, "hls": {"fragment": "7d", "segment": "6s"}}
        return {"notify": {"endpoints": [receiver.endpoint()], "interval": "1s"},
                "recording": recording or {"formats": every_format}, **config}

    def receiver(self, **more):
        receiver = Receiver(**more).start()
        self.addCleanup(receiver.stop)
        self.addCleanup(lambda: self.assertEqual(receiver.wrong, [], "the receiver got what it cannot trust"))
        return receiver

    def end(self, node):
        status = node.stop() if node.running() else 0
        log = node.log()
        bad = [line for line in log.splitlines()
               if re.search(r"SUMMARY: |runtime error:|unhandled exception|terminate called|assertion", line)]
        self.assertEqual(bad, [])
        self.assertEqual(status, 0, "exit status of the node after SIGTERM")
