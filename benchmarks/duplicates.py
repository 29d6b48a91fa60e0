"""The duplicate job on API logs, from raw files and from the lake, beside Spark ``local[2]``.

*The same user, method, path and body within 200 ms counts as a duplicate; result per path.* Every
answer is checked against the truth that the logs were made with.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil

from benchmarks.api_logs import ApiLogs, write_api_logs
from benchmarks.measured import Measured, Watched, measured
from benchmarks.result import Line, at_least, at_most, table
from madang.testing.running_platform import TOKEN, RunningPlatform, write_project

SQL = """
with requests as (
  select "user", method, path, body, epoch_us({time}) as at_us from logs
), timed as (
  select path, at_us - lag(at_us) over (
    partition by "user", method, path, body order by at_us) as gap_us
  from requests
)
select path, count(*) as requests, count(*) filter (gap_us <= 200000) as duplicates
from timed group by path order by path
"""
"""``time`` is the text of the raw logs, and in the lake the column that Madang made of it."""
FILES_SQL = SQL.format(time="ts::timestamp")
LAKE_SQL = SQL.format(time="_time")
MEMORY_LIMIT_BYTES = 2_000_000_000
QUERY_MEMORY = "1600MB"
"""What DuckDB may use; the process around it, its allocator and result come on top."""
PROJECT = {
    "madang.yml": (
        f"name: bench\nquery: {{memory: {QUERY_MEMORY}, timeout: 1h, workers: 1, spill: 60GiB}}\n"
    ),
    "streams/logs.yml": "time: {field: ts}\n",
}


@dataclass(frozen=True, slots=True)
class Job:
    """One run of the job: seconds of the job, and the memory and CPU of the whole program."""

    job_s: float
    peak_bytes: int
    cpu_s: float

    def figure(self, logs: ApiLogs) -> str:
        """Seconds, rate, memory and CPU."""
        rate, memory = logs.size_bytes / self.job_s / 1e6, self.peak_bytes / 1e6
        return (
            f"{self.job_s:,.1f} s · {rate:,.0f} MB/s · {memory:,.0f} MB · {self.cpu_s:,.1f} CPU-s"
        )


def _check(logs: ApiLogs, requests: int, duplicates: int, who: str) -> None:
    found, truth = (requests, duplicates), (logs.records, logs.duplicates)
    assert found == truth, f"{who} found {found} requests and duplicates; the truth is {truth}"


def _madang_files(logs: ApiLogs) -> Job:
    """The whole command, the interpreter's start included."""
    command = [sys.executable, "-m", "madang.cli", "sql", "--file"]
    command += [f"logs={logs.files[0].parent}/*.ndjson", "--memory", QUERY_MEMORY]
    run = measured([*command, "--format", "ndjson", FILES_SQL])
    rows = [json.loads(line) for line in run.output.splitlines()]
    _check(
        logs,
        sum(row["requests"] for row in rows),
        sum(row["duplicates"] for row in rows),
        "Madang, from files,",
    )
    return Job(run.duration_s, run.peak_bytes, run.cpu_s)


def _spark(logs: ApiLogs, kind: str, paths: list[str], scratch: Path) -> Job:
    """Spark's job without the start of its virtual machine."""
    program = Path(__file__).with_name("spark_duplicates.py")
    run = measured([sys.executable, str(program), kind, str(scratch / "spark-spill"), *paths])
    answer = json.loads(run.output.splitlines()[-1])
    _check(logs, answer["requests"], answer["duplicates"], f"Spark, from {kind},")
    return Job(answer["job_s"], run.peak_bytes, run.cpu_s)


@dataclass(frozen=True, slots=True)
class _Lake:
    sent: Measured
    delivered_s: float
    size_bytes: int
    job: Job
    spark: Job | None


def _settled(pid: int, most_s: float = 300.0) -> None:
    """Waits until a process hardly works: compaction is over, which neither side is to pay for.

    It begins some seconds after the last row has come, so one calm look says nothing.
    """
    process, until = psutil.Process(pid), time.perf_counter() + most_s
    calm = 0
    while calm < 5 and time.perf_counter() < until:
        calm = calm + 1 if process.cpu_percent(interval=3.0) <= 5 else 0


def _lake(logs: ApiLogs, scratch: Path, *, with_spark: bool) -> _Lake:
    """Sends the files to a platform, waits for the last row in the lake, asks over HTTP."""
    project = write_project(scratch / "duplicates-project", PROJECT)
    data = scratch / "duplicates-data"
    shutil.rmtree(data, ignore_errors=True)
    with RunningPlatform(project, data) as platform:
        began = time.perf_counter()
        command = [sys.executable, "-m", "madang.cli", "ingest", "--stream", "logs"]
        command += ["--url", platform.url, "--token", TOKEN, *map(str, logs.files)]
        sent = measured(command)
        platform.wait_for(lambda: platform.delivered("logs"), 3600)
        delivered_s = time.perf_counter() - began
        _settled(platform.role_pid("deliver"))
        with Watched(platform.role_pid("query-0")) as used:
            asked = time.perf_counter()
            answer = platform.client.post("/api/sql", json={"sql": LAKE_SQL}, timeout=3600)
            job_s = time.perf_counter() - asked
        assert answer.status_code == 200, answer.text
        rows = answer.json()["rows"]
        _check(logs, sum(row[1] for row in rows), sum(row[2] for row in rows), "Madang's lake")
        found = platform.client.get("/api/tables/lake.logs").json()
        files = [file["path"].removeprefix("file://") for file in found["files_sample"]]
        size = found["size_bytes"]
        spark = None
        if with_spark and len(files) == found["files"]:
            spark = _spark(logs, "parquet", files, scratch)
    shutil.rmtree(data, ignore_errors=True)
    return _Lake(sent, delivered_s, size, Job(job_s, used.peak_bytes, used.cpu_s), spark)


