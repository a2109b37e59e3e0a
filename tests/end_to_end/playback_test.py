# SPDX-License-Identifier: MIT
"""What a player and an operator ask over HTTP."""
import unittest

import clips
import livetape
from livetape import wait_for


class playback(livetape.Case):
    def test_files_are_served_searched_and_deleted(self):
        receiver = self.receiver()
        node = self.recorder(receiver)
        pushes = [clips.push(self, clips.clip(), node.push_url(name), 2) for name in ("play-1", "play-2")]
        clips.finish(self, *pushes)
        wait_for("six files", lambda: len(receiver.events(100)) == 6)
        with self.subTest("ranges"):
            self.ranges(node, node.files(stream="live/play-1", format="mp4")[0])
        with self.subTest("types"):
            for what, kind in (("mp4", "video/mp4"), ("flv", "video/x-flv"), ("hls", "application/vnd.apple.mpegurl")):
                url = node.files(stream="live/play-1", format=what)[0]["url"]
                status, headers, _ = node.request("HEAD", url, headers={"Origin": "http://page.example"})
                self.assertEqual((status, headers["Content-Type"].split(";")[0]), (200, kind))
                self.assertEqual(headers["Access-Control-Allow-Origin"], "*")
            segment = url.replace("playlist.m3u8", "seg-000001.ts")
            self.assertEqual(node.request("HEAD", segment)[1]["Content-Type"], "video/mp2t")
        with self.subTest("search"):
            self.assertEqual(len(node.files(prefix="play-1_")), 3)
            self.assertEqual(len(node.files(prefix="play-")), 6)
            self.assertEqual(len(node.files(**{"from": "2000-01-01T00:00:00Z", "to": "2001-01-01T00:00:00Z"})), 0)
            page = node.get("/api/v1/files?page_size=4&page=2")
            self.assertEqual((len(page["items"]), page["total"], page["total_is"]), (2, 6, "exact"))
        with self.subTest("deletion"):
            row = node.files(stream="live/play-2", format="hls")[0]
            self.assertIn(node.request("DELETE", f"/api/v1/files/{row['file_id']}")[0], (200, 202, 204))
            wait_for("that it is gone", lambda: node.request("GET", f"/api/v1/files/{row['file_id']}")[0] == 404)
            self.assertEqual(node.request("GET", row["url"])[0], 404)
            wait_for("that its folder is gone", lambda: not (node.data / "store" / row["object"]).exists())
            self.assertEqual(len(node.files(stream="live/play-2")), 2)

    def ranges(self, node, row):
        status, headers, whole = node.request("GET", row["url"])
        self.assertEqual((status, len(whole)), (200, row["size"]))
        tag = headers["ETag"]
        status, headers, part = node.request("GET", row["url"], headers={"Range": "bytes=100-199"})
        self.assertEqual((status, part, headers["Content-Range"]), (206, whole[100:200], f"bytes 100-199/{len(whole)}"))
        self.assertEqual(node.request("GET", row["url"], headers={"Range": "bytes=-10"})[2], whole[-10:])
        self.assertEqual(node.request("GET", row["url"], headers={"Range": f"bytes={len(whole)}-"})[0], 416)
        self.assertEqual(node.request("GET", row["url"], headers={"If-None-Match": tag})[0], 304)
        status, headers, body = node.request("HEAD", row["url"])
        self.assertEqual((status, body, int(headers["Content-Length"])), (200, b"", len(whole)))

    def test_a_live_stream_is_shown_and_can_be_dropped(self):
        receiver = self.receiver()
        node = self.recorder(receiver)
        pushed = clips.push(self, clips.clip(seconds=30, gop=50), node.push_url("shown"))
        wait_for("three open files", lambda: any(len([b for b in x["branches"] if b["state"] == "writing"]) == 3 for x in node.streams()))
        stream = node.get("/api/v1/streams/live/shown")
        self.assertEqual((stream["app"], stream["stream"], stream["state"]), ("live", "shown", "live"))
        self.assertEqual(sorted(x["kind"] for x in stream["tracks"]), ["audio", "video"])
        wait_for("more than a second", lambda: all(b["duration"] > 1.2 for b in node.get("/api/v1/streams/live/shown")["branches"]))
        json_type = {"Content-Type": "application/json"}
        self.assertIn(node.request("POST", "/api/v1/streams/live/shown/drop", "{}", json_type)[0], (200, 202, 204))
        self.assertNotEqual(pushed.wait(10), 0)
        wait_for("its files", lambda: len(receiver.events(100, "shown")) == 3)
        self.assertEqual(receiver.events(0, "shown")[0]["errcode"], 21)
        self.assertEqual(node.request("GET", "/api/v1/streams/live/shown")[0], 404)
        self.assertEqual(node.request("GET", "/readyz")[0], 200)
        for name in ("streams", "files", "disk", "build"):
            self.assertRegex(node.metrics(), rf"(?m)^livetape_\w*{name}", name)


if __name__ == "__main__":
    unittest.main()
