"""Groups of series: found once per operator, then used over all steps at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from madang.core.samples import METRIC_NAME
from madang.metrics.matcher import Labels
from madang.metrics.promql.sums import group_sums
from madang.metrics.promql.values import Bools, Vector
from madang.metrics.storage import Floats, Ints


def grouping_key(names: frozenset[str], *, keep: bool) -> Callable[[Labels], Labels]:
    """What makes the group of a series: its labels with some names, or without them.

    Args:
        names: Names of labels.
        keep: Whether these are kept, or left out together with the metric's name.
    """
    if keep:
        if not names:
            return lambda labels: ()
        return lambda labels: tuple([pair for pair in labels if pair[0] in names])
    dropped = names | {METRIC_NAME}
    return lambda labels: tuple([pair for pair in labels if pair[0] not in dropped])


@dataclass(frozen=True, slots=True)
class Groups:
    """Series in groups.

    ``of`` is each series' group, ``order`` the series group by group in their order, ``starts``
    where in ``order`` each group begins.
    """

    labels: Sequence[Labels]
    of: Ints
    order: Ints
    starts: Ints
    sorted: bool

    @classmethod
    def by(cls, labels: Sequence[Labels], key: Callable[[Labels], Labels]) -> Groups:
        """Put series into the groups of their keys, in the order in which those come up."""
        first: dict[Labels, int] = {}
        of = np.array([first.setdefault(key(item), len(first)) for item in labels], np.int64)
        in_order = bool((np.diff(of) >= 0).all())
        order = np.arange(len(of)) if in_order else np.argsort(of, kind="stable")
        starts = np.searchsorted(of[order], np.arange(len(first)))
        return cls(list(first), of, order, starts, in_order)

    @classmethod
    def for_aggregation(
        cls, labels: Sequence[Labels], names: frozenset[str], *, without: bool
    ) -> Groups:
        """The groups of ``by`` or ``without``; neither is ``by ()``, one group of all."""
        if names or without:
            return cls.by(labels, grouping_key(names, keep=not without))
        count = len(labels)
        return cls([()], np.zeros(count, np.int64), np.arange(count), np.zeros(1, np.int64), True)

    def __len__(self) -> int:
        return len(self.labels)

    def arranged(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Rows group by group."""
        return array if self.sorted else array[self.order]

    def counts(self, present: Bools) -> Ints:
        """How many series of each group there are at each step."""
        if present.all():
            sizes = np.diff(self.starts, append=len(self.of))
            return np.broadcast_to(sizes[:, None], (len(self), present.shape[1]))
        counts: Ints = np.add.reduceat(self.arranged(present), self.starts, axis=0, dtype=np.int64)
        return counts

    def sums(self, values: Floats, present: Bools | None = None) -> Floats:
        """The sums over the series of each group that are there, at each step."""
        if present is not None and not present.all():
            values = np.where(present, values, 0.0)
        return group_sums(self.arranged(values), self.starts)

    def reduced(self, ufunc: np.ufunc, values: Floats) -> Floats:
        """A ufunc over each group."""
        reduced: Floats = ufunc.reduceat(self.arranged(values), self.starts, axis=0)
        return reduced

    def unnamed(self, vector: Vector) -> Bools | None:
        """Which groups are to lose the metric's name: those of which a series is."""
        if vector.unnamed is None:
            return None
        any_of: Bools = np.logical_or.reduceat(self.arranged(vector.unnamed), self.starts)
        return any_of
