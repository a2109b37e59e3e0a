# SPDX-License-Identifier: MIT
"""Every command block of README.md is executed.

Only what the reader's machine has and a test has not is replaced: the ports (a test takes free ones),
`build/release/` (the folder of the program under test), the prefix of the installation. `./dev run` runs
as it stands, with the preset of the program under test and a configuration with free ports. `./dev test`
is not started by itself: it is the command that this test runs in.
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import unittest

import clips
import livetape
import packets
from livetape import wait_for

README = (livetape.ROOT / "README.md").read_text()
BLOCKS = re.findall(r"(?m)^```(\w+)\n(.*?)^```$", README, flags=re.S)
SECRETS = {"CALLBACK_KEY": "callback-key", "PUSH_KEY": "push-key-push-key", "OPS_TOKEN": "ops-token-ops-token"}
PRESET = livetape.BINARY.parent.name


def blocks(language, containing=""):
    return [text for name, text in BLOCKS if name == language and containing in text]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class the_readme(livetape.Case):
    def shell(self, text, node, limit=60):
        """Runs a block as a reader would, in a folder that has `clip.flv` and `config/`."""
        text = text.replace("127.0.0.1:1935", node.rtmp).replace("http://127.0.0.1:8080", node.http)
        text = text.replace("build/release/", f"{livetape.BINARY.parent}/")
        for name, target in (("clip.flv", clips.clip()), ("config", livetape.ROOT / "config")):
            if not (self.folder / name).exists():
                (self.folder / name).symlink_to(target)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=limit, env=livetape.environment())
        self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}\n{done.stderr}")
        self.done.add(text)
        return done.stdout

    def test_every_shell_block_works(self):
        self.done, seen = set(), []
        receiver_port = free_port()
        endpoint = json.loads(blocks("jsonc", "127.0.0.1:9000")[0])["notify"]["endpoints"][0]
        endpoint["url"] = endpoint["url"].replace("9000", str(receiver_port))
        receiver = self.python_block(receiver_port)
        node = self.node({"notify": {"endpoints": [endpoint], "interval": "1s"}})
        for text in blocks("sh"):
            seen.append(text)
            if text == "./dev run\n":
                self.dev_run()
            elif text == "./dev test\n":
                self.dev_test()
            elif text.startswith("cmake --install"):
                self.install(text)
            elif "/cut" in text:
                self.while_live(text, node)
            else:
                told = self.shell(text, node, limit=180)
                if "ffmpeg" in text or "gst-launch" in text:
                    name = re.search(r"/live/(\w+)", text)[1]
                    wait_for(f"the MP4 and the HLS of {name}", lambda: len(node.files(stream=f"live/{name}")) == 2)
                if "url push" in text:
                    self.assertIn("rtmp://", told)
                if "--stream live/court-3" in text:
                    self.assertIn("mp4", told)
        self.assertGreaterEqual(len(seen), 9)
        downloaded = self.folder / "f0.mp4"
        self.assertEqual(packets.decode_problems(downloaded), "")
        wait_for("what the receiver prints", lambda: sum("/vod/live/a/" in line for line in receiver) >= 2)

    def python_block(self, port):
        """Starts the receiver of the README; the list of the lines that it prints."""
        (text,) = blocks("python")
        self.assertLessEqual(len([line for line in text.splitlines() if line.strip()]), 15)
        process = subprocess.Popen([sys.executable, "-c", text.replace("9000", str(port))], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stdout.close()))
        lines = []
        threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True).start()
        return lines

    def while_live(self, text, node):
        pushed = clips.push(self, clips.clip(seconds=30, gop=50), node.push_url("a"))
        wait_for("the stream", lambda: any(x["stream"] == "a" for x in node.streams()))
        self.shell(text, node)
        self.assertNotEqual(pushed.wait(10), 0, "it was dropped")

    def dev_run(self):
        if not (livetape.ROOT / "build" / PRESET / "build.ninja").exists():
            self.skipTest("the program was not built by ./dev")
        config = self.folder / "ports.json"
        config.write_text(json.dumps({"node": {"data_dir": str(self.folder / "run")}, "http": {"listen": "127.0.0.1:0"},
                                      "ingest": {"rtmp": {"listen": "127.0.0.1:0"}}}))
        process = subprocess.Popen(["./dev", "run", "--config", str(config)], cwd=livetape.ROOT, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=livetape.environment({"LIVETAPE_PRESET": PRESET}))
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stdout.close(), process.stderr.close()))
        lines = []
        threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True).start()
        threading.Thread(target=process.stderr.read, daemon=True).start()
        wait_for("the line `ready`", lambda: any(x.startswith("ready rtmp=") for x in lines) or process.poll() is not None, 120)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(15), 0, lines)
        self.assertTrue(any(x.startswith("ready rtmp=") for x in lines), lines)

    def dev_test(self):
        if "LIVETAPE_DEV_TEST" not in os.environ:
            print("not run by ./dev test, so that block was only checked for its options", flush=True)
            told = subprocess.run(["./dev", "help"], cwd=livetape.ROOT, capture_output=True, text=True, check=True).stdout
            self.assertIn("./dev test", told)

    def install(self, text):
        build = livetape.ROOT / "build" / PRESET
        if not (build / "cmake_install.cmake").exists():
            self.skipTest("the program was not built by ./dev")
        prefix = self.folder / "installed"
        text = text.replace("build/release", str(build)).replace("/usr/local", str(prefix))
        subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=self.folder, check=True, capture_output=True)
        done = subprocess.run([prefix / "bin/livetape", "version"], capture_output=True, env=livetape.environment())
        self.assertEqual(done.returncode, 0)
        unit = (prefix / "lib/systemd/system/livetape.service").read_text()
        self.assertIn(f"ExecStart={prefix}/bin/livetape run", unit)
        for name in ("node.json", "stock.json", "README.md"):
            self.assertTrue((prefix / "share/doc/livetape" / name).exists(), name)

    def test_every_configuration_block_is_accepted(self):
        for text in blocks("jsonc"):
            path = pathlib.Path(self.folder) / "block.json"
            path.write_text(text.replace("/var/lib/livetape", str(self.folder / "data")))
            done = livetape.run("check", str(path), folder=self.folder, more=SECRETS)
            self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}\n{done.stderr}")

    def test_every_key_of_the_default_is_told(self):

        def keys(x, path=""):
            for name, value in x.items():
                if isinstance(value, dict):
                    yield from keys(value, f"{path}{name}.")
                else:
                    yield f"{path}{name}"

        missing = [key for key in keys(livetape.read_jsonc(livetape.ROOT / "config/node.json"))
                   if f"`{key}`" not in README]
        self.assertEqual(missing, [])

    def test_no_block_has_an_unknown_language(self):
        self.assertEqual({name for name, _ in BLOCKS} - {"sh", "python", "jsonc"}, set())


if __name__ == "__main__":
    unittest.main()
