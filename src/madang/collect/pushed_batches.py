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
from madang.core.distinct import distinct
from madang.core.samples import ANNOUNCE_EVERY_S, Samples

AHEAD_MS = 600_000
"""How far ahead of the clock a sample may be, as in Prometheus."""
_ANNOUNCE_EVERY_MS = int(ANNOUNCE_EVERY_S * 1000)
_KNOWN_LIMIT = 2_000_000
_TIDY_AT = 200_000

_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PushedBatch:
    """What one partition gets of a body; ``ids`` are announced in it, in the rounds ``rounds``."""

    partition: int
    batch: pa.RecordBatch
    newest_ms: int
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
        self._tidy_at = min(_TIDY_AT, known_limit)
        self._rounds: dict[int, int] = {}
        self._newest_ms: dict[int, int] = {}

    def batches(
        self, pushed: Pushed, now_ms: int, *, stream: str, partitions: int
    ) -> list[PushedBatch]:
        """What each partition gets; empty where there are neither samples nor histograms.

        Args:
            pushed: With times that ``in_time`` let pass, after ``oldest_ms``.
            now_ms: The time, in milliseconds since 1970.
            stream: The identity of the log: nothing was announced in another one.
            partitions: Of the stream.
        """
        if (stream, partitions) != self._stream:
            self._rounds, self._newest_ms = {}, {}
            self._stream = (stream, partitions)
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
            for partition in distinct(owners).tolist()
        ]

    def appended(self, batch: PushedBatch) -> None:
        """A batch is in the stream: what it announced need not be said again."""
        newest_ms = self._newest_ms.get(batch.partition, 0)
        self._newest_ms[batch.partition] = max(newest_ms, batch.newest_ms)
        if not len(batch.ids):
            return
        if len(self._rounds) + len(batch.ids) > self._tidy_at:
            self._forget_gone(int(batch.rounds.max()))
        self._rounds.update(zip(batch.ids.tolist(), batch.rounds.tolist(), strict=True))

    def _forget_gone(self, now: int) -> None:
        """Forget series that were not announced in the last rounds, and all if that is not enough.

        Series of one time are in two rounds that follow each other.
        """
        kept = {one: round_ for one, round_ in list(self._rounds.items()) if round_ >= now - 2}
        self._rounds = kept if len(kept) < self._known_limit else {}
        self._tidy_at = min(max(2 * len(self._rounds), _TIDY_AT), self._known_limit)

    def oldest_ms(self, late_ms: int, now_ms: int) -> int:
        """What is older is late for certain.

        Whoever follows the stream takes what is at most ``late_ms`` older than the newest sample of
        the same partition. Here only those are known that were pushed since the start. One that
        is ahead of the clock, which then was set back, counts as if it were as far ahead as it may.
        """
        partitions = self._stream[1] if self._stream else 0
        if not partitions or len(self._newest_ms) < partitions:
            return 0
        return max(0, min(*self._newest_ms.values(), now_ms + AHEAD_MS) - late_ms)

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
            int(ts_ms.max()),
            ids[announced],
            self.rounds[announced],
        )


def in_time(pushed: Pushed, now_ms: int, oldest_ms: int = 0) -> Pushed:
    """Without the samples and histograms that would not be taken for their times: refused.

    Args:
        pushed: As decoded.
        now_ms: The time; more than ``AHEAD_MS`` ahead of it is refused.
        oldest_ms: What is older is refused; 0 is 1970.
    """
    samples, histograms = pushed.samples, pushed.histograms
    good = _good(samples.ts_ms, now_ms, oldest_ms)
    good_histograms = _good(histograms.ts_ms, now_ms, oldest_ms)
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


def _good(ts_ms: _Integers, now_ms: int, oldest_ms: int) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = (ts_ms >= oldest_ms) & (ts_ms <= now_ms + AHEAD_MS)
    return found


def _refused(
    labels: Sequence[bytes],
    series: npt.NDArray[np.int32],
    ts_ms: _Integers,
    good: npt.NDArray[np.bool_],
    now_ms: int,
) -> list[Refused]:
    """Why; the place in the body is not known any more, the series is told instead."""
    told = []
    for row in np.flatnonzero(~good)[:REFUSED_LIMIT].tolist():
        away_s = (int(ts_ms[row]) - now_ms) / 1000
        if away_s > 0:
            reason = (
                f"a sample {away_s:.0f} s ahead of the clock; {AHEAD_MS // 1000} s are the most"
            )
        elif ts_ms[row] < 0:
            reason = f"a sample of before 1970 ({ts_ms[row]} ms)"
        else:
            reason = (
                f"a sample of {-away_s:.0f} s ago, older than metrics.out_of_order lets it be "
                "beside the newest one"
            )
        text = labels[int(series[row])].replace(b"\xff", b" ")
        told.append(Refused(0, reason, shown(text)))
    return told
