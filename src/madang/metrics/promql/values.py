"""What expressions evaluate to: each for all steps of the query at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from madang.core.samples import METRIC_NAME
from madang.metrics.matcher import Labels
from madang.metrics.promql.errors import QueryFailedError
from madang.metrics.storage import Floats, Ints, SeriesSet

Bools: TypeAlias = npt.NDArray[np.bool_]

IDENTITY = frozenset({METRIC_NAME, "__type__", "__unit__"})
"""The labels that say what is measured; a value computed from it is something else."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The steps at which a query is evaluated."""

    start_ms: int
    step_ms: int
    count: int

    @property
    def end_ms(self) -> int:
        """The last step."""
        return self.start_ms + self.step_ms * (self.count - 1)

    def times(self) -> Ints:
        """All steps, in milliseconds."""
        return self.start_ms + self.step_ms * np.arange(self.count, dtype=np.int64)

    def shifted(self, by_ms: int) -> Grid:
        """The same steps, later."""
        return Grid(self.start_ms + by_ms, self.step_ms, self.count)


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number per step."""

    values: Floats


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""

    value: str


@dataclass(frozen=True, slots=True)
class Vector:
    """An instant vector at each step: a matrix of series × steps.

    ``values`` where ``present`` is False mean nothing. ``unnamed`` tells, per series, whether
    the metric's name is to be dropped at the end; None: of none. No array is ever written to
    once it is in a vector: they are shared.
    """

    labels: Sequence[Labels]
    values: Floats
    present: Bools
    unnamed: Bools | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def empty(cls, steps: int) -> Vector:
        """No series."""
        return cls([], np.zeros((0, steps)), np.zeros((0, steps), np.bool_))

    def rows(self, index: npt.NDArray[np.intp] | Bools) -> Vector:
        """Some of the series."""
        chosen = np.arange(len(self.labels))[index].tolist()
        return Vector(
            [self.labels[row] for row in chosen],
            self.values[index],
            self.present[index],
            None if self.unnamed is None else self.unnamed[index],
        )

    def without_empty(self) -> Vector:
        """Without the series that no step has."""
        some: Bools = np.logical_or.reduce(self.present, axis=1)
        return self if bool(some.all()) else self.rows(some)


Value: TypeAlias = Scalar | Text | Vector


def without_name(labels: Labels) -> Labels:
    """Labels without the metric's name, and without its type and unit, which go with it."""
    if labels and labels[0][0] == METRIC_NAME and (len(labels) == 1 or labels[1][0] > "__unit__"):
        return labels[1:]
    return tuple(pair for pair in labels if pair[0] not in IDENTITY)


def renamed(vector: Vector, *, later: bool) -> Vector:
    """A vector whose series lose the metric's name: now, or at the end of the query."""
    if later:
        return Vector(vector.labels, vector.values, vector.present, np.ones(len(vector), np.bool_))
    labels = [without_name(labels) for labels in vector.labels]
    return merged(Vector(labels, vector.values, vector.present))


def finished(vector: Vector) -> Vector:
    """Drop the names that were to be dropped at the end."""
    if vector.unnamed is None or not vector.unnamed.any():
        return Vector(vector.labels, vector.values, vector.present)
    labels = [
        without_name(labels) if drop else labels
        for labels, drop in zip(vector.labels, vector.unnamed.tolist(), strict=True)
    ]
    return merged(Vector(labels, vector.values, vector.present))


def by_labels(vector: Vector) -> Vector:
    """The series sorted by their labels, as the answer of a range query has them."""
    labels = vector.labels
    if all(left <= right for left, right in pairwise(labels)):
        return vector
    order = sorted(range(len(labels)), key=labels.__getitem__)
    return vector.rows(np.array(order, np.intp))


def merged(vector: Vector) -> Vector:
    """Series with equal labels made one.

    Raises:
        QueryFailedError: two of them have a value at one step.
    """
    first: dict[Labels, int] = {}
    group = [first.setdefault(labels, len(first)) for labels in vector.labels]
    if len(first) == len(vector.labels):
        return vector
    groups = np.array(group)
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(len(first)))
    counts = np.add.reduceat(vector.present[order].astype(np.int32), starts, axis=0)
    if bool((counts > 1).any()):
        raise QueryFailedError("vector cannot contain metrics with the same labelset")
    values = np.where(vector.present, vector.values, 0.0)
    unnamed = None
    if vector.unnamed is not None:
        unnamed = np.logical_or.reduceat(vector.unnamed[order], starts)
    # Only one of each group is not 0.0 here, so the sum is that one, bit for bit.
    summed = np.add.reduceat(values[order], starts, axis=0)
    return Vector(list(first), summed, counts > 0, unnamed)


def as_series(vector: Vector, grid: Grid) -> SeriesSet:
    """The samples of a vector, those that are there."""
    if bool(vector.present.all()):
        rows, steps = vector.present.shape
        offsets = np.arange(rows + 1, dtype=np.int64) * steps
        times = np.tile(grid.times(), rows)
        return SeriesSet(vector.labels, offsets, times, vector.values.reshape(-1))
    counts = vector.present.sum(axis=1)
    times = np.broadcast_to(grid.times(), vector.present.shape)
    return SeriesSet(
        vector.labels,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        times[vector.present],
        vector.values[vector.present],
    )
