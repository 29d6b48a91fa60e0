"""What OpenMetrics asks of values, compiled once for a layout and checked in bulk on every page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from madang.collect.exposition.problem import MalformedPageError

Values = npt.NDArray[np.float64]
_Test = Callable[[Values], npt.NDArray[np.bool_]]

_SINGLE: Final[dict[str, tuple[str, _Test]]] = {
    "counting": ("counts from 0 on: neither negative nor NaN", lambda v: ~(v >= 0)),
    "whole": ("is a whole number", lambda v: ~np.isfinite(v) | (v != np.floor(v))),
    "quantile": ("is not negative", lambda v: v < 0),
    "number": ("is not NaN", np.isnan),
    "state": ("is 0 or 1", lambda v: (v != 0) & (v != 1)),
    "one": ("is 1", lambda v: v != 1),
}
_PAIRS: Final[dict[str, tuple[str, Callable[[Values, Values], npt.NDArray[np.bool_]]]]] = {
    "ascending": ("is at least that of the bucket before", lambda a, b: b < a),
    "equal": ("equals that of the bucket +Inf", lambda a, b: a != b),
}


@dataclass(slots=True)
class RulesInMaking:
    """Rules as they are found, by the places of samples in the page."""

    single: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in _SINGLE})
    pairs: dict[str, list[tuple[int, int]]] = field(
        default_factory=lambda: {name: [] for name in _PAIRS}
    )
    created: list[tuple[int, int]] = field(default_factory=list)
    exemplars: list[int] | None = field(default_factory=list)
    """The samples that may have one; None: all."""

    def compiled(self, count: int) -> Rules:
        """The rules for a page of ``count`` samples."""
        may_have = np.full(count, self.exemplars is None)
        may_have[self.exemplars or []] = True
        return Rules(
            single={name: np.array(at, np.intp) for name, at in self.single.items() if at},
            pairs={name: np.array(at, np.intp).T for name, at in self.pairs.items() if at},
            created=np.array(self.created, np.intp).reshape(-1, 2).T,
            may_have_exemplar=may_have,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """Rules of a layout.

    ``created`` is [2, k]: the first sample of a metric, and the sample that says since when.
    """

    single: dict[str, npt.NDArray[np.intp]]
    pairs: dict[str, npt.NDArray[np.intp]]
    created: npt.NDArray[np.intp]
    may_have_exemplar: npt.NDArray[np.bool_]

    def check(self, values: Values, starts: npt.NDArray[np.int32]) -> None:
        """Hold the values of a page against the rules.

        Args:
            values: float64 [n].
            starts: Where each sample's value begins in the page.

        Raises:
            MalformedPageError: at a value that breaks a rule.
        """
        for name, places in self.single.items():
            said, test = _SINGLE[name]
            _refuse(said, test(values[places]), values, places, starts)
        for name, (first, second) in self.pairs.items():
            said, compare = _PAIRS[name]
            broken = compare(values[first], values[second])
            _refuse(said, broken, values, second, starts)


def _refuse(
    said: str,
    broken: npt.NDArray[np.bool_],
    values: Values,
    places: npt.NDArray[np.intp],
    starts: npt.NDArray[np.int32],
) -> None:
    if broken.any():
        place = places[int(broken.argmax())]
        message = f"expected a value that {said}, found {values[place]:g}"
        raise MalformedPageError(message, int(starts[place]))
