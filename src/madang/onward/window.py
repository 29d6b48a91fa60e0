"""A piece of the stream, cut into requests: the same piece is always cut the same way.

What was being sent when the process died is cut again from the same offsets, so each request is one
that the receiver has as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.core.samples import SAMPLES_SCHEMA, Samples
from madang.onward.labels import OutgoingLabels
from madang.stream import Stream

_READ_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Window:
    """By partition, from which offset to before which one."""

    start: Mapping[int, int]
    end: Mapping[int, int]

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return any(self.end[partition] > self.start.get(partition, 0) for partition in self.end)


@dataclass(frozen=True, slots=True)
class Requests:
    """What is sent for a window: by shard, one request after the other.

    ``left_out``: samples that are not sent, by reason.
    """

    shards: Sequence[Sequence[Samples]]
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """How windows are cut. ``oldest_ms``: samples before it are left out."""

    shards: int
    most_samples: int
    oldest_ms: int = -(2**62)


def rows_of(stream: Stream, window: Window) -> pa.Table:
    """All samples of a window, partition after partition."""
    batches: list[pa.RecordBatch] = []
    for partition, end in sorted(window.end.items()):
        offset = window.start.get(partition, 0)
        while offset < end:
            chunks = stream.read(partition, offset, max_bytes=_READ_BYTES)
            for chunk in chunks:
                if chunk.base_offset >= end:
                    offset = end
                    break
                batches.append(chunk.batch.slice(0, end - chunk.base_offset))
                offset = chunk.end_offset
            if not chunks:
                break
    return pa.Table.from_batches(batches, SAMPLES_SCHEMA)


def cut(rows: pa.Table, labels: OutgoingLabels, how: Cut) -> Requests:
    """The requests of a window; the samples of a series keep their order, in one shard."""
    told = rows.filter(pc.is_valid(rows["labels"])).select(["series", "labels"])
    labels.announce(told["series"].to_pylist(), told["labels"].to_pylist())
    numbers = rows["series"].to_numpy()
    ts_ms = rows["ts"].cast(pa.int64()).to_numpy()
    values = rows["value"].to_numpy()
    plain = pc.is_null(rows["histogram"]).to_numpy(zero_copy_only=False)
    young = ts_ms >= how.oldest_ms
    different, series = np.unique(numbers, return_inverse=True)
    unknown = labels.unknown
    names = labels.of(different)
    named = np.fromiter((one is not None for one in names), np.bool_, len(names))[series]
    left_out = {
        "histogram": int(np.count_nonzero(~plain)),
        "too_old": int(np.count_nonzero(plain & ~young)),
    }
    if labels.unknown > unknown:
        left_out["unknown_series"] = labels.unknown - unknown
    kept = plain & young & named
    # Two series may have become one: the shard is that of what is sent.
    shard_of = np.fromiter(
        (0 if one is None else hash_of(one) % how.shards for one in names), np.int64, len(names)
    )
    shards = []
    for shard in range(how.shards):
        mine = np.flatnonzero(kept & (shard_of[series] == shard))
        shards.append(
            [
                _samples(names, series[part], ts_ms[part], values[part])
                for part in np.split(mine, range(how.most_samples, len(mine), how.most_samples))
                if len(part)
            ]
        )
    return Requests(shards, {reason: count for reason, count in left_out.items() if count})


def hash_of(labels: bytes) -> int:
    """A number of a series that is the same in every process."""
    return crc32(labels)


def _samples(
    names: Sequence[bytes | None],
    series: npt.NDArray[np.int64],
    ts_ms: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
) -> Samples:
    order = np.argsort(ts_ms, kind="stable")  # by series, the order of the stream else
    different, own = np.unique(series[order], return_inverse=True)
    places: dict[bytes, int] = {}
    place = [places.setdefault(names[one] or b"", len(places)) for one in different.tolist()]
    return Samples(list(places), np.array(place, np.int32)[own], ts_ms[order], values[order])
