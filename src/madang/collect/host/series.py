"""What a poll found, as samples of series."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from madang.collect.host.samples import Samples
from madang.collect.sample_batches import sample_batch
from madang.core.samples import (
    ANNOUNCE_EVERY_S,
    METRIC_NAME,
    STALE_NAN,
    canonical_labels,
    series_id,
)

_ANNOUNCE_EVERY_US = int(ANNOUNCE_EVERY_S * 1e6) // 2
_Key = tuple[str, tuple[tuple[str, str], ...]]


class HostSeries:
    """Polls → batches of ``SAMPLES_SCHEMA``; a series' labels are made once.

    Args:
        common: Labels that every series has; they win.
    """

    def __init__(self, common: Mapping[str, str]) -> None:
        self._common = dict(common)
        self._ids: dict[_Key, int] = {}
        self._present: dict[int, None] = {}
        self._announced_us: int | None = None

    def announce_all(self) -> None:
        """Let the labels of every series stand beside its next sample: a batch was not appended."""
        self._announced_us = None

    def batch(self, samples: Samples, ts_us: int) -> pa.RecordBatch:
        """The samples at ``ts_us``, and the ends of the series that the poll before had.

        Of several samples of one series the first counts. The labels of a series stand beside its
        first sample.
        """
        if self._announced_us is None or abs(ts_us - self._announced_us) >= _ANNOUNCE_EVERY_US:
            self._ids.clear()
            self._announced_us = ts_us
        found: dict[int, float] = {}
        announced: dict[int, bytes] = {}
        for name, value, labels in samples:
            key = name, tuple(labels.items())
            number = self._ids.get(key)
            if number is None:
                canonical = canonical_labels({**labels, **self._common, METRIC_NAME: name})
                number = self._ids[key] = series_id(canonical)
                if number not in found:
                    announced[len(found)] = canonical
            found.setdefault(number, value)
        ended = [number for number in self._present if number not in found]
        self._present = dict.fromkeys(found)
        series = np.array([*found, *ended], np.int64)
        values = np.array([*found.values(), *[STALE_NAN] * len(ended)], np.float64)
        times = np.full(len(series), ts_us // 1000, np.int64)
        return sample_batch(times, series, values, announced, {})
