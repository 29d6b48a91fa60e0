"""A block: the samples of a span of time, and an index of the series that have any in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.core.samples import SAMPLES_SCHEMA
from madang.metrics.head.chunk import Times, Values
from madang.metrics.head.label_columns import Refs
from madang.metrics.head.runs import LeftOut, Runs
from madang.metrics.head.series_index import SeriesIndex

_KEPT_PAGES = 4_096


@dataclass(frozen=True, slots=True)
class SampleColumns:
    """The columns of a batch of ``SAMPLES_SCHEMA``, as numpy sees them.

    ``announced`` are the places that have labels, ``labels`` those.
    """

    ids: npt.NDArray[np.int64]
    ts_ms: Times
    values: Values
    announced: npt.NDArray[np.int64]
    labels: list[bytes]

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> SampleColumns:
        """Look at a batch; no copy but of the labels."""
        assert batch.schema.names == SAMPLES_SCHEMA.names, batch.schema
        labels = batch.column("labels")
        announced = np.empty(0, np.int64)
        if labels.null_count < len(labels):
            announced = np.flatnonzero(pc.is_valid(labels).to_numpy(zero_copy_only=False))
        return cls(
            batch.column("series").to_numpy(),
            batch.column("ts").view(pa.int64()).to_numpy(),
            batch.column("value").to_numpy(),
            announced,
            labels.take(pa.array(announced)).to_pylist() if len(announced) else [],
        )

    def where(self, wanted: npt.NDArray[np.bool_]) -> SampleColumns:
        """Some of the samples; what is announced stays as it is with them."""
        places = np.cumsum(wanted) - 1
        kept = wanted[self.announced]
        labels = [text for text, keep in zip(self.labels, kept.tolist(), strict=True) if keep]
        return SampleColumns(
            self.ids[wanted],
            self.ts_ms[wanted],
            self.values[wanted],
            places[self.announced[kept]],
            labels,
        )


@dataclass(slots=True)
class Refused:
    """Samples that a block could not take, by reason.

    ``unknown``: nobody said which labels their series has; ``collided``: two series have that
    number, so from then on nobody knows whose they are.
    """

    unknown: int = 0
    collided: int = 0


class Block:
    """Samples from ``start_ms`` to before ``end_ms``, growing. Not thread-safe."""

    def __init__(self, start_ms: int, end_ms: int) -> None:
        self.start_ms = start_ms
        self.end_ms = end_ms
        self.index = SeriesIndex()
        self.runs = Runs()
        self.refused = Refused()
        self._collided: set[int] = set()
        # A target's page has the same series every time: the refs of the last ones are kept.
        self._pages: dict[tuple[int, int, int], tuple[npt.NDArray[np.int64], Refs]] = {}

    @property
    def left_out(self) -> LeftOut:
        """Samples whose time was there before."""
        return self.runs.left_out

    def take(self, samples: SampleColumns, *, before: SeriesIndex | None = None) -> None:
        """Add samples, all within the block's span.

        Args:
            samples: In the order of their arrival.
            before: An index that may know series which were announced earlier.

        Raises:
            ValueError: what is announced are no labels; nothing was added.
        """
        if len(samples.announced):
            ids = samples.ids[samples.announced]
            added = self.index.add(ids, samples.labels)
            self._collided.update(ids[added.refs < 0].tolist())
        if self._collided:
            bad = np.isin(samples.ids, list(self._collided))
            if np.any(bad):
                self.refused.collided += int(np.count_nonzero(bad))
                samples = samples.where(~bad)
        refs = self._refs(samples.ids)
        missing = np.flatnonzero(refs < 0)
        if len(missing) and before is not None:
            refs[missing] = self._adopt(samples.ids[missing], before)
            missing = np.flatnonzero(refs < 0)
        if not len(missing):
            self.runs.add(refs, samples.ts_ms, samples.values)
            return
        self.refused.unknown += len(missing)
        kept = refs >= 0
        self.runs.add(refs[kept], samples.ts_ms[kept], samples.values[kept])

    def _refs(self, ids: npt.NDArray[np.int64]) -> Refs:
        if not len(ids):
            return np.empty(0, np.int32)
        key = (len(ids), int(ids[0]), int(ids[-1]))
        known = self._pages.get(key)
        if known is not None and np.array_equal(known[0], ids):
            return known[1]
        refs = self.index.refs_of(ids)
        if len(ids) > 1 and not np.any(refs < 0):
            if len(self._pages) >= _KEPT_PAGES:
                self._pages.clear()
            self._pages[key] = ids.copy(), refs
        return refs

    def _adopt(self, ids: npt.NDArray[np.int64], before: SeriesIndex) -> Refs:
        """Take series over from an earlier index."""
        unique = np.unique(ids)
        earlier = before.refs_of(unique)
        known = earlier >= 0
        if np.any(known):
            self.index.add(unique[known], before.canonical(earlier[known]))
        return self.index.refs_of(ids)
