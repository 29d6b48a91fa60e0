"""A program run to its end: its answer, how long it took, its CPU and the memory that it held."""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Measured:
    """What the program and its children used.

    ``peak_bytes``: the most that they held together (RSS). ``cpu_s``: seconds of processors, which
    other work on the machine changes less than ``duration_s``.
    """

    output: str
    duration_s: float
    peak_bytes: int
    cpu_s: float


class Watched:
    """Watches the memory and the CPU of a process and its children until it is closed.

    Sampled for the sum over all; the kernel's own high-water mark of each process counts too, so
    that a peak between two samples is not missed. Of CPU, what a process used in its last tenth of
    a second may be missed.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self.peak_bytes = 0
        self.cpu_s = 0.0
        self._cpu_of: dict[int, float] = {}
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watched:
        self._sample()
        self._before_s = sum(self._cpu_of.values())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._sample()
        self.cpu_s = sum(self._cpu_of.values()) - self._before_s

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_S):
            self._sample()

    def _sample(self) -> None:
        try:
            top = psutil.Process(self._pid)
            processes = [top, *top.children(recursive=True)]
            held = [process.memory_info().rss for process in processes]
            marks = [_high_water_bytes(process.pid) for process in processes]
            for process in processes:
                used = process.cpu_times()
                self._cpu_of[process.pid] = used.user + used.system
        except (psutil.Error, OSError):
            return
        self.peak_bytes = max(self.peak_bytes, sum(held), *marks)


def _high_water_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


def measured(command: list[str]) -> Measured:
    """Run ``command``; its standard output is the answer."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        with Watched(process.pid) as used:
            output, said = process.communicate()
        duration_s = time.perf_counter() - began
    assert process.returncode == 0, f"{command[:4]}: {said.decode()[-4000:]}"
    return Measured(output.decode(), duration_s, used.peak_bytes, used.cpu_s)
