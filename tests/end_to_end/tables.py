# SPDX-License-Identifier: MIT
"""Runs a table of publishes side by side on one node, and judges what became of each, in each format.

Each check has a name, so that a promise which is known to be broken can be switched off for one case and check
(`KNOWN`); such a check has to fail, so that its mending is noticed.
"""
import os
import re
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Callable

import frames
import livetape
import packets
import scripts
from livetape import to_unix, wait_for

AT_ONCE = int(os.environ.get("LIVETAPE_AT_ONCE", "16"))
FORMATS = {"mp4": {}, "flv": {}, "hls": {"segment": "2s"}}
OTHERS = {"mp4": {"branch": "mp4-faststart"}, "hls": {"branch": "hls-fmp4", "segment": "2s"}}
WRITERS = {"usual": FORMATS, **({"other": OTHERS} if livetape.LONG else {})}
FRAME = 0.045  # seconds; a frame of the clips, and the rounding of their stamps
CLOCKS = 100   # ms by which two clocks may differ after a repair
ONE = (("publish", "publish_ended"),)
CHANGED = (("publish", "parameters"), ("parameters", "publish_ended"))


@dataclass
class Row:
    """A publish and what is to become of it."""
    name: str
    script: Callable  # the tags
    files: tuple = ONE        # of MP4 and FLV each, as (start reason, end reason)
    lengths: tuple = ()       # of these, in s
    broken: int = 0           # EXT-X-DISCONTINUITY in the playlist, which is one
    shapes: tuple = ()        # of these files: what ffprobe has to see, as {name: value}
    gaps: tuple = ()          # of each format, as (cause, seconds)
    repairs: dict = field(default_factory=dict)  # kind: (least, most) time stamps that are mended
    apart: float = CLOCKS     # ms by which clocks before and after a repair may differ
    look: float = 0           # s: then each branch has come to within 2 s of it
    fragment: str = ""        # of MP4 and FLV
    tail: float = 0.03        # s; of the last frame
    quiet: dict = field(default_factory=dict)  # format: what ffprobe may say of it; then it misreads FLV's times
    others: bool = True       # also with the other writers
    earlier: float = 0        # ms by which some pictures in transport streams may be decoded

    def __post_init__(self):
        self.stream = re.sub(r"[^a-z0-9]+", "-", self.name)


def probed(path, quiet=""):
    """(packets, streams by kind) of a file, by an ffprobe that has nothing to say against it."""
    told = packets.probe(path, "-v", "warning", "-show_packets", "-show_streams", "-show_data_hash", "md5", quiet=quiet)
    found = [packets.Packet(x["codec_type"], float(x["dts_time"]) * 1000, float(x["pts_time"]) * 1000,
                            x["data_hash"].split(":")[1], None, "K" in x["flags"]) for x in told["packets"]]
    return found, {x["codec_type"]: x for x in told["streams"]}


def cut_each(formats, length):
    """Formats with files of this length; a playlist stays one."""
    return {what: how if what == "hls" else {**how, "fragment": length} for what, how in formats.items()}


