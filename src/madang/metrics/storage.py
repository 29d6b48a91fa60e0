"""The port through which PromQL reads samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from madang.metrics.matcher import Labels, Matcher

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SeriesSet:
    """Samples of several series, one series after the other.

    The samples of series ``i`` are those from ``offsets[i]`` to before ``offsets[i + 1]`` of
    ``ts_ms`` and ``values``, their times ascending and all different. A value may be
    ``STALE_NAN``. ``histograms`` is None if there is no native histogram among the samples;
    else it has the length of ``values``, with None where a sample is a plain number.
    ``starts_ms`` is None if no sample has a start timestamp; else it has the length of ``values``:
    since when what is counted has been counted, in milliseconds, 0 where nobody said.
    """

    labels: Sequence[Labels]
    offsets: Ints
    ts_ms: Ints
    values: Floats
    histograms: npt.NDArray[Any] | None = None
    starts_ms: Ints | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def samples(self) -> int:
        """How many samples there are, over all series."""
        return int(self.offsets[-1])

    @classmethod
    def empty(cls) -> SeriesSet:
        """No series."""
        none = np.zeros(0, np.int64)
        return cls([], np.zeros(1, np.int64), none, np.zeros(0))


class SampleStorage(Protocol):
    """Where samples are read from.

    Threads may call it at the same time. A call sees each series whole: what is written
    meanwhile is seen either in all of its answer or, for a series, from some time on.
    """

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> SeriesSet:
        """The samples, from ``start_ms`` to ``end_ms``, both inclusive, of the series that match.

        A series without a sample in that time may be left out. The order of the series is the
        same in each call with the same matchers, as far as they are the same series.

        Args:
            matchers: Conditions that hold all at once.
            start_ms: The first millisecond since 1970.
            end_ms: The last millisecond.
            limit: How many samples the caller can take; 0 is any number. A storage that
                finds that there are more raises instead of reading them.

        Raises:
            TooLargeError: there are more samples than ``limit``.
        """
        ...

    def series(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> list[Labels]:
        """The matching series with samples in that time, in any order, each once.

        A storage may take them all of the days that the time touches. No more than ``limit`` are
        read or kept, whichever they are; 0 is any number.
        """
        ...

    def label_names(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> list[str]:
        """The names of the labels of matching series with samples in that time, sorted.

        The first ``limit`` of them; 0 is any number.
        """
        ...

    def label_values(
        self,
        name: str,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        *,
        limit: int = 0,
    ) -> list[str]:
        """The values of one label over matching series with samples in that time, sorted.

        The first ``limit`` of them; 0 is any number.
        """
        ...
