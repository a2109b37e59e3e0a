# SPDX-License-Identifier: MIT
"""Mistakes of a configuration are told all at once, with their paths (10)."""
import json
import unittest

import livetape

WRONG = """{
  // ten mistakes
  "node": { "time_zone": "Mars/Olympus", "app_id": "one" },
  "log": { "level": "loud" },
  "http": { "listen": "0.0.0.0:8080", "tokens": [ { "name": "a", "role": "king", "token": "0123456789" } ] },
  "ingest": { "rtmp": { "listen": "127.0.0.1:99999" }, "buffer": "64 elephants" },
  "recording": { "fromats": {}, "rules": [ { "match": "live/*", "formats": { "mp4": { "fragment": "-5s" } } } ] },
  "notify": { "endpoints": [ { "name": "app", "url": "http://127.0.0.1:9000/", "events": ["file"] } ] }
}"""
PATHS = ("node.time_zone", "node.app_id", "log.level", "http.public_url", "http.tokens[0].role", "ingest.rtmp.listen", "ingest.buffer",
         "recording.fromats", "recording.rules[0].formats.mp4.fragment", "notify.endpoints[0].key")


class configuration(livetape.Case):
    def write(self, text):
        path = self.folder / "node.json"
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        return str(path)

    def test_ten_mistakes_make_ten_lines_and_status_2(self):
        path = self.write(WRONG)
        for arguments in (("check", path), ("run", "--config", path)):
            done = livetape.run(*arguments, folder=self.folder)
            self.assertEqual(done.returncode, 2, done.stderr)
            lines = [line for line in (done.stdout + done.stderr).splitlines() if any(x in line for x in PATHS)]
            self.assertEqual(len(lines), 10, done.stdout + done.stderr)
            for each in PATHS:
                self.assertTrue(any(each in line for line in lines), f"{each} is not told:\n" + "\n".join(lines))
        self.assertIn("formats", "\n".join(lines), "the nearest known key is proposed")
        self.assertFalse((self.folder / "data").exists(), "nothing was begun")

    def test_no_secret_is_told(self):
        path = self.write({"ingest": {"push_key": "very-secret-push-key", "nonsense": 1}, "notify": {"endpoints": [
            {"name": "a", "url": "ftp://x/", "key": "very-secret-callback-key", "events": ["file"]}]}})
        done = livetape.run("check", path, folder=self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertNotIn("very-secret", done.stdout + done.stderr)

    def test_keys_of_later_issues_are_unknown(self):
        for key in ("rooms", "pipelines", "cluster", "common_access"):
            done = livetape.run("check", self.write({key: {}}), folder=self.folder)
            self.assertEqual(done.returncode, 2, key)
            self.assertIn(key, done.stdout + done.stderr)

    def test_the_configurations_that_come_with_it_are_right(self):
        for name in ("node.json", "stock.json"):
            done = livetape.run("check", str(livetape.ROOT / "config" / name), folder=self.folder)
            self.assertEqual(done.returncode, 0, f"{name}: {done.stdout}{done.stderr}")

    def test_wrong_usage_is_status_2(self):
        for arguments in (("nonsense",), ("run", "--nonsense"), ("run", "--config", "/nowhere/node.json"), ("url", "push", "noslash")):
            self.assertEqual(livetape.run(*arguments, folder=self.folder).returncode, 2, arguments)
        done = livetape.run("version", folder=self.folder)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"\d+\.\d+\.\d+")


if __name__ == "__main__":
    unittest.main()
