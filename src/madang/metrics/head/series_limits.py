"""How many series a head takes, and which label is to blame where they are too many."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from madang.core.samples import METRIC_NAME
from madang.metrics.head.label_columns import ColumnView, Refs
from madang.metrics.head.series_index import SeriesIndex
from madang.metrics.head.series_view import SeriesView

_log = logging.getLogger(__name__)
_JOB = "job"
_SEPARATOR = "\udcff"
"""The byte FF between names and values, which is in no UTF-8 text."""
_KEPT_IDS = 1_000_000
_LOOKED_AT = 5_000
_MOST_JOBS = 100
_OTHERS = "(other jobs)"
"""Stands for all jobs beyond those that are told one by one: it may be jobs that exploded."""


@dataclass(frozen=True, slots=True)
class SeriesLimits:
    """The most series at a time, of one job and of all; 0 is any number.

    The job is the label ``job``; series without it count as one job.
    """

    per_job: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class RefusedSeries:
    """What was refused of a job.

    Attributes:
        job: The value of the label ``job``; empty for none.
        series: How many were refused, each once.
        limit: The limit that they met.
        label: The label with most values that were not there before.
        values: How many of those there were among the newest.
        example: One of them.
    """

    job: str
    series: int
    limit: str
    label: str
    values: int
    example: str

    @property
    def message(self) -> str:
        """What happened, for people."""
        of = f"the job {self.job!r}" if self.job else "samples without a job"
        of = "other jobs" if self.job == _OTHERS else of
        return (
            f"{self.series:,} series of {of} were refused: {self.limit}; most new values has the "
            f"label {self.label!r}, {self.values:,} of them, such as {self.example[:100]!r}"
        )


class SeriesGate:
    """Decides which new series a head takes. For the thread that changes the head.

    A series that was refused is taken when it is announced again and there is room.

    Args:
        limits: May be replaced at any time; what is there stays.
    """

    def __init__(self, limits: SeriesLimits | None = None) -> None:
        self.limits = limits or SeriesLimits()
        self._refused: dict[str, RefusedSeries] = {}
        self._told: Counter[str] = Counter()
        self._ids: set[int] = set()

    @property
    def refused(self) -> list[RefusedSeries]:
        """What was refused so far, by job; the most first. For any thread."""
        return sorted(self._refused.values(), key=lambda one: -one.series)

    def clear(self) -> None:
        """Forget which series were refused; what is told of them stays."""
        self._ids.clear()

    def admit(
        self, index: SeriesIndex, ids: npt.NDArray[np.int64], labels: Sequence[bytes]
    ) -> npt.NDArray[np.bool_] | None:
        """Which of announced series may be added; None: all of them.

        Args:
            index: What is there.
            ids: Their numbers; one may occur more than once.
            labels: As ``canonical_labels`` writes them.
        """
        limits = self.limits
        least = min((limit for limit in (limits.per_job, limits.total) if limit), default=0)
        if not least or len(index) + len(ids) <= least:
            return None
        new = index.refs_of(ids) < 0
        _, first = np.unique(ids[new], return_index=True)
        places = np.flatnonzero(new)[np.sort(first)]
        if len(index) + len(places) <= least:
            return None
        refused = self._over(index, [(place, job_of(labels[place])) for place in places.tolist()])
        numbers = {int(ids[place]) for place in places.tolist()}
        over = {int(ids[place]) for found in refused.values() for place in found}
        self._ids -= numbers - over
        if not over:
            return None
        view = index.view()
        others: list[int] = []
        for job, found in refused.items():
            fresh = [place for place in found if int(ids[place]) not in self._ids]
            if job not in self._refused and len(self._refused) >= _MOST_JOBS:
                others += fresh
            else:
                self._tell(job, view, [labels[place] for place in fresh])
        self._tell(_OTHERS, view, [labels[place] for place in others])
        if len(self._ids) + len(over) > _KEPT_IDS:
            self._ids.clear()
        self._ids |= over
        return ~np.isin(ids, np.fromiter(over, np.int64, len(over)))

    def are_refused(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which of the series were refused, as far as that is remembered."""
        if not self._ids:
            return np.zeros(len(ids), np.bool_)
        return np.fromiter(map(self._ids.__contains__, ids.tolist()), np.bool_, len(ids))

    def _over(self, index: SeriesIndex, new: Sequence[tuple[int, str]]) -> dict[str, list[int]]:
        """The places of new series that are too many, by job."""
        limits = self.limits
        room = limits.total - len(index) if limits.total else len(new)
        counts = _series_by_job(index.view())
        over: dict[str, list[int]] = {}
        for place, job in new:
            if room > 0 and (not limits.per_job or counts[job] < limits.per_job):
                counts[job] += 1
                room -= 1
            else:
                over.setdefault(job, []).append(place)
        return over

    def _tell(self, job: str, view: SeriesView, labels: Sequence[bytes]) -> None:
        if not labels:
            return
        known = self._refused.get(job)
        count = len(labels) + (known.series if known else 0)
        limits = self.limits
        limit = f"there are {limits.total:,} series already"
        if limits.per_job and _series_by_job(view)[job] >= limits.per_job:
            limit = f"it has {limits.per_job:,} already"
        if known and count < 2 * self._told[job]:
            label, values, example = known.label, known.values, known.example
        else:
            label, values, example = exploded(view, job, labels[:_LOOKED_AT])
        self._refused[job] = RefusedSeries(job, count, limit, label, values, example)
        if count >= 2 * self._told[job]:
            self._told[job] = count
            _log.warning("%s", self._refused[job].message)


