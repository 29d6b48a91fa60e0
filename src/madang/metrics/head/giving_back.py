"""A head that does not fit its stream or its tables: what only it holds goes back to the stream.

Whoever restores a backup may leave a head in place that is newer than the stream, or than the
tables. Its offsets then name other records, or none; and blocks that it let go of, because the
tables had them, are in no table any more. Such a head is read anew from the stream. Samples that
are in its files and not in the tables are appended to the stream before: from then on they are
acknowledged samples like others, which are taken late though they may be. What the stream has
already is there twice, and counts once.

A process that is killed in between goes on with it: the stream knows which batches it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

import msgspec
import numpy as np
import pyarrow as pa

from madang.core.samples import SAMPLES_SCHEMA, canonical_labels
from madang.lake.lineage import Source, agrees
from madang.metrics.head.block import is_before
from madang.metrics.head.chunk import Chunk
from madang.metrics.head.folder import Manifest
from madang.metrics.head.head import Head, StoredSamples
from madang.metrics.head.overlap import without_known
from madang.metrics.head.runs import LeftOut
from madang.metrics.head.series_view import SeriesView
from madang.stream import Chunk as Records
from madang.stream import Origin, Stream

_SOURCE = {"source": "head"}
_PIECE = 200_000
_PARTITION = 0


@dataclass(frozen=True, slots=True)
class Misfit:
    """How a head does not fit.

    Attributes:
        why: In words.
        in_tables: By partition, offsets before which what the head holds is in the tables, surely.
        whole: The stream has everything that the tables do not have.
    """

    why: str
    in_tables: Mapping[int, int]
    whole: bool = False


def misfit(written: Manifest, stream: Stream, reached: Mapping[int, int] | None) -> Misfit | None:
    """Whether a head can go on with a stream and tables; None: it can.

    Args:
        written: What was written of the head.
        stream: As it is now.
        reached: By partition, the offsets at which the tables stand; None: nobody knows.
    """
    if written.stream != stream.identity.id:
        return Misfit(f"the stream {stream.name!r} was replaced", {})
    known = agrees(stream, written.offsets, Source(written.stream, written.at_us))
    other = [partition for partition, same in known.items() if not same]
    if other:
        place = f"{stream.name}/{other[0]}"
        at = written.offsets[other[0]]
        end = stream.bounds(other[0]).end if other[0] < stream.partitions else 0
        what = f"ends at {end:,}" if at > end else f"has another record before offset {at:,}"
        return Misfit(f"{place} {what}, and the head stood at {at:,}: it is an older state", {})
    if reached is None or is_before(written.archived, reached):
        return None
    behind = {
        partition: (reached.get(partition, 0), offset)
        for partition, offset in written.archived.items()
        if offset > reached.get(partition, 0)
    }
    partition, (now, before) = next(iter(behind.items()))
    place = f"{stream.name}/{partition}"
    why = f"the table stands at offset {now:,} of {place}, and stood at {before:,}"
    gone = [
        f"{stream.name}/{number} {at:,} to {stream.bounds(number).earliest:,}"
        for number, (at, _) in behind.items()
        if number < stream.partitions and stream.bounds(number).earliest > at
    ]
    if gone:
        why += f"; the stream has let go of what was between ({', '.join(gone)})"
    return Misfit(why, reached, whole=not gone)


def give_back(
    head: Head, written: Manifest, found: Misfit, stream: Stream, tables: StoredSamples | None
) -> int:
    """Append what only a head holds to its stream; durable when it returns. How many samples.

    Where it was killed before, it goes on from there, and counts from there.

    Args:
        head: As it was written, nothing taken since.
        written: What was written of it.
        found: What is wrong with it.
        stream: Goes on with these samples.
        tables: Tell what they have.

    Raises:
        StorageFullError: no room; the head's files are as before.
        OSError: the tables cannot be read.
    """
    series = head.view().series
    # The same for the same pieces: a batch that was appended before a kill is known by it.
    pieces = msgspec.json.encode((written, sorted(found.in_tables.items())))
    producer = f"head:{blake2b(pieces, digest_size=16).hexdigest()}"
    done = stream.last_sequence(_PARTITION, producer) or 0
    count = 0
    for number, piece in enumerate(_pieces(head, found.in_tables), 1):
        if number <= done:
            continue
        known = tables.samples_of(series, piece) if tables is not None else ()
        left = without_known(piece, known, LeftOut())
        if not len(left):
            continue
        count += len(left)
        batch = _batch(left, series)
        # One after the other: had a later one been appended where this one failed, the stream
        # would take this one for one that it has.
        origin = Origin(producer, number)
        stream.submit(batch, partition=_PARTITION, origin=origin, attributes=_SOURCE).result()
    return count


def was_given_back(records: Records) -> bool:
    """Whether records of a stream are such samples."""
    return records.attributes.get("source") == _SOURCE["source"]


def _pieces(head: Head, in_tables: Mapping[int, int]) -> Iterator[Chunk]:
    for parts in head.parts().values():
        for part in parts:
            if not in_tables or not is_before(part.reached, in_tables):
                yield from _cut(part.samples)


def _cut(chunk: Chunk) -> Iterable[Chunk]:
    """The same samples, some series at a time."""
    low = 0
    while low < len(chunk.refs):
        most = chunk.offsets[low] + _PIECE
        high = max(low + 1, int(np.searchsorted(chunk.offsets, most, "right")) - 1)
        yield chunk.slice(low, high)
        low = high


def _batch(chunk: Chunk, series: SeriesView) -> pa.RecordBatch:
    labels = [canonical_labels(each) for each in series.labels(chunk.refs)]
    beside = np.full(len(chunk), len(labels), np.int64)
    beside[chunk.offsets[:-1]] = np.arange(len(labels))
    return pa.RecordBatch.from_arrays(
        [
            pa.array(chunk.ts_ms).view(SAMPLES_SCHEMA.field("ts").type),
            pa.array(np.repeat(series.ids_of(chunk.refs), np.diff(chunk.offsets))),
            pa.array(chunk.values),
            pa.nulls(len(chunk), pa.binary()),
            pa.array([*labels, None], pa.binary()).take(pa.array(beside)),
        ],
        schema=SAMPLES_SCHEMA,
    )
