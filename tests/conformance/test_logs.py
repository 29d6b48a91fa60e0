"""Lines of eight real systems (Loghub): by the formats alone, and from files to tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.cases import CASES, needs
from madang.process import StreamDecoder
from madang.project import StreamSpec
from madang.stream import Chunk
from madang.testing.records import record_batch
from madang.testing.running_platform import RunningPlatform, write_project

LOGS = CASES / "logs"
pytestmark = needs("logs")
ARRIVAL_US = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC

JAVA = r"(?P<level>[A-Z]+) +"
PATTERNS = {
    "Apache": (r"^\[(?P<at>[^\]]+)\] \[(?P<level>\w+)\] (?P<message>.*)", "auto", 2005),
    "Zookeeper": (
        rf"^(?P<at>\S+ \S+) - {JAVA}\[(?P<thread>.*?):(?P<source>[^:@]*@?\d*)\] - (?P<message>.*)",
        "auto",
        2015,
    ),
    "HDFS": (
        r"^(?P<at>\d+ \d+) (?P<pid>\d+) (?P<level>\w+) (?P<source>\S+): (?P<message>.*)",
        "%y%m%d %H%M%S",
        2008,
    ),
    "Spark": (
        rf"^(?P<at>\S+ \S+) {JAVA}(?P<source>\S+): (?P<message>.*)",
        "%y/%m/%d %H:%M:%S",
        2017,
    ),
    "Windows": (r"^(?P<at>[^,]+), (?P<level>\w+) +(?P<source>\w+) +(?P<message>.*)", "auto", 2016),
    "Android": (
        r"^(?P<at>\S+ \S+) +(?P<pid>\d+) +(?P<tid>\d+) (?P<level>\w) (?P<tag>.*?): (?P<message>.*)",
        "%m-%d %H:%M:%S.%g",
        2025,
    ),
}


def lines(name):
    return (LOGS / f"{name}.log").read_bytes().splitlines()


def decode(folder: Path, records: list[bytes], **spec):
    decoder = StreamDecoder(StreamSpec(name="s", **spec), zone="UTC", project_dir=folder)
    chunk = Chunk(0, 0, record_batch(records, ts_us=ARRIVAL_US), ARRIVAL_US, {})
    return decoder.decode([chunk], None)


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_read_real_lines(tmp_path, name):
    pattern, time_format, year = PATTERNS[name]
    records = lines(name)
    time = {"field": "at", "format": time_format}
    decoded = decode(tmp_path, records, format="regex", pattern=pattern, time=time)
    assert decoded.rows.num_rows == len(records), decoded.dead.to_pylist()[:3]
    assert not any(misfit.column == "_time" for misfit in decoded.misfits)
    assert {time.year for time in decoded.rows.column("_time").to_pylist()} <= {year, year + 1}
    assert decoded.rows.column("message").null_count == 0


@pytest.mark.parametrize("name", ["Linux", "OpenSSH"])
def test_syslog_reads_real_lines(tmp_path, name):
    records = lines(name)
    decoded = decode(tmp_path, records, format="syslog")
    assert decoded.rows.num_rows == len(records), decoded.dead.to_pylist()[:3]
    assert decoded.misfits == {}
    assert decoded.rows.column("host").null_count == 0
    assert decoded.rows.column("time").null_count == 0


def test_every_line_of_every_file_becomes_a_row(tmp_path):
    files = {"madang.yml": "time_zone: UTC\nquery: {workers: 1}\n"}
    for name, pattern in [(n, p) for n, (p, _, _) in PATTERNS.items()] + [
        ("Linux", None),
        ("OpenSSH", None),
    ]:
        form = f"format: regex\npattern: '{pattern}'\n" if pattern else "format: syslog\n"
        stream = name.lower()
        files[f"streams/{stream}.yml"] = f"{form}deliver: {{buffer_time: 200ms}}\n"
        # A last line without its line end is not read: somebody may still be writing it.
        copied = tmp_path / f"{name}.log"
        copied.write_bytes((LOGS / copied.name).read_bytes().rstrip(b"\n") + b"\n")
        files[f"sources/{stream}.yml"] = f"kind: files\nstream: {stream}\npaths: ['{copied}']\n"
    names = [Path(file).stem for file in files if file.startswith("streams/")]
    with RunningPlatform(write_project(tmp_path / "project", files), tmp_path / "data") as platform:
        for stream in names:
            platform.wait_for(lambda: platform.stream(stream)["records_total"] == 2000)  # noqa: B023
            platform.wait_for(lambda: platform.delivered(stream))  # noqa: B023
        counts = {
            stream: platform.sql(f"select count(*), count(message) from {stream}")[0]
            for stream in names
        }
        dead = {stream: platform.stream(stream)["dead_letters"] for stream in names}
    assert counts == {name: [2000, 2000] for name in names}
    assert dead == dict.fromkeys(names, 0)
