# SPDX-License-Identifier: MIT
"""A publisher made of bytes (RTMP 1.0, Adobe 2012), for what ffmpeg cannot do: an RST at a chosen
moment, sessions to mutate, exact times."""
import fcntl
import os
import socket
import struct
import termios
import time
from collections import namedtuple

import packets

Message = namedtuple("Message", "kind stamp stream body")


def amf(*values):
    out = b""
    for x in values:
        if x is None:
            out += b"\5"
        elif isinstance(x, bool):
            out += bytes([1, x])
        elif isinstance(x, (int, float)):
            out += b"\0" + struct.pack(">d", x)
        elif isinstance(x, str):
            out += b"\2" + struct.pack(">H", len(x.encode())) + x.encode()
        else:
            out += b"\3" + b"".join(struct.pack(">H", len(k)) + k.encode() + amf(v) for k, v in x.items()) + b"\0\0\x09"
    return out


def read_amf(data):
    """The values of a command, as far as they are of the simple kinds that a server sends."""
    def one(at):
        kind = data[at]
        if kind == 0:
            return struct.unpack(">d", data[at + 1:at + 9])[0], at + 9
        if kind == 1:
            return bool(data[at + 1]), at + 2
        if kind == 2:
            size = int.from_bytes(data[at + 1:at + 3], "big")
            return data[at + 3:at + 3 + size].decode(), at + 3 + size
        if kind in (3, 8):
            found, at = {}, at + (5 if kind == 8 else 1)
            while data[at:at + 3] != b"\0\0\x09":
                size = int.from_bytes(data[at:at + 2], "big")
                name = data[at + 2:at + 2 + size].decode()
                found[name], at = one(at + 2 + size)
            return found, at + 3
        if kind in (5, 6):
            return None, at + 1
        raise ValueError(f"AMF0 type {kind}")

    values, at = [], 0
    while at < len(data):
        value, at = one(at)
        values.append(value)
    return values


def chunks(kind, body, stamp=0, stream=0, chunk_stream=3, size=128):
    """One message as chunks: a full header, then headers of type 3."""
    extended = struct.pack(">I", stamp) if stamp >= 0xFFFFFF else b""
    head = bytes([chunk_stream]) + min(stamp, 0xFFFFFF).to_bytes(3, "big") + len(body).to_bytes(3, "big")
    out = [head, bytes([kind]), struct.pack("<I", stream), extended, body[:size]]
    for at in range(size, len(body), size):
        out += [bytes([0xC0 | chunk_stream]), extended, body[at:at + size]]
    return b"".join(out)


class Reader:
    """Puts the messages of a peer together again."""

    def __init__(self):
        self.data, self.chunk_size, self.channels = b"", 128, {}

    def feed(self, data):
        self.data += data
        while (message := self.one()) is not None:
            if message is not False:
                if message.kind == 1:
                    self.chunk_size = int.from_bytes(message.body[:4], "big")
                yield message

    def one(self):
        """A message, False for a chunk that ends none, None for too few bytes."""
        data = self.data
        if not data:
            return None
        form, number, at = data[0] >> 6, data[0] & 63, 1
        if number < 2:
            if len(data) < 3:
                return None
            number, at = (64 + data[1], 2) if number == 0 else (64 + data[1] + 256 * data[2], 3)
        x = self.channels.setdefault(number, {"body": b"", "stamp": 0, "size": 0, "kind": 0, "stream": 0, "long": False})
        width = (11, 7, 3, 0)[form]
        if len(data) < at + width:
            return None
        head = data[at:at + width]
        at += width
        stamp = int.from_bytes(head[:3], "big") if width else 0
        long = stamp == 0xFFFFFF if width else x["long"]
        if long:
            if len(data) < at + 4:
                return None
            stamp, at = int.from_bytes(data[at:at + 4], "big"), at + 4
        size = int.from_bytes(head[3:6], "big") if width >= 7 else x["size"]
        take = min(self.chunk_size, size - len(x["body"]))
        if len(data) < at + take:
            return None
        x["long"], x["size"] = long, size
        if width >= 7:
            x["kind"] = head[6]
        if width == 11:
            x["stream"], x["stamp"] = struct.unpack("<I", head[7:])[0], stamp
        elif width:
            x["stamp"] += stamp
        x["body"] += data[at:at + take]
        self.data = data[at + take:]
        if len(x["body"]) < size:
            return False
        body, x["body"] = x["body"], b""
        return Message(x["kind"], x["stamp"], x["stream"], body)


