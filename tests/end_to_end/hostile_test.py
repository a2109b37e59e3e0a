# SPDX-License-Identifier: MIT
"""Thousands of spoilt sessions against both ports while a stream records (9, its part over the network)."""
import os
import random
import re
import socket
import threading
import time
import unittest

import clips
import livetape
import packets
import rtmp
from livetape import wait_for

# The long form tries other sequences each time.
SEED = int(os.environ.get("LIVETAPE_SEED", "0")) or (random.SystemRandom().randrange(1, 1 << 30) if livetape.LONG else 7)
SEQUENCES = 20000 if livetape.LONG else 1500  # for each port
SECONDS = 600 if livetape.LONG else 25        # after which no further sequence is begun


def mutated(data, chance):
    """Some bytes changed, a piece doubled, dropped, or filled with one value."""
    data = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(data))
        size = chance.randrange(1, 1 + min(64, len(data) - at))
        kind = chance.randrange(5)
        if kind == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at:at + size] = bytes([chance.choice((0, 0x7F, 0x80, 0xFF))]) * size
        elif kind == 2:
            data[at:at] = data[at:at + size] * chance.randrange(1, 4)
        elif kind == 3:
            del data[at:at + size]
        else:
            data[at:at + size] = chance.randbytes(size)
        data = data or bytearray(b"\0")
    return bytes(data[:chance.randrange(len(data))] if chance.random() < 0.2 else data)


