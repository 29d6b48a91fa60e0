"""Samples of some series out of data files of ``metrics.samples``: only row groups that have any.

The files are sorted by name, series and time, and so are their row groups: what a series has in a
file is in one or two of them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from madang.core.errors import TooLargeError
from madang.lake import PinnedFile
from madang.metrics.head.chunk import Rows, Sorted, in_order

_COLUMNS = ("name", "series", "_time")
_GROUPS_AT_ONCE = 8
_KEPT_GROUPS = 50_000
_Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FileGroups:
    """The row groups of a file: the least and the greatest name, series and time (µs) of each.

    Not ``bounded`` are files that do not say them of every group, as for names of kilobytes.
    """

    footer: pq.FileMetaData
    first_names: Sequence[bytes]
    last_names: Sequence[bytes]
    first_series: _Ids
    last_series: _Ids
    first_us: _Ids
    last_us: _Ids
    bounded: bool = True

    @classmethod
    def of(cls, footer: pq.FileMetaData) -> FileGroups:
        """Read from the footer."""
        schema = footer.schema.to_arrow_schema()
        places = [schema.get_field_index(name) for name in _COLUMNS]
        found = []
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            stats = [group.column(place).statistics for place in places]
            if any(one is None or not one.has_min_max for one in stats):
                none = np.zeros(footer.num_row_groups, np.int64)
                return cls(footer, (), (), none, none, none, none, bounded=False)
            found.append([bound for one in stats for bound in (one.min_raw, one.max_raw)])
        columns = list(zip(*found, strict=True)) or [()] * 6
        series, last_series, first_us, last_us = (
            np.array(column, np.int64) for column in columns[2:]
        )
        return cls(footer, columns[0], columns[1], series, last_series, first_us, last_us)

    def having(self, wanted: Mapping[bytes, _Ids], start_us: int, end_us: int) -> _Ids:
        """The row groups that may have samples of series, by name, between two times."""
        if not self.bounded:
            return np.arange(len(self.first_us))
        kept = np.zeros(len(self.first_names), np.bool_)
        for name, ids in wanted.items():
            low, high = bisect_left(self.last_names, name), bisect_right(self.first_names, name)
            if low >= high:
                continue
            within = np.searchsorted(ids, self.first_series[low:high]) < np.searchsorted(
                ids, self.last_series[low:high], "right"
            )
            kept[low:high] |= within
        kept &= (self.first_us <= end_us) & (self.last_us >= start_us)
        return np.flatnonzero(kept)


class SampleReader:
    """Reads samples, and keeps the bounds of row groups. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[str, FileGroups] = OrderedDict()
        self._kept_groups = 0

    def read(
        self,
        files: Iterable[PinnedFile],
        wanted: Mapping[str, _Ids],
        start_ms: int,
        end_ms: int,
        *,
        limit: int = 0,
    ) -> Sorted:
        """The samples of series between two times, both inclusive.

        Args:
            files: Of ``metrics.samples``.
            wanted: By name, the numbers of the series, ascending.
            start_ms: The first millisecond since 1970.
            end_ms: The last one.
            limit: How many samples there may be; 0: any number.

        Returns:
            Sorted by series and time; ``owners`` are places among all wanted numbers, ascending.

        Raises:
            TooLargeError: there are more than ``limit``.
        """
        ids = np.sort(np.concatenate([np.empty(0, np.int64), *wanted.values()]))
        by_name = {name.encode(): each for name, each in wanted.items()}
        start_us, end_us = start_ms * 1000, end_ms * 1000 + 999
        parts: list[Rows] = []
        total = 0
        for file in files:
            groups = self._groups(file.path)
            found = groups.having(by_name, start_us, end_us)
            if not len(found):
                continue
            with pq.ParquetFile(file.path, metadata=groups.footer, memory_map=True) as parquet:
                for begin in range(0, len(found), _GROUPS_AT_ONCE):
                    some = found[begin : begin + _GROUPS_AT_ONCE].tolist()
                    rows = _rows(parquet, some, ids, start_us, end_us)
                    total += len(rows)
                    if limit and total > limit:
                        raise TooLargeError(
                            f"the selector finds over {limit:,} samples, which is the limit",
                            hint="ask for less time, or for fewer series",
                        )
                    parts.append(rows)
        return in_order(parts)

    def _groups(self, path: str) -> FileGroups:
        with self._lock:
            if path in self._kept:
                self._kept.move_to_end(path)
                return self._kept[path]
        found = FileGroups.of(pq.read_metadata(path))
        with self._lock:
            if path not in self._kept:
                self._kept[path] = found
                self._kept_groups += len(found.first_names)
            while self._kept_groups > _KEPT_GROUPS and len(self._kept) > 1:
                self._kept_groups -= len(self._kept.popitem(last=False)[1].first_names)
        return found


def _rows(
    parquet: pq.ParquetFile, groups: list[int], ids: _Ids, start_us: int, end_us: int
) -> Rows:
    table = parquet.read_row_groups(groups, ["series", "_time", "value"])
    series = table["series"].to_numpy()
    places = np.minimum(np.searchsorted(ids, series), len(ids) - 1)
    time_us = table["_time"].cast(pa.int64()).to_numpy()
    kept = np.flatnonzero((ids[places] == series) & (time_us >= start_us) & (time_us <= end_us))
    return Rows(places[kept], time_us[kept] // 1000, table["value"].to_numpy()[kept])
