"""A head at some moment: what queries read, while the head goes on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from madang.core.errors import TooLargeError
from madang.metrics.head.chunk import Found, Sorted, gathered
from madang.metrics.head.label_columns import Matcher
from madang.metrics.head.runs import RunsView
from madang.metrics.head.series_view import SeriesView
from madang.metrics.matcher import Labels
from madang.metrics.texts import first_texts


@dataclass(frozen=True, slots=True)
class Selected:
    """Samples of several series, one series after the other."""

    labels: Sequence[Labels]
    offsets: npt.NDArray[np.int64]
    samples: Sorted


@dataclass(frozen=True, slots=True)
class BlockView:
    """The samples from ``start_ms`` to before ``end_ms``."""

    start_ms: int
    end_ms: int
    samples: RunsView

    @property
    def chunks(self) -> int:
        """How many parts and runs hold its samples."""
        return len(self.samples.chunks) + bool(self.samples.pending)


@dataclass(frozen=True, slots=True)
class HeadView:
    """Series, and blocks in the order of time. For any thread.

    From ``whole_from_ms`` on no sample is missing, None: none at all; others are in the tables.
    """

    series: SeriesView
    blocks: Sequence[BlockView]
    whole_from_ms: int | None = None

    def select(
        self, matchers: Iterable[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> Selected:
        """Samples between two times, both inclusive, of the series that all matchers match.

        Series without a sample then are left out; the others come in the order of their refs.

        Raises:
            TooLargeError: there are more samples than ``limit``, unless that is 0.
        """
        refs = self.series.select(matchers)
        parts: list[Found] = []
        total = 0
        for block in self.blocks:
            if block.start_ms <= end_ms and start_ms < block.end_ms:
                for found in block.samples.find(refs, start_ms, end_ms):
                    if len(found):
                        total += len(found)
                        parts.append(found)
        if limit and total > limit:
            raise TooLargeError(
                f"the selector finds {total:,} samples, over the limit of {limit:,}",
                hint="ask for less time, or for fewer series",
            )
        samples = gathered(parts, len(refs))
        offsets = samples.offsets(len(refs))
        owners = np.flatnonzero(np.diff(offsets))
        offsets = np.append(offsets[owners], offsets[-1])
        return Selected(self.series.labels(refs[owners]), offsets, samples)

    def series_within(
        self, matchers: Iterable[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> list[Labels]:
        """The labels of matching series that have a sample between two times, both inclusive.

        Of ``limit`` at most; 0 is any number.
        """
        refs = self.series.select(matchers)
        has = np.zeros(len(refs), np.bool_)
        for block in self.blocks:
            if block.start_ms <= end_ms and start_ms < block.end_ms:
                for found in block.samples.find(refs, start_ms, end_ms):
                    has[found.wanted[found.counts > 0]] = True
        return self.series.labels(refs[has][: limit or None])

    def label_names(self, matchers: Iterable[Matcher]) -> list[str]:
        """The label names of matching series, sorted."""
        matchers = list(matchers)
        if not matchers:
            return self.series.names
        return self.series.names_of(self.series.select(matchers))

    def label_values(self, name: str, matchers: Iterable[Matcher], *, limit: int = 0) -> list[str]:
        """The values of a label of matching series, sorted: the first ``limit``, or 0: all."""
        matchers = list(matchers)
        refs = self.series.select(matchers) if matchers else None
        return first_texts(self.series.values(name, refs), limit)
