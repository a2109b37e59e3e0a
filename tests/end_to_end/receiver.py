# SPDX-License-Identifier: MIT
"""A receiver of events that trusts nothing."""
import hashlib
import http.server
import json
import socket
import socketserver
import threading
import time

KEY = "callback-key"


class Receiver:
    """An HTTP server that takes events, checks `sign = md5(key + t)` and remembers every attempt.

    `answers(body, attempt)` may return the status for an attempt (counted per event from 1).
    """

    def __init__(self, key=KEY, answers=None, port=0):
        self.key, self.answers = key, answers or (lambda body, attempt: 200)
        self.attempts = []  # (time, status, body)
        self.wrong = []     # why a body was not to be trusted
        self.lock = threading.Lock()
        self.connections = 0
        self.port = port

    def start(self):
        receiver = self

        class handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = receiver.take(text, self.headers)
                answer = b'{"code":0}'
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        class server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128

            def server_bind(self):
                socketserver.TCPServer.server_bind(self)  # HTTPServer's also asks the resolver for a name

            def process_request(self, *connection):
                with receiver.lock:
                    receiver.connections += 1
                super().process_request(*connection)

            def process_request_thread(self, *connection):
                super().process_request_thread(*connection)
                with receiver.lock:
                    receiver.connections -= 1

            def handle_error(self, *_):
                pass  # a client that breaks off, as one does that does not trust the certificate

        self.server = server(("127.0.0.1", self.port), handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def is_idle(self):
        """True when every connection made so far is over (a poster keeps none open) and what it brought is noted."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as last:  # taken behind all before it
            last.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while last.recv(4096):
                pass
        with self.lock:
            return self.connections == 0  # False too when the last is not counted off yet: ask again

    def take(self, text, headers):
        now = time.time()
        try:
            body = json.loads(text)
        except ValueError:
            with self.lock:
                self.wrong.append(f"not JSON: {text[:200]}")
            return 400
        problem = self.problem(body, headers, now)
        with self.lock:
            if problem:
                self.wrong.append(f"{problem}: {body}")
            attempt = 1 + sum(seen["event_id"] == body.get("event_id") for _, _, seen in self.attempts)
            status = self.answers(body, attempt)
            self.attempts.append((now, status, body))
        return status

    def problem(self, body, headers, now):
        expected = hashlib.md5(f"{self.key}{body.get('t')}".encode()).hexdigest()
        if body.get("sign") != expected:
            return "wrong sign"
        if not isinstance(body["t"], int) or abs(body["t"] - now - 600) > 30:
            return "t is not the time of sending plus 600 s"
        if not str(headers.get("Content-Type", "")).startswith("application/json"):
            return "not announced as JSON"
        if not body.get("event_id"):
            return "no event_id"
        return None

    def events(self, kind=None, stream=None):
        """Bodies that were answered with 200, once for each time."""
        with self.lock:
            return [body for _, status, body in self.attempts
                    if status == 200 and kind in (None, body["event_type"]) and stream in (None, body["stream_id"])]

    def endpoint(self, **more):
        return {"name": "app", "url": f"http://127.0.0.1:{self.port}/callback", "key": self.key,
                "events": ["publish_started", "publish_ended", "file"], **more}
