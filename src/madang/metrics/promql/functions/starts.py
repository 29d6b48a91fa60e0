"""What start timestamps tell of counters: that they began anew, or that somebody is mistaken.

A start timestamp says since when a sample has been counted; 0 stands for none. The rules are
Prometheus's (``isStartTimestampReset`` and others in promql/functions.go), which follow how
OpenTelemetry tells a delta, whose start is the sample before it, from a counter with a start that
nobody knows, whose first sample starts at its own time.
"""

from __future__ import annotations

import numpy as np

from madang.metrics.promql.values import Bools
from madang.metrics.promql.windows import Block, before_each
from madang.metrics.storage import Floats, Ints


def begun_anew(block: Block, starts_ms: Ints) -> Bools:
    """Which samples began to be counted after the sample before them, of whatever series that is.

    One that starts exactly at the sample before it did so if that one's own start is known; a
    start that is not before its sample is none.
    """
    before_ms, start_before_ms = before_each(block.ts_ms), before_each(starts_ms)
    known_before = (start_before_ms != 0) & (start_before_ms < before_ms)
    anew: Bools = (starts_ms != 0) & (starts_ms < block.ts_ms)
    anew &= (starts_ms > before_ms) | ((starts_ms == before_ms) & known_before)
    return anew


def overlapping(block: Block, starts_ms: Ints) -> Ints:
    """In how many of each series' windows a sample starts before the one before it was taken.

    Where both have the same start they are one counter's, which is as it should be.
    """
    overlaps: Bools = (starts_ms != 0) & (starts_ms < before_each(block.ts_ms))
    overlaps &= starts_ms != before_each(starts_ms)
    if not overlaps.any():
        return np.zeros(len(block.lo), np.int64)
    windows: Ints = np.count_nonzero(block.within(overlaps), axis=1)
    return windows


def first_start(block: Block, starts_ms: Ints) -> tuple[Floats, Bools]:
    """The start of each window's first sample, and whether it lies in the window, before it."""
    start_ms = block.first(starts_ms)
    inside: Bools = (start_ms != 0) & (start_ms > block.ends - block.range_ms)
    inside &= (start_ms < block.first(block.ts_ms)) & (block.counts > 0)
    return start_ms, inside
