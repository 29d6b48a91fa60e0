"""Samples that parts of a block have already: left out of the part that is written next."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from madang.metrics.head.chunk import Chunk
from madang.metrics.head.label_columns import Refs
from madang.metrics.head.runs import LeftOut

_FAR = 2**62


def without_known(chunk: Chunk, earlier: Iterable[Chunk], left_out: LeftOut) -> Chunk:
    """The samples of ``chunk`` at whose time none of the earlier ones has one of that series.

    Costs a look at each series' first time where nothing is late, as it is most of the time.

    Args:
        chunk: Not empty.
        earlier: Chunks that have no sample in common.
        left_out: Counts what is left out.
    """
    for other in earlier:
        late = _late(chunk, other)
        if len(late):
            again = _again(chunk, other, late, left_out)
            if len(again):
                chunk = _without(chunk, again)
        if not len(chunk):
            break
    return chunk


def _late(chunk: Chunk, other: Chunk) -> Refs:
    """The series of ``chunk`` that begin before they end in ``other``."""
    places = np.minimum(np.searchsorted(other.refs, chunk.refs), len(other.refs) - 1)
    first_ms = chunk.ts_ms[chunk.offsets[:-1]]
    last_ms = other.ts_ms[other.offsets[places + 1] - 1]
    late: Refs = chunk.refs[(other.refs[places] == chunk.refs) & (first_ms <= last_ms)]
    return late


def _again(chunk: Chunk, other: Chunk, late: Refs, left_out: LeftOut) -> npt.NDArray[np.int64]:
    """The places in ``chunk`` of samples whose times ``other`` has, too; counted."""
    new, known = chunk.find(late, -_FAR, _FAR), other.find(late, -_FAR, _FAR)
    own, theirs = new.rows(), known.rows()
    owners = np.concatenate([theirs.owners, own.owners])
    ts_ms = np.concatenate([theirs.ts_ms, own.ts_ms])
    # Stable: of two with one time, the one that was there first comes first.
    order = np.lexsort((ts_ms, owners))
    owners, ts_ms = owners[order], ts_ms[order]
    second = np.flatnonzero((owners[1:] == owners[:-1]) & (ts_ms[1:] == ts_ms[:-1])) + 1
    places = order[second] - len(theirs.owners)
    before = theirs.values[order[second - 1]].view(np.uint64)
    equal = int(np.count_nonzero(before == own.values[places].view(np.uint64)))
    left_out.repeated += equal
    left_out.duplicate += len(second) - equal
    found: npt.NDArray[np.int64] = new.places()[places]
    return found


def _without(chunk: Chunk, places: npt.NDArray[np.int64]) -> Chunk:
    kept = np.ones(len(chunk), np.bool_)
    kept[places] = False
    owners = np.repeat(chunk.refs, np.diff(chunk.offsets))[kept]
    first = np.flatnonzero(np.diff(owners, prepend=-1))
    offsets = np.append(first, len(owners)).astype(np.int64)
    return Chunk(owners[first], offsets, chunk.ts_ms[kept], chunk.values[kept])
