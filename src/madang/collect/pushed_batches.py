"""Pushed samples → batches of the stream of samples, which say labels as seldom as will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from madang.collect.pushed import REFUSED_LIMIT, NativeHistograms, Pushed, Refused, shown
from madang.collect.sample_batches import sample_batch
from madang.core.samples import ANNOUNCE_EVERY_S, Samples

AHEAD_MS = 600_000
"""How far ahead of the clock a sample may be, as in Prometheus."""
_ANNOUNCE_EVERY_MS = int(ANNOUNCE_EVERY_S * 1000)
_KNOWN_LIMIT = 2_000_000

_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PushedBatch:
    """What one partition gets of a body; ``ids`` are announced in it, in the rounds ``rounds``."""

    partition: int
    batch: pa.RecordBatch
    ids: _Integers
    rounds: _Integers


class PushedBatches:
    """Makes batches of ``SAMPLES_SCHEMA``; one serves all senders.

    A series' labels stand beside its first sample, and again every ``announce_every_ms``: whoever
    reads the stream from where retention lets it begin has all labels after that time. Series take
    turns by their number, so that the labels of all of them do not come at once. A series counts
    as announced when ``appended`` was told so, not before: of bodies that are under way at once
    each says the labels, whichever of them fails.

    A series goes to the partition of its number, so that its labels and its samples have an order.

    Safe across threads without a lock: a race makes labels be said once more.

    Args:
        announce_every_ms: How often labels are said again.
        known_limit: So many series may be known as announced; beyond, all are announced again.
    """

    def __init__(
        self, *, announce_every_ms: int = _ANNOUNCE_EVERY_MS, known_limit: int = _KNOWN_LIMIT
    ) -> None:
        self._every_ms = announce_every_ms
        self._known_limit = known_limit
        self._stream: tuple[str, int] | None = None
        self._rounds: dict[int, int] = {}

    def batches(
        self, pushed: Pushed, now_ms: int, *, stream: str, partitions: int
    ) -> list[PushedBatch]:
        """What each partition gets; empty where there are neither samples nor histograms.

        Args:
            pushed: With times that ``in_time`` let pass.
            now_ms: The time, in milliseconds since 1970.
            stream: The identity of the log: nothing was announced in another one.
            partitions: Of the stream.
        """
        if (stream, partitions) != self._stream:
            self._rounds, self._stream = {}, (stream, partitions)
        samples, histograms = pushed.samples, pushed.histograms
        places, ts_ms, values = samples.series, samples.ts_ms, samples.values
        messages: Sequence[bytes] = ()
        if len(histograms):
            places = np.concatenate((places, histograms.series))
            ts_ms = np.concatenate((ts_ms, histograms.ts_ms))
            values = np.concatenate((values, histograms.sums))
            messages = histograms.messages
        if not len(places):
            return []
        rounds, new = self._due(pushed.series_ids, now_ms)
        rows = _Rows(pushed, places, ts_ms, values, messages, rounds, new)
        if partitions == 1:
            return [rows.batch(0, None)]
        owners = (pushed.series_ids.view(np.uint64) % np.uint64(partitions))[places]
        return [
            rows.batch(partition, np.flatnonzero(owners == partition))
            for partition in np.unique(owners).tolist()
        ]

    def appended(self, batch: PushedBatch) -> None:
        """A batch is in the stream: what it announced need not be said again."""
        if not len(batch.ids):
            return
        if len(self._rounds) + len(batch.ids) > self._known_limit:
            self._rounds = {}
        self._rounds.update(zip(batch.ids.tolist(), batch.rounds.tolist(), strict=True))

    def _due(self, ids: _Integers, now_ms: int) -> tuple[_Integers, npt.NDArray[np.bool_]]:
        """The rounds in which series are now, and which were not announced in theirs."""
        turns = (ids.view(np.uint64) % np.uint64(self._every_ms)).astype(np.int64)
        rounds = (now_ms + turns) // self._every_ms
        known = np.fromiter(map(self._rounds.get, ids.tolist(), repeat(-1)), np.int64, len(ids))
        return rounds, known != rounds


@dataclass(frozen=True, slots=True)
class _Rows:
    """All rows of a body: samples, then histograms."""

    pushed: Pushed
    places: npt.NDArray[np.int32]
    ts_ms: _Integers
    values: npt.NDArray[np.float64]
    messages: Sequence[bytes]
    rounds: _Integers
    new: npt.NDArray[np.bool_]

    def batch(self, partition: int, rows: npt.NDArray[np.intp] | None) -> PushedBatch:
        """The batch of some rows (ascending), None for all of them."""
        places, ts_ms, values = self.places, self.ts_ms, self.values
        first = len(values) - len(self.messages)
        histograms = dict(enumerate(self.messages, first))
        if rows is not None:
            places, ts_ms, values = places[rows], ts_ms[rows], values[rows]
            histograms = {
                at: self.messages[row - first]
                for at, row in enumerate(rows.tolist())
                if row >= first
            }
        ids = self.pushed.series_ids
        labels: dict[int, bytes] = {}
        announced = np.empty(0, np.int64)
        if self.new.any():
            # Written backwards, a series' first row is the one that stays.
            first_rows = np.full(len(ids), -1)
            first_rows[places[::-1]] = np.arange(len(places))[::-1]
            announced = np.flatnonzero(self.new & (first_rows >= 0))
            announced = announced[np.argsort(first_rows[announced])]
            texts = self.pushed.samples.labels
            at = first_rows[announced].tolist()
            labels = {row: texts[place] for row, place in zip(at, announced.tolist(), strict=True)}
        return PushedBatch(
            partition,
            sample_batch(ts_ms, ids[places], values, labels, histograms),
            ids[announced],
            self.rounds[announced],
        )


def in_time(pushed: Pushed, now_ms: int) -> Pushed:
    """Without the samples and histograms that nobody can have measured yet, which are refused.

    Args:
        pushed: As decoded.
        now_ms: The time; more than ``AHEAD_MS`` ahead of it, or before 1970, is refused.
    """
    samples, histograms = pushed.samples, pushed.histograms
    good = _good(samples.ts_ms, now_ms)
    good_histograms = _good(histograms.ts_ms, now_ms)
    if good.all() and good_histograms.all():
        return pushed
    kept = np.flatnonzero(good_histograms)
    refused = _refused(samples.labels, samples.series, samples.ts_ms, good, now_ms)
    refused += _refused(
        samples.labels, histograms.series, histograms.ts_ms, good_histograms, now_ms
    )
    count = len(good) + len(good_histograms) - int(good.sum()) - len(kept)
    return replace(
        pushed,
        samples=Samples(
            samples.labels, samples.series[good], samples.ts_ms[good], samples.values[good]
        ),
        histograms=NativeHistograms(
            histograms.series[kept],
            histograms.ts_ms[kept],
            histograms.sums[kept],
            [histograms.messages[at] for at in kept.tolist()],
        ),
        refused=[*pushed.refused, *refused][:REFUSED_LIMIT],
        refused_count=pushed.refused_count + count,
    )


def _good(ts_ms: _Integers, now_ms: int) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = (ts_ms >= 0) & (ts_ms <= now_ms + AHEAD_MS)
    return found


def _refused(
    labels: Sequence[bytes],
    series: npt.NDArray[np.int32],
    ts_ms: _Integers,
    good: npt.NDArray[np.bool_],
    now_ms: int,
) -> list[Refused]:
    """Why, by the series (from 1, in the order of their first samples)."""
    told = []
    for row in np.flatnonzero(~good)[:REFUSED_LIMIT].tolist():
        place, time_ms = int(series[row]), int(ts_ms[row])
        reason = f"a sample of before 1970 ({time_ms} ms)"
        if time_ms >= 0:
            reason = (
                f"a sample {(time_ms - now_ms) / 1000:.0f} s ahead of the clock; "
                f"{AHEAD_MS // 1000} s are the most"
            )
        told.append(Refused(place + 1, reason, shown(labels[place].replace(b"\xff", b" "))))
    return told
