"""The fresh part of ``metrics.samples`` and ``metrics.series``, out of the stream of samples.

A series' labels stand beside its first sample only, so that the others' names come from what was
seen before, and from ``metrics.series``. A sample that was sent again is one row, also with another
value: the first one stays, as in the head. What the head would refuse beside what it had before is
shown until it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from madang.core.clock import Clock, SystemClock
from madang.core.distinct import distinct
from madang.core.samples import METRIC_NAME, labels_of
from madang.lake import Lake
from madang.lake.writer import with_codes
from madang.metrics.head.intake import SampleColumns
from madang.metrics.tables.forms import LABELS, SAMPLES_TABLE, SERIES_TABLE, TIME
from madang.metrics.tables.known_series import TableSeries
from madang.stream import Chunk

SHAPE = with_codes(SAMPLES_TABLE, ("name",))
_NAME = METRIC_NAME.encode()
_MOST_KNOWN = 2_000_000
_ODD = 0x9E37_79B9_7F4A_7C15
_DELIVERED_S = 3600.0
"""What was read so long ago and is not in the table was refused."""


class _Announced(NamedTuple):
    """The time of the first sample that a series was announced with, and when that was read."""

    first_ms: int
    labels: bytes
    read_s: float


class FreshSamples:
    """Turns chunks of the stream into rows of the table. Used by one thread at a time.

    Args:
        lake: Where ``metrics.series`` is.
        clock: Says how long ago a series was announced: its samples may be late or ahead.
    """

    def __init__(self, lake: Lake, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._series = TableSeries(lake)
        self._names: dict[int, str] = {}
        self._announced: dict[int, _Announced] = {}

    def rows(self, chunks: Sequence[Chunk], before: pa.Table | None = None) -> pa.Table:
        """Rows in the shape of the table, without samples of series that nobody has named.

        Args:
            chunks: Of the stream.
            before: Rows of what stood before them: samples that are there are left out.
        """
        if not chunks:
            return SHAPE.empty_table()
        if len(self._names) > _MOST_KNOWN:
            self._names.clear()
            self._announced.clear()
        columns = [SampleColumns.of(chunk.batch) for chunk in chunks]
        now_s = self._clock.monotonic_s()
        for each in columns:
            numbers, times = each.ids[each.announced], each.ts_ms[each.announced]
            for number, ts_ms, labels in zip(
                numbers.tolist(), times.tolist(), each.labels, strict=True
            ):
                self._names.setdefault(number, _name_of(labels))
                known = self._announced.get(number)
                first_ms = known.first_ms if known else ts_ms
                self._announced[number] = _Announced(first_ms, labels, now_s)
        ids = np.concatenate([each.ids for each in columns])
        # Hashed: a page has the same series every time, so they are few beside the samples.
        coded = pa.array(ids).dictionary_encode()
        different = coded.dictionary.to_pylist()
        self._learn(different)
        names = [self._names.get(number) for number in different]
        rows = pa.Table.from_arrays(
            [
                _coded(names, coded.indices),
                pa.array(ids),
                pa.array(np.concatenate([each.ts_ms for each in columns]) * 1000).cast(TIME),
                pa.array(np.concatenate([each.values for each in columns])),
            ],
            names=SHAPE.names,
        )
        return _each_once(rows.filter(pc.is_valid(rows["name"])).cast(SHAPE), before)

    def series(self, files: Sequence[str]) -> pa.Table:
        """Rows for series that were announced in the stream and are not in their table.

        Args:
            files: Of the table's snapshot.
        """
        since_s = self._clock.monotonic_s() - _DELIVERED_S
        self._announced = {n: one for n, one in self._announced.items() if one.read_s >= since_s}
        for file in files:
            if not self._announced:
                break
            stored = pq.read_table(file, columns=["series"], partitioning=None)["series"]
            wanted = np.fromiter(self._announced, np.int64, len(self._announced))
            for number in wanted[np.isin(wanted, stored.to_numpy())].tolist():
                del self._announced[number]
        times = [one.first_ms * 1000 for one in self._announced.values()]
        labels = [labels_of(one.labels) for one in self._announced.values()]
        first = pa.array(times, pa.int64()).cast(TIME)
        names = [one.pop(METRIC_NAME, "") for one in labels]
        pairs = pa.array([list(one.items()) for one in labels], LABELS)
        columns = [pa.array(names, pa.string()), pa.array(list(self._announced), pa.int64())]
        return pa.Table.from_arrays([*columns, first, first, pairs], schema=SERIES_TABLE)

    def _learn(self, ids: Sequence[int]) -> None:
        missing = [number for number in ids if number not in self._names]
        if missing:
            found = self._series.names_of(np.array(sorted(missing), np.int64))
            self._names.update(
                zip(found["series"].to_pylist(), found["name"].to_pylist(), strict=True)
            )


def _each_once(rows: pa.Table, before: pa.Table | None) -> pa.Table:
    """Rows whose series has no sample of that time in front of them."""
    if not rows.num_rows:
        return rows
    times = _times(rows)
    keys = _keys(rows, times)
    earlier = keys[:0]
    if before is not None and before.num_rows:
        known = _times(before)
        near = np.flatnonzero(known >= times.min())  # few: time goes on
        earlier = _keys(before.take(pa.array(near)), known[near])
    every = np.concatenate([earlier, keys])
    in_order = np.sort(every)
    again = distinct(in_order[1:][in_order[1:] == in_order[:-1]])
    if not len(again):
        return rows
    # Only where a key is there twice it matters which one is the first.
    repeats = pc.is_in(pa.array(every), pa.array(again))
    places = np.flatnonzero(repeats.to_numpy(zero_copy_only=False))
    first = np.unique(every[places], return_index=True)[1]
    kept = np.ones(len(every), np.bool_)
    kept[places] = False
    kept[places[first]] = True
    return rows.filter(pa.array(kept[len(earlier) :]))


def _times(rows: pa.Table) -> npt.NDArray[np.int64]:
    times: npt.NDArray[np.int64] = rows["_time"].cast(pa.int64()).to_numpy()
    return times


def _keys(rows: pa.Table, times: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """A number for each series and time; as series are hashes, no two are likely to be equal."""
    keys: npt.NDArray[np.uint64] = rows["series"].to_numpy().view(np.uint64) + (
        times.view(np.uint64) * np.uint64(_ODD)
    )
    return keys


def _coded(names: Sequence[str | None], places: pa.Int32Array) -> pa.DictionaryArray:
    found = pa.array(names, pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(found.indices.take(places), found.dictionary)


def _name_of(labels: bytes) -> str:
    parts = labels.split(b"\xff")
    name = dict(zip(parts[::2], parts[1::2], strict=False)).get(_NAME, b"")
    return name.decode(errors="replace")