def commands(app, name, address="127.0.0.1"):
    """The commands of a publisher, in order, each as (name, bytes)."""
    connect = {"app": app, "type": "nonprivate", "flashVer": "FMLE/3.0", "tcUrl": f"rtmp://{address}/{app}"}
    return [("connect", chunks(20, amf("connect", 1, connect))),
            ("releaseStream", chunks(20, amf("releaseStream", 2, None, name))),
            ("FCPublish", chunks(20, amf("FCPublish", 3, None, name))),
            ("createStream", chunks(20, amf("createStream", 4, None))),
            ("publish", chunks(20, amf("publish", 5, None, name, "live"), stream=1, chunk_stream=4))]


def media(clip, size=4096):
    """The tags of a clip as chunks, each with its time stamp; before them the chunk size."""
    yield 0, chunks(1, struct.pack(">I", size), chunk_stream=2)
    for kind, stamp, body in packets.flv_tags(clip):
        if kind == 18:
            body = amf("@setDataFrame") + body
        yield stamp, chunks(kind, body, stamp, 1, {8: 4, 9: 6}.get(kind, 5), size)


def session(clip, app, name, tags=None):
    """Everything that a whole publish sends, as one byte string."""
    hello = b"\3" + bytes(8) + os.urandom(1528)
    out = [hello, bytes(1536), *(x for _, x in commands(app, name))]
    for number, (_, x) in enumerate(media(clip)):
        if tags is not None and number >= tags:
            break
        out.append(x)
    return b"".join(out)


class Publisher:
    """One connection. `publish` returns what the server said: (code, description)."""

    def __init__(self, address, limit=10, source=None):
        self.socket = socket.create_connection(address, limit, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader, self.inbox = Reader(), []
        self.socket.sendall(b"\3" + bytes(8) + os.urandom(1528))
        answer = self.exactly(1 + 1536 + 1536)
        self.socket.sendall(answer[1:1537])

    def exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise ConnectionError("the server closed the connection")
            data += more
        return data

    def answer(self, *names):
        """The next command with one of these names."""
        while True:
            for message in self.inbox:
                if message.kind in (20, 17):
                    values = read_amf(message.body[1:] if message.kind == 17 else message.body)
                    if values[0] in names:
                        self.inbox.remove(message)
                        return values
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            self.inbox += self.reader.feed(data)

    def command(self, *values, stream=0):
        self.socket.sendall(chunks(20, amf(*values), stream=stream))

    def connect(self, app):
        self.socket.sendall(commands(app, "")[0][1])
        return self.answer("_result", "_error")

    def publish(self, app, name):
        self.connect(app)
        for _, data in commands(app, name)[1:4]:
            self.socket.sendall(data)
        while self.answer("_result", "_error")[1] != 4:
            pass
        self.socket.sendall(commands(app, name)[4][1])
        told = self.answer("onStatus", "_error")[3]
        return told["code"], told.get("description", "")

    def send(self, clip, faster=None):
        """Sends a clip, `faster` times as fast as it plays; None: as fast as it goes."""
        start = time.monotonic()
        for stamp, data in media(clip):
            if faster:
                time.sleep(max(0.0, start + stamp / 1000 / faster - time.monotonic()))
            self.socket.sendall(data)

    def drain(self, limit=10):
        """Returns when the peer's kernel has acknowledged every byte."""
        end = time.monotonic() + limit
        while struct.unpack("i", fcntl.ioctl(self.socket, termios.TIOCOUTQ, b"\0\0\0\0"))[0]:
            if time.monotonic() > end:
                raise TimeoutError("the server does not take the bytes")
            time.sleep(0.001)

    def reset(self):
        """Ends the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()