class Judge:
    """Judges one publish; `problems` names what is wrong, by check and format."""

    def __init__(self, node, folder, kind, formats, row):
        self.node, self.folder, self.kind, self.formats, self.row = node, folder, kind, formats, row
        self.problems, self.mended, self.is_complete = {}, {}, True

    def say(self, check, what, *problems):
        for each in problems:
            mine = self.problems.setdefault(check, [])
            if len(mine) < 8:
                mine.append(f"{what}: {each}")

    def equal(self, check, what, is_, expected):
        if is_ != expected:
            self.say(check, what, f"{is_}, expected {expected}")

    def near(self, check, what, is_, expected, delta):
        if abs(is_ - expected) > delta:
            self.say(check, what, f"{is_:.3f}, expected {expected:.3f}")

    def judge(self):
        self.of = {(frame.kind, digest): (number, frame) for number, part in enumerate(self.parts)
                   for frame in part.sent for digest in (frame.raw, frame.bare)}
        self.known = self.node.get(f"/api/v1/timeline?stream=live/{self.row.stream}")
        for what in self.formats:
            files = [row for row in self.known["files"] if row["format"] == what]
            self.reasons(what, files)
            found = [self.file(what, number, row) for number, row in enumerate(files)]
            self.account(what, files, found)
            self.gaps(what)
        self.repairs()
        return self.problems

    def reasons(self, what, files):
        expected = list(ONE if what == "hls" else self.row.files)
        self.equal("files", what, [(x["start_reason"], x["end_reason"]) for x in files], expected)

    def file(self, what, number, row):
        """The packets of one file, which has to be good in itself."""
        where, path = f"{what} {number}", self.node.download(row, self.folder / self.row.stream)
        quiet = self.row.quiet.get(what, "")
        # ffmpeg 5.1 goes on with the first section of a playlist that has several.
        has_sections = what == "hls" and path.read_text().count("#EXT-X-MAP") > 1
        found, streams = ([], {}) if has_sections else self.probed(where, path, quiet)
        if quiet and what == "flv":
            found = packets.sent(path)
        if what == "hls":
            segments, ended = packets.playlist(path)
            self.equal("discontinuities", where, [broken for _, _, broken in segments].count(True), self.row.broken)
            self.equal("files", where, ended, True)
            self.near("durations", f"{where}, its segments", sum(x[1] for x in segments), row["duration"], 0.1)
            found = self.stretches(where, path, quiet)
        elif number < len(self.row.shapes):
            shape = {key: streams.get(kind, {}).get(key) for kind, key in self.row.shapes[number]}
            self.equal("shapes", where, shape, {key: value for (_, key), value in self.row.shapes[number].items()})
        if what != "hls" and number < len(self.row.lengths):
            self.near("durations", where, row["duration"], self.row.lengths[number], 0.1)
        self.length(where, row, found)
        self.times(where, row, found)
        return found

    def probed(self, where, path, quiet):
        try:
            return probed(path, quiet)
        except AssertionError as why:
            self.say("complaints", where, str(why)[-400:])
            return [], {}

    def stretches(self, where, path, quiet):
        """The packets of a playlist. ffprobe does not show tracks that appear in the middle of one, so it is shown each
        stretch between discontinuities by itself."""
        lines = path.read_text().replace("#EXT-X-ENDLIST\n", "").splitlines(True)
        place = next(x for x, line in enumerate(lines) if line.startswith(("#EXT-X-PROGRAM-DATE-TIME", "#EXTINF")))
        head, found = [line for line in lines[:place] if not line.startswith("#EXT-X-MAP")], []
        init = next((line for line in lines[:place] if line.startswith("#EXT-X-MAP")), "")
        for number, part in enumerate("".join(lines[place:]).split("#EXT-X-DISCONTINUITY\n")):
            init = next((line for line in part.splitlines(True) if line.startswith("#EXT-X-MAP")), init)
            alone = path.with_name(f"stretch-{number}.m3u8")
            alone.write_text("".join(head) + init + part.replace(init, "") + "#EXT-X-ENDLIST\n")
            seen = self.probed(f"{where}, stretch {number}", packets.joined(alone) if init else alone, quiet)[0]
            mine = seen if init else packets.hls(alone)
            self.equal("complaints", f"{where}, stretch {number}, packets that ffprobe sees", len(seen), len(mine))
            found += mine
        return found

    def length(self, where, row, found):
        """A file is as long as what is in it, and as its own times say."""
        if found:
            shown = [x.pts for x in found]
            length = (max(shown) - min(shown)) / 1000 + self.row.tail
            self.near("durations", where, row["duration"], length, 0.03)
        took = to_unix(row["end_time"]) - to_unix(row["start_time"])
        self.near("durations", f"{where}, by its times", took, row["duration"], 0.01)

    def times(self, where, row, found):
        """Pictures keep their composition offsets; decoding times their distances; what was repaired goes on with the
        clock, which is that of the wall."""
        offsets, steps = {}, {}
        for x in found:
            number, frame = self.of.get((x.kind, x.raw or x.bare), (None, None))
            if frame is None:
                continue  # the account tells
            offsets.setdefault(number, []).append(x.pts - frame.shown)
            steps.setdefault((number, x.kind), []).append(x.dts - frame.stamp)
        for of, each in [*steps.items(), *offsets.items()]:
            may = self.row.earlier if isinstance(of, tuple) and of[1] == "video" and where.startswith("hls") else 0
            if (off := max(each) - min(each)) > 2 * packets.TOLERANCE + may:
                what = f"{of[1]} of part {of[0]}: distances" if isinstance(of, tuple) else f"part {of}: presentations"
                self.say("times", where, f"{what} are off by up to {off:.1f} ms")
        clock = {number: statistics.median(each) for number, each in offsets.items()}
        whole = [x for number, x in clock.items() if not self.parts[number].mended]
        if whole and (apart := max(whole) - min(whole)) > self.row.apart:
            self.say("clocks", where, f"the clocks before and after a repair are {apart:.0f} ms apart")
        for number, x in clock.items():
            if abs(x - clock[min(clock)]) > CLOCKS and self.parts[number].mended:
                self.say("clocks", where, f"a frame that was mended is {x - clock[min(clock)]:+.0f} ms off")
        if clock:
            first = min(x.pts for x in found)
            at = to_unix(row["start_time"]) - (first - clock[min(clock)]) / 1000
            self.near("starts", f"{where}, by the clock of the wall", at - self.zero, 0, 0.5)

    def account(self, what, files, found):
        """Each frame is once in a file or a gap. Times are those of the presentation: MP4's decoding times are all
        moved when a picture is shown before it is decoded."""
        def moved(x):
            _, frame = self.of.get((x.kind, x.raw or x.bare), (None, None))
            return x._replace(dts=x.pts - frame.shown + frame.stamp) if frame else x

        gaps = [gap for gap in self.known["gaps"] if gap.get("branch", what) == what]
        rows = [(row, [moved(x) for x in each]) for row, each in zip(files, found) if each]
        self.say("frames", what, *frames.account(rows, self.parts, gaps))

    def gaps(self, what):
        gaps = [gap for gap in self.known["gaps"] if gap.get("branch", what) == what]
        self.equal("gaps", what, [x["cause"] for x in gaps], [cause for cause, _ in self.row.gaps])
        for gap, (cause, seconds) in zip(gaps, self.row.gaps):
            self.near("gaps", f"{what}, {cause}", gap["length"], seconds, 0.1)

    def repairs(self):
        """The log names each kind of fault."""
        kinds = {"went back": "went_back", "jumped": "jumped", "had a presentation": "composition",
                 "wrapped": "wrapped"}
        fault = re.compile(rf"live/{self.row.stream}: (\d+|a) time stamps? of (?:video|audio) ({'|'.join(kinds)})")
        for line in self.node.log().splitlines():
            if found := fault.search(line):
                count = 1 if found[1] == "a" else int(found[1])
                self.mended[kinds[found[2]]] = self.mended.get(kinds[found[2]], 0) + count
                self.is_complete = self.is_complete and "only counted" not in line
        for kind in {*self.mended, *self.row.repairs}:
            least, most = self.row.repairs.get(kind, (0, 0))
            if not least <= self.mended.get(kind, 0) <= most:
                self.say("repairs", kind, f"{self.mended.get(kind, 0)} are in the log, expected {least} to {most}")