def _versus(what: str, madang: Job, spark: Job | None) -> list[Line]:
    within = at_most(f"{what}: peak memory", madang.peak_bytes / 1e6, 2000, "MB", 0)
    if spark is None:
        return [within]
    ratio = spark.job_s / madang.job_s
    return [within, at_least(f"{what}: times as fast as Spark", ratio, 5, "×", 1)]


def _warm(logs: ApiLogs) -> None:
    """Read the input and touch the memory once: else the first side pays for both, the second not.

    The host of a virtual machine takes unused memory back, and to have it again costs the kernel
    time: a window over 4 GB took 3.6 s of it before its 340,000 pages had been touched, 1.6 after.
    """
    for path in logs.files:
        with path.open("rb", buffering=0) as file:
            while file.read(2**24):
                pass
    touched = bytearray(b"\1") * MEMORY_LIMIT_BYTES
    del touched


def _tell(lines: list[Line]) -> list[Line]:
    """``lines``, told at once: a run takes half an hour, and what is measured must not get lost."""
    for line in lines:
        sys.stderr.write(line.row() + "\n")
    return lines


def run(scratch: Path, *, sizes_mb: tuple[int, ...] = (1000,)) -> str:
    """Measure and return the section of the results."""
    lines: list[Line] = []
    raw: list[tuple[ApiLogs, Job]] = []
    lake: list[tuple[ApiLogs, Job]] = []
    has_spark = importlib.util.find_spec("pyspark") is not None
    for size_mb in sizes_mb:
        logs = write_api_logs(scratch / f"api-logs-{size_mb}", size_mb * 1_000_000)
        name = f"{logs.size_bytes / 1e9:.0f} GB"
        files = [str(path) for path in logs.files]
        _warm(logs)
        ours = _madang_files(logs)
        spark = _spark(logs, "json", files, scratch) if has_spark else None
        raw.append((logs, ours))
        lines += _tell([Line(f"{name} of files: Madang", ours.figure(logs))])
        if spark:
            lines += _tell([Line(f"{name} of files: Spark", spark.figure(logs))])
        lines += _tell(_versus(f"{name} of files", ours, spark))
        landed = _lake(logs, scratch, with_spark=has_spark)
        lake.append((logs, landed.job))
        lines += _tell(_lake_lines(name, logs, landed))
    lines += _growth("files", raw) + _growth("lake", lake)
    return table(
        "Duplicates in API logs",
        lines,
        "Seconds · MB of raw logs a second · peak memory (RSS) · seconds of CPU of the whole "
        "program. Madang from files: the whole command, its start included; Spark: without the "
        "start of its virtual machine. Both run the same SQL, a window over user, method, path "
        "and body as anybody would write it, directly after each other; that Madang's runs over a "
        "short key of the four is its own doing (docs/adr/0007-windows-over-short-keys.md). The "
        "lake is asked when delivery and its compaction are over. Every answer equals the truth "
        "known from making the logs.",
    )


def _lake_lines(name: str, logs: ApiLogs, landed: _Lake) -> list[Line]:
    rate = logs.size_bytes / landed.sent.duration_s / 1e6
    into = logs.size_bytes / landed.delivered_s / 1e6
    lines = [
        Line(
            f"{name} into the lake: `madang ingest`, acknowledged · all delivered",
            f"{rate:,.0f} · {into:,.0f} MB/s · {landed.size_bytes / 1e6:,.0f} MB of Parquet",
        ),
        Line(f"{name} in the lake: Madang", landed.job.figure(logs)),
    ]
    if landed.spark:
        lines.append(Line(f"{name} in the lake: Spark", landed.spark.figure(logs)))
    return lines + _versus(f"{name} in the lake", landed.job, landed.spark)


def _growth(what: str, runs: list[tuple[ApiLogs, Job]]) -> list[Line]:
    """Seconds a byte of each size against the size before: 1 is linear."""
    lines = []
    for (small, first), (large, last) in pairwise(runs):
        growth = (last.job_s / large.size_bytes) / (first.job_s / small.size_bytes)
        sizes = f"{large.size_bytes / 1e9:.0f} GB against {small.size_bytes / 1e9:.0f} GB"
        lines.append(at_most(f"from {what}: time a byte, {sizes}", growth, 1.3, "×", 2))
    return lines
