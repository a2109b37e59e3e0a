# SPDX-License-Identifier: MIT
"""Receivers that fail, that are away and that cannot be trusted (6)."""
import ssl
import subprocess
import unittest

import clips
import livetape
from livetape import wait_for


class callbacks(livetape.Case):
    def test_refused_three_times_then_taken_is_sent_four_times(self):
        receiver = self.receiver(answers=lambda body, attempt: 500 if body["event_type"] == 100 and attempt <= 3 else 200)
        node = self.recorder(receiver, {"formats": {"mp4": {}}})
        clips.finish(self, clips.push(self, clips.clip(), node.push_url("c"), seconds=2))
        wait_for("the file at the fourth attempt", lambda: receiver.events(100), 15)
        clips.finish(self, clips.push(self, clips.clip(), node.push_url("d"), seconds=2))
        wait_for("the next file", lambda: receiver.events(100, "d"), 15)
        attempts = [(status, body) for _, status, body in receiver.attempts if body["event_type"] == 100 and body["stream_id"] == "c"]
        self.assertEqual([status for status, _ in attempts], [500, 500, 500, 200])
        self.assertEqual(len({body["event_id"] for _, body in attempts}), 1)
        self.assertEqual(len({body["t"] for _, body in attempts}), 4, "t is made anew for each attempt")
        self.assertEqual(len(receiver.events(1, "c")), 1)
        event = node.get(f"/api/v1/events/{attempts[0][1]['event_id']}")
        self.assertEqual([(x["state"], x["attempts"]) for x in event["deliveries"]], [("delivered", 4)])

    def test_a_receiver_that_is_down_while_the_node_restarts_gets_everything(self):
        receiver = livetape.Receiver().start()
        receiver.stop()
        config = {"notify": {"endpoints": [receiver.endpoint()], "interval": "1s", "attempts": 100},
                  "recording": {"formats": {"mp4": {}, "flv": {}}}}
        node = self.node(config)
        clips.finish(self, clips.push(self, clips.clip(), node.push_url("e"), seconds=2))
        wait_for("two files", lambda: len(node.files(stream="live/e")) == 2)
        self.assertEqual(node.stop(), 0)
        node.start()
        receiver.start()
        self.addCleanup(receiver.stop)
        wait_for("all four events", lambda: len(receiver.events()) == 4, 15)
        self.assertEqual([x["event_type"] for x in receiver.events()].count(100), 2)
        self.assertEqual(sorted(x["event_type"] for x in receiver.events())[:2], [0, 1])
        self.assertEqual(len({x["event_id"] for x in receiver.events()}), 4)
        self.assertEqual(receiver.wrong, [])

    def test_an_event_that_used_up_its_attempts_is_kept_and_counted(self):
        receiver = self.receiver(answers=lambda body, attempt: 503)
        node = self.node({"notify": {"endpoints": [receiver.endpoint()], "interval": "1s", "attempts": 2},
                          "recording": {"enabled": False}})
        clips.finish(self, clips.push(self, clips.clip(), node.push_url("f"), seconds=1))
        dead = wait_for("two dead letters", lambda: (lambda x: x["total"] == 2 and x["items"])(
            node.get("/api/v1/events?state=dead")), 15)
        self.assertTrue(all(x["deliveries"][0]["attempts"] == 2 for x in dead), dead)
        self.assertEqual(len(receiver.attempts), 4)
        self.assertRegex(node.metrics(), r'(?m)^livetape_\w*deliver\w*\{[^}]*endpoint="app"[^}]*\} [1-9]')

    def test_a_certificate_is_verified(self):
        good, bad = (self.secure_receiver(name) for name in ("good", "bad"))
        endpoints = [{**x.endpoint(name=name), "url": f"https://localhost:{x.port}/"} for name, x in (("good", good), ("bad", bad))]
        node = self.node({"notify": {"endpoints": endpoints, "interval": "1s", "attempts": 2}, "recording": {"enabled": False}},
                         environment={"SSL_CERT_FILE": str(self.folder / "good.pem"), "SSL_CERT_DIR": str(self.folder)})
        clips.finish(self, clips.push(self, clips.clip(), node.push_url("g"), seconds=1))
        wait_for("both events at the trusted receiver", lambda: len(good.events()) == 2)
        wait_for("dead letters of the other", lambda: node.get("/api/v1/events?state=dead&endpoint=bad")["total"] == 2, 15)
        self.assertEqual(bad.attempts, [])

    def secure_receiver(self, name):
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True, stdin=subprocess.DEVNULL)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        receiver = self.receiver()
        receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True, do_handshake_on_connect=False)
        return receiver


if __name__ == "__main__":
    unittest.main()
