"""kill -9 of processes that append: what was acknowledged is there once, nothing was invented."""

import os
import random
import signal
import subprocess
import sys
from concurrent.futures import wait
from pathlib import Path

import pytest

from madang.core.errors import MadangError, StorageFullError
from madang.stream import LogStore
from madang.testing.records import record_batch, values_of
from madang.testing.stream_contract import read_all

KILLS = int(os.environ.get("MADANG_KILLS", "10"))
_PROGRAM = Path(__file__).with_name("append_until_killed.py")
_THREADS = 4
_RECORDS = 20

pytestmark = pytest.mark.crash


class Producer:
    """One process after another that appends under one name, each killed."""

    def __init__(self, root: Path, name: str, segment_size_bytes: int = 2**20) -> None:
        self.root = root
        self.segment_size_bytes = segment_size_bytes
        self.name = name
        self.acknowledged: dict[int, tuple[int, int]] = {}
        self.duplicates = 0

    def start(self) -> None:
        # What was in flight is sent again with its keys, beginning at the first number in doubt.
        number = 0
        while number in self.acknowledged:
            number += 1
        self.process = subprocess.Popen(
            [
                sys.executable,
                _PROGRAM,
                self.root,
                self.name,
                str(number),
                str(_THREADS),
                str(self.segment_size_bytes),
            ],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def hear(self, count: int) -> None:
        """Take ``count`` acknowledgements."""
        assert self.process.stdout is not None
        for _ in range(count):
            self.take(self.process.stdout.readline())

    def take(self, line: bytes) -> None:
        if not line.endswith(b"\n"):
            return
        number, base, size, duplicate = map(int, line.split())
        assert self.acknowledged.setdefault(number, (base, size)) == (base, size)
        self.duplicates += duplicate

    def kill(self) -> None:
        assert self.process.stdout is not None
        self.process.send_signal(signal.SIGKILL)
        for line in self.process.stdout.read().splitlines(keepends=True):
            self.take(line)
        self.process.wait()
        self.process.stdout.close()


def check(root: Path, producers: list[Producer], *, recover: bool) -> None:
    with LogStore(root, min_free_bytes=0) as store:
        if recover:
            assert not store.recover().quarantined
        stream = store.open("s")
        found = values_of(read_all(stream))
        assert not stream.quarantined()
    assert [offset for offset, _ in found] == list(range(len(found)))
    where: dict[bytes, int] = {}
    for offset, value in found:
        assert where.setdefault(value.rstrip(b"x"), offset) == offset, "a record is there twice"
    for producer in producers:
        for number, (base, count) in producer.acknowledged.items():
            assert count == _RECORDS
            for row in range(count):
                assert where[f"{producer.name}/{number}/{row}".encode()] == base + row
    names = {producer.name for producer in producers}
    assert {value.split(b"/")[0].decode() for value in where} <= names


@pytest.mark.timeout(60 + KILLS * 5)
def test_acknowledged_records_survive_kills(tmp_path: Path) -> None:
    rng = random.Random(os.environ.get("MADANG_SEED", "7"))
    producer = Producer(tmp_path, "one")
    for turn in range(KILLS):
        producer.start()
        producer.hear(rng.randint(1, 120))
        producer.kill()
        if turn % max(1, KILLS // 10) == 0:
            check(tmp_path, [producer], recover=turn % 2 == 0)
        elif turn % 2:
            with LogStore(tmp_path, min_free_bytes=0) as store:
                assert not store.recover().quarantined
    check(tmp_path, [producer], recover=True)
    assert len(producer.acknowledged) > KILLS
    assert producer.duplicates


@pytest.mark.timeout(60 + KILLS * 5)
def test_a_killed_process_does_not_hinder_the_other(tmp_path: Path) -> None:
    rng = random.Random(os.environ.get("MADANG_SEED", "7"))
    staying, killed = Producer(tmp_path, "staying"), Producer(tmp_path, "killed")
    staying.start()
    staying.hear(1)
    for _ in range(KILLS):
        killed.start()
        killed.hear(rng.randint(1, 60))
        killed.kill()
        staying.hear(20)
    staying.kill()
    check(tmp_path, [staying, killed], recover=False)
    assert killed.acknowledged


def test_readers_and_retention_beside_writers_see_no_damage(tmp_path: Path) -> None:
    producers = [Producer(tmp_path, name, 20_000) for name in ("one", "two")]
    for producer in producers:
        producer.start()
    try:
        with LogStore(tmp_path, segment_size_bytes=20_000, min_free_bytes=0) as store:
            read_beside_retention(store)
    finally:
        for producer in producers:
            producer.kill()


def read_beside_retention(store: LogStore) -> None:
    stream = store.open("s")
    offset = records = gaps = 0
    last: dict[bytes, int] = {}
    while records < 4000 or gaps < 3:
        chunks = stream.read(0, offset, max_bytes=50_000)
        for chunk in chunks:
            if chunk.base_offset != offset:
                assert offset < stream.bounds(0).earliest
                gaps += 1
            offset = chunk.end_offset
            records += chunk.batch.num_rows
            for value in chunk.batch.column("value").to_pylist():
                name, number, row = value.rstrip(b"x").split(b"/")
                thread = b"%s/%d/%s" % (name, int(number) % _THREADS, row)
                assert last.get(thread, -1) < int(number)
                last[thread] = int(number)
        if not chunks:
            # Let the writers run away from the reader, and remove what it has not read.
            assert stream.wait(0, offset + 600, 20)
            stream.retain(age_s=None, size_bytes=60_000)
    assert not stream.quarantined()


@pytest.fixture
def small_disk(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_refuses_and_recovers(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with LogStore(small_disk / "streams", min_free_bytes=0, segment_size_bytes=2**20) as store:
        stream = store.open("s")
        ballast.write_bytes(bytes(700_000))
        kept: list[bytes] = []
        refused: list[MadangError] = []
        for number in range(200):
            value = b"%d-" % number + os.urandom(10_000)
            futures = [stream.submit(record_batch([value + b"%d" % part])) for part in range(3)]
            wait(futures, 10)
            for part, future in enumerate(futures):
                error = future.exception()
                if error is None:
                    kept.append(value + b"%d" % part)
                else:
                    assert isinstance(error, StorageFullError), error
                    assert error.retry_after_s > 0
                    refused.append(error)
        assert refused
        assert kept
        assert [value for _, value in values_of(read_all(stream))] == kept
        ballast.unlink()
        stream.submit(record_batch([b"there is room"])).result(10)
        kept.append(b"there is room")
        assert [value for _, value in values_of(read_all(stream))] == kept
    with LogStore(small_disk / "streams", min_free_bytes=0) as store:
        assert not store.recover().quarantined
        assert [value for _, value in values_of(read_all(store.open("s")))] == kept
