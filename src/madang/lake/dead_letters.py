"""Appending dead letters to ``<stream>.dead``, each once, however often a batch is delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.core.errors import CorruptionError
from madang.lake.replays import LOG
from madang.stream import Origin, Stream

_SLICE_BYTES = 4 * 2**20
_CLOCK_SLACK_US = 60_000_000


class DeadLetterWriter:
    """The dead letters of one stream.

    They go before the rows are committed. After a crash between the two the batch is decoded again;
    the producer ``deliver:<stream>/<partition>@<log>``, whose sequence is the source offset of the
    last letter, tells what is in already; another log of the stream's name counts anew.

    Args:
        source: The stream that the records come from.
        open_stream: Opens the stream of dead letters; called when there is one to write.
    """

    def __init__(self, source: Stream, open_stream: Callable[[], Stream]) -> None:
        self._source = source
        self._open = open_stream

    def append(self, letters: pa.Table, *, since_us: int) -> int:
        """Append what is not in yet, durably; returns how many.

        Args:
            letters: ``DEAD_LETTER_SCHEMA``, in any order.
            since_us: When the oldest of their records was appended: no letter of it is older.
        """
        if not letters.num_rows:
            return 0
        stream = self._open()
        partitions = pc.unique(letters["partition"]).to_pylist()
        return sum(
            self._append_partition(
                stream,
                letters.filter(pc.equal(letters["partition"], partition)),
                partition,
                since_us,
            )
            for partition in partitions
        )

    def _append_partition(
        self, stream: Stream, letters: pa.Table, partition: int, since_us: int
    ) -> int:
        target = partition % stream.partitions
        producer = f"deliver:{self._source.name}/{partition}@{self._source.identity.id}"
        last = stream.last_sequence(target, producer)
        offsets = _offsets(letters)
        count = 0
        if last is not None and (offsets <= last).any():
            # Some are in already; not all need to be: what counts as dead may have changed since.
            before = letters.filter(pa.array(offsets <= last))
            known = self._written(stream, target, partition, since_us)
            missing = before.filter(pa.array(~np.isin(_offsets(before), known)))
            for batch in _slices(missing):
                self._submit(stream, batch, target, None)
                count += batch.num_rows
            letters = letters.filter(pa.array(offsets > last))
        for batch in _slices(letters):
            origin = Origin(producer, int(batch["offset"][-1].as_py()))
            self._submit(stream, batch, target, origin)
            count += batch.num_rows
        return count

    def _submit(
        self, stream: Stream, batch: pa.RecordBatch, target: int, origin: Origin | None
    ) -> None:
        # In which log their offsets count: replay says of a copy what it is a copy of.
        attributes = {LOG: self._source.identity.id}
        appended = stream.submit(
            batch, partition=target, origin=origin, attributes=attributes
        ).result()
        if appended.duplicate:
            raise CorruptionError(
                f"dead letters up to {origin and origin.sequence} were taken for a repetition",
                hint="two processes deliver the same stream",
            )

    def _written(
        self, stream: Stream, target: int, partition: int, since_us: int
    ) -> npt.NDArray[np.int64]:
        found = [np.empty(0, np.int64)]
        position = stream.offset_at(target, since_us - _CLOCK_SLACK_US)
        while chunks := stream.read(target, position):
            for chunk in chunks:
                batch = chunk.batch
                own = pc.and_(
                    pc.equal(batch["stream"], self._source.name),
                    pc.equal(batch["partition"], partition),
                )
                found.append(batch["offset"].filter(own).to_numpy(zero_copy_only=False))
            position = chunks[-1].end_offset
        return np.concatenate(found)


def _offsets(letters: pa.Table) -> npt.NDArray[np.int64]:
    values: npt.NDArray[np.int64] = letters["offset"].to_numpy()
    return values


def _slices(letters: pa.Table) -> Iterator[pa.RecordBatch]:
    if not letters.num_rows:
        return
    rows = max(1, _SLICE_BYTES * letters.num_rows // max(1, letters.nbytes))
    for start in range(0, letters.num_rows, rows):
        yield from letters.slice(start, rows).combine_chunks().to_batches()
