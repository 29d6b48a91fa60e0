"""A follower that is killed at any moment, while its file grows, rotates, is cut and compressed."""

import gzip
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from madang.stream import LogStore

pytestmark = [pytest.mark.crash, pytest.mark.slow]
KILLS = int(os.environ.get("MADANG_KILLS", "20"))
FOLLOWER = Path(__file__).with_name("follow_until_killed.py")


class Writer(threading.Thread):
    """Writes numbered lines and rotates in each way, until it is told to end."""

    def __init__(self, logs: Path, seed: int) -> None:
        super().__init__()
        self.log = logs / "app.log"
        self.random = random.Random(seed)
        self.written = self.rotations = 0
        self.end = threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while not self.end.is_set():
                self._step()
        except Exception as error:  # noqa: BLE001 - the test tells it
            self.failure = error

    def _step(self) -> None:
        for _ in range(self.random.randrange(1, 6)):
            with self.log.open("ab", buffering=0) as file:
                for _ in range(self.random.randrange(1, 40)):
                    line = f"{self.written} {'x' * self.random.randrange(200)}\n".encode()
                    cut = self.random.randrange(len(line))
                    file.write(line[:cut])
                    file.write(line[cut:])
                    self.written += 1
            self.end.wait(self.random.random() * 0.02)
        self.rotations += 1
        old = self.log.with_name(f"app.log.{self.rotations}")
        way = self.random.randrange(4)
        if way == 0:
            self.log.rename(old)
        elif way == 1:
            shutil.copy(self.log, old)
            os.truncate(self.log, 0)
        elif way == 2:
            self.log.rename(old)
            self.end.wait(self.random.random() * 0.05)
            packed = old.with_name(old.name + ".gz")
            packed.write_bytes(gzip.compress(old.read_bytes(), 1))
            old.unlink()


def numbers(folder: Path) -> Counter[int]:
    found: Counter[int] = Counter()
    with LogStore(folder / "streams", min_free_bytes=0) as store:
        stream, at = store.open("app"), 0
        while chunks := stream.read(0, at):
            for chunk in chunks:
                found.update(int(v.split()[0]) for v in chunk.batch["value"].to_pylist())
            at = chunks[-1].end_offset
    return found


def wait_for_all(folder: Path, written: int) -> None:
    """Until as many lines are there: a busy machine leaves ten thousand files to be read."""
    came, deadline = 0, time.monotonic() + 40
    while (count := sum(numbers(folder).values())) < written:
        if count > came:
            came, deadline = count, time.monotonic() + 40
        assert time.monotonic() < deadline, f"{written - count} lines are missing"
        time.sleep(0.3)


def follower(folder: Path) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, FOLLOWER, folder],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout.readline() == b"ready\n"
    return process


def kill(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.timeout(60 + 5 * KILLS)
def test_each_line_is_appended_once_whenever_the_follower_is_killed(tmp_path):
    (tmp_path / "logs").mkdir()
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    writer = Writer(tmp_path / "logs", seed)
    writer.start()
    try:
        for _ in range(KILLS):
            process = follower(tmp_path)
            time.sleep(chance.random() * 0.6)
            kill(process)
    finally:
        writer.end.set()
        writer.join()
    assert writer.failure is None
    process = follower(tmp_path)
    try:
        wait_for_all(tmp_path, writer.written)
        time.sleep(3)  # what is left to look at must not bring anything twice
    finally:
        kill(process)
    found = numbers(tmp_path)
    missing = [number for number in range(writer.written) if number not in found]
    twice = [number for number, count in found.items() if count > 1]
    assert (missing, twice) == ([], [])
    assert writer.written > 100
