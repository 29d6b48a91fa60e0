"""A block: the samples of a span of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from madang.core.distinct import distinct
from madang.metrics.head.chunk import Chunk, Times, Values, merged
from madang.metrics.head.label_columns import Refs
from madang.metrics.head.overlap import without_known
from madang.metrics.head.part_files import read_samples, write_samples
from madang.metrics.head.runs import LeftOut, Runs, RunsView

_AT_ONCE = 4
_MERGED = 4_000_000
"""Parts are merged up to so many samples: it takes 100 bytes of memory for each, for a moment."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Samples in a file.

    ``reached`` are the stream's offsets, by partition, when it was written: what it holds is from
    before them.
    """

    name: str
    samples: Chunk
    reached: Mapping[int, int]


class Block:
    """Samples from ``start_ms`` to before ``end_ms``: parts that are mapped, and runs in memory.

    No two samples of its parts have one series and one time. One thread changes it; others may
    take views meanwhile.

    Args:
        start_ms: Its first millisecond.
        end_ms: The one behind its last.
        left_out: Counts samples whose time was there before.
    """

    def __init__(self, start_ms: int, end_ms: int, left_out: LeftOut | None = None) -> None:
        self.start_ms = start_ms
        self.end_ms = end_ms
        self.parts: list[Part] = []
        """In the order in which they were written."""
        self._runs = Runs(left_out)

    def __len__(self) -> int:
        return sum(len(part.samples) for part in self.parts) + len(self._runs)

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
        parts = [part.samples for part in self.parts]
        return RunsView((*parts, *runs.chunks), runs.pending)

    def refs(self) -> list[Refs]:
        """The series that it has samples of, in any number of lists."""
        view = self.view()
        pending = [rows.owners.astype(np.int32) for rows in view.pending]
        return [*(chunk.refs for chunk in view.chunks), *pending]

    def write_part(
        self,
        path: Path,
        reached: Mapping[int, int],
        elsewhere: Callable[[Chunk], Iterable[Chunk]] | None = None,
    ) -> None:
        """Write what came since the last part, and read it from there from now on.

        Args:
            path: The new file.
            reached: The stream's offsets before which everything is in it or in earlier parts.
            elsewhere: Samples that count as known beside those of the parts.

        Raises:
            OSError: it could not be written; nothing of it is lost.
        """
        before = LeftOut(self.left_out.repeated, self.left_out.duplicate)
        samples = self._runs.chunk()
        try:
            samples = without_known(samples, [part.samples for part in self.parts], self.left_out)
            if elsewhere is not None and len(samples):
                samples = without_known(samples, elsewhere(samples), self.left_out)
            if len(samples):
                write_samples(path, samples)
                self.read_part(path, reached)
        except BaseException:
            self.left_out.repeated = before.repeated
            self.left_out.duplicate = before.duplicate
            raise
        self._runs.clear()

    def merge_parts(self, path: Path, archived: Mapping[int, int]) -> bool:
        """Write several small parts as one, in place of them; whether there were enough.

        Only parts that the tables have: as one with others, they would go there again.

        Args:
            path: The new file.
            archived: The stream's offsets before which everything is in the tables.

        Raises:
            OSError: it could not be written; nothing changed.
        """
        small = _alike([part for part in self.parts if is_before(part.reached, archived)])
        if not small:
            return False
        whole, _ = merged([part.samples for part in small])
        write_samples(path, whole)
        numbers = {number for part in small for number in part.reached}
        reached = {number: max(part.reached.get(number, 0) for part in small) for number in numbers}
        one = Part(path.name, read_samples(path), reached)
        # Another list, for others may be reading this one.
        self.parts = [*(part for part in self.parts if part not in small), one]
        return True

    def read_part(self, path: Path, reached: Mapping[int, int]) -> None:
        """Add a part that was written before, in the order in which they were written.

        Raises:
            CorruptionError: it is damaged.
            OSError: it cannot be read.
        """
        self.parts.append(Part(path.name, read_samples(path), dict(reached)))


def _alike(parts: Sequence[Part]) -> Sequence[Part]:
    """The smallest of some parts that are of about one size, if there are enough."""
    small = [part for part in parts if len(part.samples) <= _MERGED // _AT_ONCE]
    small.sort(key=lambda part: len(part.samples))
    for first in range(len(small) - _AT_ONCE + 1):
        group = small[first : first + _AT_ONCE]
        if len(group[-1].samples) < _AT_ONCE * len(group[0].samples):
            return group
    return ()


def is_before(offsets: Mapping[int, int], reached: Mapping[int, int]) -> bool:
    """Whether offsets, by partition, are nowhere beyond others."""
    return all(offset <= reached.get(number, 0) for number, offset in offsets.items())


def all_refs(blocks: Sequence[Block]) -> Refs:
    """The series that some blocks have samples of, ascending."""
    held = [refs for block in blocks for refs in block.refs()]
    found: Refs = distinct(*held) if held else np.empty(0, np.int32)
    return found
