"""Lines of eight real systems (Loghub), where the conformance folder is there."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOGS = Path(os.environ.get("MADANG_CONFORMANCE", ROOT.parent / "shared" / "conformance")) / "logs"
pytestmark = pytest.mark.skipif(not LOGS.is_dir(), reason=f"no real logs at {LOGS}")

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


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_read_real_lines(decode, name):
    pattern, time_format, year = PATTERNS[name]
    records = lines(name)
    decoded = decode(
        records, format="regex", pattern=pattern, time={"field": "at", "format": time_format}
    )
    assert decoded.rows.num_rows == len(records), decoded.dead.to_pylist()[:3]
    assert decoded.misfits.get("_time", 0) == 0
    assert {time.year for time in decoded.rows.column("_time").to_pylist()} <= {year, year + 1}
    assert decoded.rows.column("message").null_count == 0


@pytest.mark.parametrize("name", ["Linux", "OpenSSH"])
def test_syslog_reads_real_lines(decode, name):
    records = lines(name)
    decoded = decode(records, format="syslog")
    assert decoded.rows.num_rows == len(records), decoded.dead.to_pylist()[:3]
    assert decoded.misfits == {}
    assert decoded.rows.column("host").null_count == 0
    assert decoded.rows.column("time").null_count == 0
