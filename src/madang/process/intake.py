"""Chunks put together: those with equal attributes are decoded as one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from madang.stream import Chunk

_MAX_BYTES = 2**30
"""Values of one batch; Arrow's binary type ends at 2 GiB."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records with the same attributes, in the order of the chunks.

    ``ordinal`` is a record's place among all records of the call.
    """

    attributes: Mapping[str, str]
    ts: pa.Array
    key: pa.Array
    value: pa.Array
    partition: npt.NDArray[np.int32]
    offset: npt.NDArray[np.int64]
    ordinal: npt.NDArray[np.int64]


def gather(chunks: Sequence[Chunk]) -> list[Batch]:
    """Batches of ``chunks``, in the order in which their attributes first appear."""
    groups: dict[tuple[frozenset[tuple[str, str]], int], list[tuple[int, Chunk]]] = {}
    sizes: dict[frozenset[tuple[str, str]], int] = {}
    ordinal = 0
    for chunk in chunks:
        attributes = frozenset(chunk.attributes.items())
        sizes[attributes] = sizes.get(attributes, 0) + chunk.batch.nbytes
        groups.setdefault((attributes, sizes[attributes] // _MAX_BYTES), []).append(
            (ordinal, chunk)
        )
        ordinal += chunk.batch.num_rows
    return [_batch(group) for group in groups.values()]


def _batch(group: Sequence[tuple[int, Chunk]]) -> Batch:
    chunks = [chunk for _, chunk in group]
    counts = [chunk.batch.num_rows for chunk in chunks]
    within = np.arange(sum(counts)) - np.repeat(np.cumsum([0, *counts[:-1]]), counts)
    return Batch(
        chunks[0].attributes,
        _column(chunks, "ts"),
        _column(chunks, "key"),
        _column(chunks, "value"),
        np.repeat(np.array([chunk.partition for chunk in chunks], np.int32), counts),
        np.repeat(np.array([chunk.base_offset for chunk in chunks], np.int64), counts) + within,
        np.repeat(np.array([start for start, _ in group], np.int64), counts) + within,
    )


def _column(chunks: Sequence[Chunk], name: str) -> pa.Array:
    arrays = [chunk.batch.column(name) for chunk in chunks]
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)
