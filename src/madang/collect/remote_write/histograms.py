"""Native histograms of remote write: checked, and kept as they came."""

from __future__ import annotations

from collections.abc import Iterable

from madang.collect.gathered import Gathered
from madang.collect.remote_write.messages import HISTOGRAM_HEAD
from madang.collect.sender_labels import SeriesError

CUSTOM_BUCKETS = -53


def add_histograms(messages: Iterable[bytes], number: int, gathered: Gathered) -> None:
    """Take the histograms of a series, all of them or none.

    Raises:
        SeriesError: one is none that Prometheus would take.
        DecodeError: one is not as protobuf writes it.
    """
    read = [(message, HISTOGRAM_HEAD.FromString(message)) for message in messages]
    for _, head in read:
        if not (-4 <= head.schema <= 8 or head.schema == CUSTOM_BUCKETS):
            raise SeriesError(f"a native histogram has the schema {head.schema}")
        if head.zero_threshold < 0:
            raise SeriesError(f"a native histogram has the zero threshold {head.zero_threshold}")
    for message, head in read:
        gathered.add_histogram(number, message, head.timestamp, head.sum)