class hostile_input(livetape.Case):
    def test_no_frame_of_a_running_stream_is_lost(self):
        print(f"LIVETAPE_SEED={SEED}", flush=True)
        receiver = self.receiver()
        node = self.recorder(receiver)
        clip = clips.clip(seconds=30, gop=50)
        running = clips.push(self, clip, node.push_url("steady"))
        wait_for("the stream", lambda: node.streams())
        self.end, self.counts, self.trouble = time.monotonic() + SECONDS, {"rtmp": 0, "http": 0}, []
        attackers = [threading.Thread(target=self.attack, args=(node, what, number))
                     for what in ("rtmp", "http") for number in range(3)]
        for each in attackers:
            each.start()
        for each in attackers:
            each.join()
        print(f"sequences: {self.counts}", flush=True)
        self.assertEqual(self.trouble, [], "a port did not answer any more")
        clips.finish(self, running)
        wait_for("its files", lambda: len(receiver.events(100, "steady")) == 3, 60)
        for row in node.files(stream="live/steady"):
            clips.check_files(self, node, packets.sent(clip), [row])
        wait_for("that all others are gone", lambda: not node.streams(), 30)

    def attack(self, node, what, number):
        chance = random.Random(f"{SEED} {what} {number}")
        target = node.address(node.rtmp if what == "rtmp" else node.http)
        failures = 0
        for round_ in range(SEQUENCES // 3):
            if time.monotonic() > self.end or failures > 50:
                break
            data = self.rtmp_sequence(chance, f"{number}-{round_}") if what == "rtmp" else self.http_sequence(chance, node)
            try:
                self.send(target, f"127.0.0.{2 + number + 10 * chance.randrange(3)}", data, chance)
                self.counts[what] += 1
            except ConnectionRefusedError as error:
                failures += 1
                self.trouble.append(f"{what}: {error}")
            except OSError:
                self.counts[what] += 1  # the server hung up, as it may

    def send(self, target, source, data, chance):
        with socket.create_connection(target, 5, (source, 0)) as connection:
            connection.settimeout(2)
            at = 0
            while at < len(data):
                size = chance.choice((1, 7, 128, 4096, len(data)))
                connection.sendall(data[at:at + size])
                at += size if size > 100 else len(data)  # a small first piece, then the rest
                if at >= len(data) and size <= 100:
                    connection.sendall(data[size:])
            if chance.random() < 0.5:
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(0.2)
                connection.recv(4096)

    def rtmp_sequence(self, chance, name):
        if chance.random() < 0.1:
            return chance.randbytes(chance.randrange(1, 4000))
        whole = rtmp.session(clips.clip(seconds=4), "live", f"evil-{name}", tags=chance.choice((0, 3, 20, 60)))
        # Two thirds keep handshake and commands, so that the mutation is met after `publish`.
        hello = 1 + 1536 + 1536
        keep = hello + sum(len(x) for _, x in rtmp.commands("live", f"evil-{name}")) if chance.random() < 0.67 else chance.choice((0, hello))
        return whole[:keep] + mutated(whole[keep:] or b"\0", chance)

    def http_sequence(self, chance, node):
        host = node.http.split("//")[1]
        method, path, body = chance.choice((
            ("GET", "/healthz", ""), ("GET", "/api/v1/files?prefix=a&page=1&sort=name", ""), ("GET", "/api/v1/streams", ""),
            ("HEAD", "/vod/live/steady/1/f0.mp4", ""), ("POST", "/api/v1/streams/live/nobody/cut", "{}"),
            ("GET", "/vod/live/steady/../../../etc/passwd", ""), ("DELETE", "/api/v1/files/1", ""), ("GET", "/metrics", "")))
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nRange: bytes=0-9\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        data = (head + body).encode()
        keep = len(f"{method} ") if chance.random() < 0.67 else 0
        return data[:keep] + mutated(data[keep:], chance)


class foreign_requests(livetape.Case):
    def test_hosts_origins_forms_and_paths_that_are_not_ours_are_refused(self):
        node = self.node({"recording": {"formats": {"mp4": {}}}})
        clips.finish(self, clips.push(self, clips.clip(), node.push_url("h"), seconds=2))
        row = wait_for("a file", lambda: node.files())[0]
        evil = {"Host": "evil.example"}
        for path in ("/api/v1/files", "/metrics", row["url"]):
            self.assertEqual(node.request("GET", path, headers=evil)[0], 421, path)
        cut, drop = "/api/v1/streams/live/h/cut", f"/api/v1/files/{row['file_id']}"
        json_type = {"Content-Type": "application/json"}
        self.assertEqual(node.request("POST", cut, "{}", {**json_type, "Origin": "http://evil.example"})[0], 403)
        self.assertEqual(node.request("DELETE", drop, None, {"Origin": "http://evil.example"})[0], 403)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        self.assertEqual(node.request("POST", cut, "a=b", form)[0], 415)
        self.assertEqual(len(node.files()), 1, "nothing was deleted")
        base = row["url"].split("/vod/")[1].rsplit("/", 1)[0]
        before = self.refused(node)
        for path in ("../../../../index.db", "..%2f..%2f..%2findex.db", "%2e%2e/%2e%2e/index.db", "..\\index.db", "f0.mp4%00.json",
                     "//etc/passwd", "....//index.db"):
            status, _, body = self.raw(node, f"/vod/{base}/{path}")
            self.assertIn(status, (400, 403, 404), path)
            self.assertNotIn(b"SQLite", body)
        self.assertGreater(self.refused(node).get("target", 0), before.get("target", 0), "traversal is counted")
        self.assertEqual(node.request("GET", "/healthz", headers={"Host": f"localhost:{node.address(node.http)[1]}"})[0], 200)
        for reason in ("host", "origin", "content_type"):
            self.assertIn(reason, self.refused(node), "refusals are counted")

    def refused(self, node):
        found = re.findall(r'refused\w*\{where="http",reason="([^"]*)"\} (\d+)', node.metrics())
        return {reason: int(count) for reason, count in found}

    def raw(self, node, path):
        return node.request("GET", path)

    def test_two_hundred_wrong_tokens_open_nothing(self):
        node = self.node({"http": {"tokens": [{"name": "ops", "role": "operator", "token": "env:OPS_TOKEN"}]}},
                         environment={"OPS_TOKEN": "a-long-enough-token"})
        right = {"Authorization": "Bearer a-long-enough-token"}
        self.assertEqual(node.request("GET", "/api/v1/files", headers=right)[0], 200)
        for number in range(200):
            status = node.request("GET", "/api/v1/files", headers={"Authorization": f"Bearer a-long-enough-toke{number}"})[0]
            self.assertIn(status, (401, 429))
        self.assertEqual(node.request("GET", "/api/v1/files")[0], 401)
        self.assertEqual(node.request("GET", "/healthz")[0], 200)
        # The address that guessed may be locked out for a while; another one must not be.
        status, _, body = node.request("GET", "/metrics", headers=right, source="127.0.0.2")
        self.assertEqual(status, 200)
        counts = re.findall(r'refused\w*\{[^}]*where="http"[^}]*\} (\d+)', body.decode())
        self.assertGreaterEqual(sum(map(int, counts)), 200, body.decode())


if __name__ == "__main__":
    unittest.main()
