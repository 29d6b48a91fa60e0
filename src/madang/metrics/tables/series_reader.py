"""Series as ``metrics.series`` has them on some days: those that matchers accept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from madang.core.samples import METRIC_NAME
from madang.lake import PinnedFile
from madang.metrics.head.label_columns import Matcher
from madang.metrics.matcher import Labels

_COLUMNS = ("series", "name", "labels")
_KEPT_BYTES = 64 * 2**20
_ENTRY_BYTES = 4096
"""What an answer takes beside its rows: most selectors find nothing in most files."""
SHAPE = pa.schema(
    [("series", pa.int64()), ("name", pa.string()), ("labels", pa.map_(pa.string(), pa.string()))]
)


@dataclass(frozen=True, slots=True)
class FoundSeries:
    """Series: ``rows`` of ``SHAPE``, by number ascending, each once."""

    rows: pa.Table

    @property
    def ids(self) -> npt.NDArray[np.int64]:
        """Their numbers, ascending."""
        found: npt.NDArray[np.int64] = self.rows["series"].to_numpy()
        return found

    def ids_by_name(self) -> dict[str, npt.NDArray[np.int64]]:
        """The numbers of the series of each metric, ascending."""
        names = self.rows["name"].combine_chunks().dictionary_encode()
        codes, ids = names.indices.to_numpy(), self.ids
        order = np.argsort(codes, kind="stable")
        bounds = np.searchsorted(codes[order], np.arange(len(names.dictionary) + 1))
        return {
            name: ids[order[bounds[place] : bounds[place + 1]]]
            for place, name in enumerate(names.dictionary.to_pylist())
        }

    def labels(self, places: npt.NDArray[np.int64]) -> list[Labels]:
        """The labels of some of them, the name among them."""
        rows = self.rows.take(pa.array(places))
        return [
            tuple(sorted([(METRIC_NAME, name), *pairs] if name else pairs))
            for name, pairs in zip(
                rows["name"].to_pylist(), rows["labels"].to_pylist(), strict=True
            )
        ]

    def values(self, name: str) -> list[str]:
        """The values of a label that any of them has, sorted."""
        if name == METRIC_NAME:
            return sorted(text for text in self.rows["name"].unique().to_pylist() if text)
        maps = self.rows["labels"].combine_chunks()
        return sorted(maps.items.filter(pc.equal(maps.keys, name)).unique().to_pylist())

    def names(self) -> list[str]:
        """The names of the labels that any of them has, sorted."""
        found = set(self.rows["labels"].combine_chunks().keys.unique().to_pylist())
        if any(self.rows["name"].unique().to_pylist()):
            found.add(METRIC_NAME)
        return sorted(found)


class SeriesReader:
    """Finds series in data files of ``metrics.series``, and keeps what it found. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, ...], pa.Table] = OrderedDict()
        self._kept_bytes = 0

    def select(
        self, files: Iterable[PinnedFile], matchers: Sequence[Matcher], *, limit: int = 0
    ) -> FoundSeries:
        """The series in some files that all matchers accept.

        Args:
            files: Of ``metrics.series``.
            matchers: Conditions that hold all at once.
            limit: Of more no more are read, whichever they are; 0: all.
        """
        known: npt.NDArray[np.int64] = np.empty(0, np.int64)
        found = [SHAPE.empty_table()]
        for piece in self.pieces(files, matchers):
            # A series has the same labels on each of its days: one row of it is enough.
            ids, first = np.unique(piece.rows["series"].to_numpy(), return_index=True)
            new = np.isin(ids, known, assume_unique=True, invert=True)
            if not np.any(new):
                continue
            left = limit - len(known) if limit else len(first)
            found.append(piece.rows.take(pa.array(first[new][:left])))
            known = np.union1d(known, ids[new][:left])
            if limit and len(known) >= limit:
                break
        rows = pa.concat_tables(found).combine_chunks()
        return FoundSeries(rows.take(pa.array(np.argsort(rows["series"].to_numpy()))))

    def pieces(
        self, files: Iterable[PinnedFile], matchers: Sequence[Matcher]
    ) -> Iterator[FoundSeries]:
        """The same a piece at a time, a series once for each day, in no order."""
        for file in files:
            yield from map(FoundSeries, self._of_file(file.path, matchers))

    def _of_file(self, path: str, matchers: Sequence[Matcher]) -> Iterator[pa.Table]:
        key = (path, *map(str, matchers))
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
        if kept is not None:
            yield kept
            return
        found: list[pa.Table] = []
        size = 0
        for rows in _matching(path, matchers):
            size += rows.nbytes
            found = [*found, rows] if size < _KEPT_BYTES // 4 else []
            yield rows
        if size < _KEPT_BYTES // 4:
            self._keep(key, pa.concat_tables([SHAPE.empty_table(), *found]))

    def _keep(self, key: tuple[str, ...], rows: pa.Table) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = rows
                self._kept_bytes += _size_of(rows)
                while self._kept_bytes > _KEPT_BYTES:
                    self._kept_bytes -= _size_of(self._kept.popitem(last=False)[1])


def _size_of(rows: pa.Table) -> int:
    return int(rows.nbytes) + _ENTRY_BYTES


def _matching(path: str, matchers: Sequence[Matcher]) -> Iterator[pa.Table]:
    by_name = [matcher for matcher in matchers if matcher.name == METRIC_NAME]
    others = [matcher for matcher in matchers if matcher.name != METRIC_NAME]
    meant = [matcher.among for matcher in by_name if matcher.among is not None]
    with pq.ParquetFile(path, read_dictionary=["name"]) as file:
        place = file.schema_arrow.get_field_index("name")
        for group in range(file.num_row_groups):
            stats = file.metadata.row_group(group).column(place).statistics
            if stats is not None and stats.has_min_max:
                low, high = stats.min, stats.max
                if any(not any(low <= name <= high for name in names) for names in meant):
                    continue
            names = file.read_row_group(group, ["name"])["name"].combine_chunks()
            accepted = _accepted(names, by_name)
            if not np.any(accepted):
                continue
            rows = file.read_row_group(group, list(_COLUMNS)).filter(pa.array(accepted))
            rows = rows.select(_COLUMNS).cast(SHAPE).combine_chunks()
            yield rows.filter(pa.array(_labelled(rows["labels"], others)))


def _accepted(names: pa.DictionaryArray, matchers: Sequence[Matcher]) -> npt.NDArray[np.bool_]:
    texts = names.dictionary.to_pylist()
    meant = [all(matcher.matches(text) for matcher in matchers) for text in texts]
    found: npt.NDArray[np.bool_] = np.array(meant, np.bool_)[names.indices.to_numpy()]
    return found


def _labelled(labels: pa.ChunkedArray, matchers: Sequence[Matcher]) -> npt.NDArray[np.bool_]:
    """Which label maps all matchers accept."""
    accepted = np.ones(len(labels), np.bool_)
    if not matchers or not len(labels):
        return accepted
    maps = labels.combine_chunks()
    offsets, keys, items = maps.offsets.to_numpy(), maps.keys, maps.items
    for matcher in matchers:
        own = np.full(len(labels), matcher.matches(""), np.bool_)
        places = np.flatnonzero(pc.equal(keys, matcher.name).to_numpy(zero_copy_only=False))
        if len(places):
            values = items.take(pa.array(places)).dictionary_encode()
            meant = np.array([matcher.matches(text) for text in values.dictionary.to_pylist()])
            owners = np.searchsorted(offsets, places, "right") - 1
            own[owners] = meant[values.indices.to_numpy()]
        accepted &= own
    return accepted
