"""What a request's series are gathered into, until they are one ``Pushed``."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from madang.collect.pushed import Exemplar, FamilyMetadata, NativeHistograms, Pushed, Refusals
from madang.collect.sender_labels import SeriesError, exemplar_labels
from madang.collect.series_table import SeriesTable
from madang.core.errors import TooLargeError
from madang.core.samples import Samples

# What is read one by one takes a hundred bytes each.
_ONE_BY_ONE_LIMIT = 2_000_000


class Gathered:
    """Samples, histograms and exemplars, one series after the other."""

    def __init__(self, table: SeriesTable) -> None:
        self.table = table
        self.refusals = Refusals()
        self.left_out: dict[str, int] = {}
        self._places: list[npt.NDArray[np.int64]] = []
        self._numbers: list[npt.NDArray[np.int64]] = []
        self._times_ms: list[npt.NDArray[np.int64]] = []
        self._values: list[npt.NDArray[np.float64]] = []
        self._single: tuple[list[int], list[int], list[int], list[float]] = ([], [], [], [])
        self._histograms: tuple[list[int], list[int], list[float], list[bytes]] = ([], [], [], [])
        self._exemplars: list[Exemplar] = []
        self._metadata: dict[FamilyMetadata, None] = {}

    def add_samples(
        self,
        places: npt.NDArray[np.int64],
        numbers: npt.NDArray[np.int64],
        times_ms: npt.NDArray[np.int64],
        values: npt.NDArray[np.float64],
    ) -> None:
        """Samples of any series; ``places`` are those of their series in the request."""
        self._places.append(places)
        self._numbers.append(numbers)
        self._times_ms.append(times_ms)
        self._values.append(values)

    def add_series(self, place: int, number: int, times_ms: list[int], values: list[float]) -> None:
        """Samples of one series.

        Raises:
            TooLargeError: they are too many for one request.
        """
        places, numbers, all_times_ms, all_values = self._single
        if len(places) + len(values) > _ONE_BY_ONE_LIMIT:
            raise TooLargeError(
                f"the request has more than {_ONE_BY_ONE_LIMIT} samples",
                hint="send fewer samples in a request",
            )
        places.extend([place] * len(values))
        numbers.extend([number] * len(values))
        all_times_ms.extend(times_ms)
        all_values.extend(values)

    def add_sample(self, place: int, number: int, ts_ms: int, value: float) -> None:
        """One sample of a series."""
        places, numbers, times_ms, values = self._single
        places.append(place)
        numbers.append(number)
        times_ms.append(ts_ms)
        values.append(value)

    def add_histogram(self, number: int, message: bytes, ts_ms: int, total: float) -> None:
        """A native histogram of a series, as ``prompb.Histogram``; ``total`` is its sum."""
        numbers, times_ms, sums, messages = self._histograms
        numbers.append(number)
        times_ms.append(ts_ms)
        sums.append(total)
        messages.append(message)

    def add_exemplar(
        self, number: int, pairs: Iterable[tuple[bytes, bytes]], value: float, ts_ms: int
    ) -> None:
        """An exemplar of a series.

        Raises:
            SeriesError: its labels are none.
        """
        labels = exemplar_labels(pairs)
        self._exemplars.append(Exemplar(self.table.labels(number), labels, value, ts_ms))

    def refuse_part(self, position: int, what: str, number: int, error: SeriesError) -> None:
        """Refuse a part of a series that is taken without it."""
        labels = self.table.labels(number).replace(b"\xff", b" ")
        self.refusals.add(position, f"{what}: {error}", labels)

    def leave_out(self, what: str) -> None:
        """Count something that is understood and not kept."""
        self.left_out[what] = self.left_out.get(what, 0) + 1

    def add_metadata(self, metadata: FamilyMetadata) -> None:
        """What is said of a family; the same twice is one."""
        self._metadata[metadata] = None

    def pushed(self) -> Pushed:
        """All of it."""
        numbers, times_ms, values = self._samples()
        h_numbers, h_times, sums, messages = self._histograms
        labels, ids, series = self.table.places(
            np.concatenate([numbers, np.array(h_numbers, np.int64)])
        )
        count = len(values)
        return Pushed(
            Samples(labels, series[:count], times_ms, values),
            ids,
            histograms=NativeHistograms(
                series[count:], _times(h_times), np.array(sums, np.float64), messages
            ),
            metadata=list(self._metadata),
            exemplars=self._exemplars,
            refused=self.refusals.sorted(),
            refused_count=self.refusals.count,
            left_out=self.left_out,
        )

    def _samples(
        self,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """All samples, in the order of the request: of two at one time the first one counts."""
        places, numbers, times_ms, values = self._single
        if numbers:
            self.add_samples(
                np.array(places, np.int64),
                np.array(numbers, np.int64),
                _times(times_ms),
                np.array(values, np.float64),
            )
            self._single = ([], [], [], [])
        if len(self._numbers) == 1:
            return self._numbers[0], self._times_ms[0], self._values[0]
        nothing = np.empty(0, np.int64)
        order = np.argsort(np.concatenate([nothing, *self._places]), kind="stable")
        return (
            np.concatenate([nothing, *self._numbers])[order],
            np.concatenate([nothing, *self._times_ms])[order],
            np.concatenate([np.empty(0), *self._values])[order],
        )


def _times(times_ms: list[int]) -> npt.NDArray[np.int64]:
    return np.array(times_ms, np.int64)