def job_of(labels: bytes) -> str:
    """The job of canonical labels; empty for none."""
    parts = labels.decode(errors="surrogateescape").split(_SEPARATOR)
    pairs = dict(zip(parts[::2], parts[1::2], strict=False))
    return _clean(pairs.get(_JOB, ""))


def _clean(text: str) -> str:
    """A text that can be shown, whatever its bytes were."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


def exploded(view: SeriesView, job: str, refused: Sequence[bytes]) -> tuple[str, int, str]:
    """The label of a job with most values that were not there before.

    Args:
        view: What is there; the newest series of the job are looked at like those that were
            refused.
        job: Which one.
        refused: Labels of series that were refused, one at least.

    Returns:
        The label's name, how many new values it has, and one of them.
    """
    found: dict[str, set[str]] = {}
    for labels in refused:
        parts = labels.decode(errors="surrogateescape").split(_SEPARATOR)
        for label, value in zip(parts[::2], parts[1::2], strict=False):
            found.setdefault(label, set()).add(value)
    refs = _refs_of(view, job)
    older, newest = refs[:-_LOOKED_AT], refs[-_LOOKED_AT:]
    new: dict[str, set[str]] = {}
    for name in {*found, *view.columns}:
        column = view.columns.get(name)
        values = found.get(name, set())
        new[name] = values if column is None else _new_values(column, values, older, newest)
    # Where nothing is new, the refused ones make new combinations of what there was.
    counted = new if any(new.values()) else found
    if not counted:
        return "", 0, ""  # a series without labels
    name = min(counted, key=lambda one: (-len(counted[one]), one == METRIC_NAME, one))
    example = max(counted[name] & found.get(name, set()) or counted[name])
    return _clean(name), len(counted[name]), _clean(example)


def _new_values(column: ColumnView, refused: set[str], older: Refs, newest: Refs) -> set[str]:
    """The values of a label among the newest and the refused series that the older ones lack."""
    before = np.zeros(len(column.texts) + 1, np.bool_)
    before[column.codes_of(older)] = True  # the last place is that of no value
    codes = np.unique(column.codes_of(newest))
    texts = {column.texts[code] for code in codes[(codes >= 0) & ~before[codes]].tolist()}
    was_there = before.tolist()
    return texts | {
        value
        for value in refused
        if value not in column.known or not was_there[column.known[value]]
    }


def _series_by_job(view: SeriesView) -> Counter[str]:
    column = view.columns.get(_JOB)
    if column is None:
        return Counter({"": len(view.refs)})
    counts = np.bincount(column.codes).tolist()
    found = Counter(
        {text: count for text, count in zip(column.texts, counts, strict=False) if count}
    )
    found[""] += len(view.refs) - len(column.refs)
    return found


def _refs_of(view: SeriesView, job: str) -> Refs:
    column = view.columns.get(_JOB)
    if column is None:
        return view.refs
    code = column.known.get(job, -1) if job else -1
    refs: Refs = view.refs[column.codes_of(view.refs) == code]
    return refs
