"""Replayed records: each is a row once, also where its table is built from the stream anew.

A dead letter that is replayed stands in the stream twice: as the record that could not be read,
and as its copy. With the decoder mended in between, a table that is built anew would have both. So
a copy names the record that it was made from, in its header ``replay_of``, and is left out where
that record is a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from madang.lake.decoder import OFFSET_COLUMN, PARTITION_COLUMN
from madang.stream import RECORD_SCHEMA, Chunk

REPLAYED: Final = "replayed"
"""The attribute of batches that replay appended."""
REPLAY_OF: Final = "replay_of"
"""Header of a copy, and attribute of its own dead letter: ``<partition>/<offset>`` of the
first one."""
LOG: Final = "log"
"""The attribute of batches of dead letters: the identity of the log that they come from."""
Place: TypeAlias = tuple[int, int]
"""Partition and offset of a record."""
Bounds: TypeAlias = Callable[[int], tuple[object, object]]


def copies(chunks: Iterable[Chunk]) -> dict[Place, Place]:
    """Place of each replayed record that says so → place of the record that it is a copy of."""
    found: dict[Place, Place] = {}
    for chunk in chunks:
        if REPLAYED not in chunk.attributes or chunk.batch.schema.names != RECORD_SCHEMA.names:
            continue
        origins = pc.map_lookup(chunk.batch["headers"], REPLAY_OF, "first").to_pylist()
        for row, text in enumerate(origins):
            place = parse_place(text)
            if place is not None:
                found[chunk.partition, chunk.base_offset + row] = place
    return found


def parse_place(text: str | None) -> Place | None:
    """The place of ``<partition>/<offset>``; None if it is none."""
    partition, slash, offset = (text or "").partition("/")
    if not (slash and partition.isdecimal() and offset.isdecimal()):
        return None
    return int(partition), int(offset)


def named(letters: pa.Table, known: dict[Place, Place]) -> pa.Table:
    """``letters`` whose attributes tell of copies what they are copies of."""
    if not known or not letters.num_rows:
        return letters
    index = letters.schema.get_field_index("attributes")
    places = zip(letters["partition"].to_pylist(), letters["offset"].to_pylist(), strict=True)
    attributes = []
    for place, pairs in zip(places, letters["attributes"].to_pylist(), strict=True):
        first = known.get(place)
        more = [] if first is None else [(REPLAY_OF, f"{first[0]}/{first[1]}")]
        attributes.append([*(pairs or ()), *more])
    field = letters.schema.field(index)
    return letters.set_column(index, field, pa.array(attributes, field.type))


def without_doubles(
    rows: pa.Table,
    known: dict[Place, Place],
    stored: Callable[[set[Place]], set[Place]],
) -> pa.Table:
    """``rows`` without copies of records that are rows themselves.

    Args:
        rows: Decoded, with ``_partition`` and ``_offset``.
        known: As :func:`copies` found them.
        stored: Which of some places are rows of the table already.
    """
    if not known or not rows.num_rows:
        return rows
    partition, offset = rows[PARTITION_COLUMN].to_numpy(), rows[OFFSET_COLUMN].to_numpy()
    wanted = set(known.values())
    there = stored(wanted) | _among(partition, offset, wanted)
    doubled = {copy for copy, origin in known.items() if origin in there}
    if not doubled:
        return rows
    mask = np.zeros(rows.num_rows, bool)
    for number in {place[0] for place in doubled}:
        offsets = np.array([at for part, at in doubled if part == number], np.int64)
        mask |= (partition == number) & np.isin(offset, offsets)
    return rows.filter(pa.array(~mask))


def stored_rows(
    files: Sequence[str], bounds: Callable[[int], tuple[object, object]], wanted: set[Place]
) -> set[Place]:
    """Which of ``wanted`` are rows of a table's Parquet files.

    Args:
        files: Their paths.
        bounds: Position in ``files`` → least and greatest ``_offset``, None where not known.
        wanted: The places.
    """
    offsets = sorted({offset for _, offset in wanted})
    found: set[Place] = set()
    for number, path in enumerate(files):
        least, most = bounds(number)
        if isinstance(least, int) and isinstance(most, int):
            begin, end = np.searchsorted(offsets, [least, most + 1])
            if begin == end:
                continue
        table = pq.read_table(
            path,
            columns=[PARTITION_COLUMN, OFFSET_COLUMN],
            filters=pc.field(OFFSET_COLUMN).isin(offsets),
            partitioning=None,
        )
        found |= _among(table[PARTITION_COLUMN].to_numpy(), table[OFFSET_COLUMN].to_numpy(), wanted)
    return found


def _among(
    partition: npt.NDArray[np.int32], offset: npt.NDArray[np.int64], wanted: set[Place]
) -> set[Place]:
    """Those of ``wanted`` that are among the places of rows."""
    found: set[Place] = set()
    for number in {place[0] for place in wanted}:
        offsets = np.array([at for part, at in wanted if part == number], np.int64)
        here = offset[partition == number]
        found |= {(number, int(at)) for at in offsets[np.isin(offsets, here)]}
    return found
