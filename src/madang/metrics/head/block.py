"""A block: the samples of a span of time."""

from __future__ import annotations

from pathlib import Path

from madang.metrics.head.chunk import Chunk, Times, Values
from madang.metrics.head.label_columns import Refs
from madang.metrics.head.part_files import read_samples, write_samples
from madang.metrics.head.runs import LeftOut, Runs, RunsView


class Block:
    """Samples from ``start_ms`` to before ``end_ms``: parts that are mapped, and runs in memory.

    One thread changes it; others may take views meanwhile.
    """

    def __init__(self, start_ms: int, end_ms: int) -> None:
        self.start_ms = start_ms
        self.end_ms = end_ms
        self.files: list[str] = []
        """The names of its parts, in the order in which they were written."""
        self._parts: list[Chunk] = []
        self._runs = Runs()

    def __len__(self) -> int:
        return sum(map(len, self._parts)) + len(self._runs)

    @property
    def left_out(self) -> LeftOut:
        """Samples whose time was there before."""
        return self._runs.left_out

    @property
    def in_memory(self) -> int:
        """How many samples are in no part yet."""
        return len(self._runs)

    def add(self, refs: Refs, ts_ms: Times, values: Values) -> None:
        """Add samples of its span; the arrays are kept, not copied."""
        self._runs.add(refs, ts_ms, values)

    def view(self) -> RunsView:
        """What it holds now, for any thread: its parts are the first of the chunks."""
        # In this order: what becomes a part in between is there twice, and not missing.
        runs = self._runs.view()
        return RunsView((*self._parts, *runs.chunks), runs.pending)

    def write_part(self, path: Path) -> None:
        """Write what came since the last part, and read it from there from now on.

        Raises:
            OSError: it could not be written; nothing changed.
        """
        write_samples(path, self._runs.chunk())
        self.read_part(path)
        self._runs.clear()

    def read_part(self, path: Path) -> None:
        """Add a part that was written before, in the order in which they were written.

        Raises:
            CorruptionError: it is damaged.
            OSError: it cannot be read.
        """
        self._parts.append(read_samples(path))
        self.files.append(path.name)