class Table(livetape.Case):
    """A test that runs a table; the long form also with our other writers, on a node of their own at the same time."""

    def run_table(self, table, known):
        self.told = self.receiver()
        jobs, ready = [], {row.name: scripts.prepared(row.script()) for row in table}
        for kind, formats in WRITERS.items():
            rows = [row for row in table if row.others or formats is FORMATS]
            rules = [{"match": f"live/{row.stream}", "formats": cut_each(formats, row.fragment)}
                     for row in rows if row.fragment]
            recording = {"formats": formats, "rules": rules}
            node = self.node(self.recorder_config(self.told, recording, node={"name": kind}), kind)
            jobs += [(node, kind, formats, row, ready[row.name]) for row in rows]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            done = list(pool.map(lambda job: self.run_row(*job), jobs))
        for judge in done:
            with self.subTest(case=judge.row.name, writers=judge.kind):
                self.decide(judge.row.name, judge.problems, known)
        return done

    def decide(self, name, problems, known):
        """Fails for what is not known, and for what is known and holds."""
        self.assertEqual({check: x for check, x in problems.items() if (name, check) not in known}, {})
        mended = [check for (of, check), always in known.items() if of == name and always and check not in problems]
        self.assertEqual(mended, [], "it holds now: take it out of KNOWN")

    def run_row(self, node, kind, formats, row, ready):
        judge = Judge(node, self.folder / kind, kind, formats, row)

        def look():
            judge.say("stalls", "while it ran", *self.look(node, formats, row))

        try:
            sent = {}
            judge.zero = scripts.play(node, row.stream, ready, sent, row.look and (row.look * 1000, look))
            judge.parts = scripts.in_parts(sent)
            wait_for(f"the end of {row.name}", lambda: self.is_settled(node, row), 30, 0.2)
            judge.judge()
        except (AssertionError, OSError) as why:
            judge.say("raised", kind, repr(why))
        return judge

    def is_settled(self, node, row):
        """The publish is over, and what was closed of it was announced."""
        lines = [line for line in node.log().splitlines() if f"live/{row.stream}: " in line]
        closed = sum(": file closed: " in line for line in lines)
        told = [x for x in self.told.events(100, row.stream) if x["node"] == node.config["node"]["name"]]
        return any(": ended: " in line for line in lines) and closed <= len(told)

    def look(self, node, formats, row):
        """No branch waits for a track that has stopped."""
        branches = node.get(f"/api/v1/streams/live/{row.stream}")["branches"]
        if len(branches) != len(formats):
            yield f"branches: {branches}"
        for x in branches:
            # It may have closed files before.
            come = x["duration"] + sum(y["duration"] for y in node.files(stream=f"live/{row.stream}", format=x["format"]))
            if come < row.look - 2:
                yield f"{x['format']} has come to {come} s of {row.look}"

    def check_metrics(self, done):
        """The metric counts what the log tells, and what the log tells no more."""
        for kind in WRITERS:
            judges = [judge for judge in done if judge.kind == kind]
            counted = {name: int(float(n)) for name, n in
                       re.findall(r'livetape_time_repairs_total\{kind="(\w+)"\} (\S+)', judges[0].node.metrics())}
            more = {name for judge in judges if not judge.is_complete for name in judge.mended}
            names = {*counted, *(name for judge in judges for name in judge.mended)}
            logged = {name: sum(judge.mended.get(name, 0) for judge in judges) for name in names}
            self.assertEqual({name: n for name, n in counted.items() if name not in more},
                             {name: n for name, n in logged.items() if name not in more})
            for name in more:
                self.assertGreaterEqual(counted[name], logged[name])
