"""``info``: series with the labels of the info metrics about the same target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from madang.core.samples import METRIC_NAME, is_opaque
from madang.metrics.matcher import Labels, Matcher, MatchKind, labels_text
from madang.metrics.promql.context import Context
from madang.metrics.promql.errors import QueryFailedError
from madang.metrics.promql.functions.family import Function
from madang.metrics.promql.selectors import instant_and_times
from madang.metrics.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Negation,
    Node,
    RangeSelector,
    Selector,
    Shift,
    Subquery,
)
from madang.metrics.promql.values import Bools, Value, Vector, merged
from madang.metrics.storage import Floats, Ints

_IDENTIFYING = ("instance", "job")
_DEFAULT = Matcher(METRIC_NAME, MatchKind.EQUAL, "target_info")
_ANY_INFO = Matcher(METRIC_NAME, MatchKind.REGEX, ".+_info")
Identity = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which info metrics are meant, and which of their labels; none: all."""

    names: tuple[Matcher, ...]
    data: tuple[Matcher, ...]

    @property
    def optional(self) -> bool:
        """Whether a series without info stays."""
        return all(matcher.matches("") for matcher in self.data)

    def is_info(self, labels: Labels) -> bool:
        name = dict(labels).get(METRIC_NAME, "")
        return all(matcher.matches(name) for matcher in self.names)


def _wanted(node: Call) -> _Wanted:
    matchers: Sequence[Matcher] = ()
    if len(node.args) > 1 and isinstance(node.args[1], Selector):
        matchers = node.args[1].groups[0]
    names = tuple(matcher for matcher in matchers if matcher.name == METRIC_NAME)
    if not names:
        names = (_DEFAULT,)
    elif all(matcher.kind in {MatchKind.NOT_EQUAL, MatchKind.NOT_REGEX} for matcher in names):
        names = (_ANY_INFO, *names)
    return _Wanted(names, tuple(m for m in matchers if m.name != METRIC_NAME))


def _first_shift(node: Node | None) -> Shift | None:
    """The shift of the first selector in an expression: info is read at the same time."""
    match node:
        case Selector(shift=shift):
            return shift
        case RangeSelector(selector=selector):
            return selector.shift
        case Subquery(expr=expr, shift=outer):
            inner = _first_shift(expr)
            if inner is None:
                return outer
            if inner.at is not None:
                return inner
            return Shift(outer.offset_ms + inner.offset_ms, outer.at)
        case Negation(expr=expr) | Aggregate(expr=expr):
            return _first_shift(expr)
        case Binary(left=left, right=right):
            return _first_shift(left) or _first_shift(right)
        case Call(args=args):
            return next((found for found in map(_first_shift, args) if found), None)
    return None


def _identity(labels: Labels) -> Identity:
    values = dict(labels)
    return tuple(values.get(name, "") for name in _IDENTIFYING)


@dataclass(frozen=True, slots=True)
class _Infos:
    """Info series: for each identity, those of each metric."""

    vector: Vector
    times_ms: Floats
    of: dict[Identity, list[list[int]]]

    def choices(self, identity: Identity) -> Iterator[tuple[tuple[int, ...], Bools]]:
        """Which info series are there together, and at which steps."""
        chosen = [self._newest(rows) for rows in self.of.get(identity, [])]
        if not chosen:
            yield (), np.ones(self.vector.present.shape[1], np.bool_)
            return
        states, which = np.unique(np.array(chosen), axis=1, return_inverse=True)
        for number, state in enumerate(states.T.tolist()):
            yield tuple(row for row in state if row >= 0), which.ravel() == number

    def _newest(self, rows: list[int]) -> Ints:
        """At each step the series of one metric whose sample is the newest; -1: none."""
        times = np.where(self.vector.present[rows], self.times_ms[rows], -np.inf)
        place = np.argmax(times, axis=0)
        newest = times[place, np.arange(times.shape[1])]
        there = newest > -np.inf
        if bool((((times == newest).sum(axis=0) > 1) & there).any()):
            known = ", ".join(labels_text(self.vector.labels[row]) for row in rows)
            raise QueryFailedError(f"found duplicate series for info metric: {known}")
        return np.where(there, np.array(rows)[place], -1)


def _infos(context: Context, node: Call, wanted: _Wanted) -> _Infos:
    shift = _first_shift(node.args[0]) or Shift()
    selector = Selector(node.pos, ((*wanted.names, *wanted.data),), shift)
    vector, times_ms = instant_and_times(context, selector)
    for row in np.flatnonzero((vector.present & is_opaque(vector.values)).any(axis=1)).tolist():
        raise QueryFailedError(
            f"this should be an info metric, with float samples: {labels_text(vector.labels[row])}"
        )
    by_name: dict[Identity, dict[str, list[int]]] = {}
    for row, labels in enumerate(vector.labels):
        name = dict(labels).get(METRIC_NAME, "")
        by_name.setdefault(_identity(labels), {}).setdefault(name, []).append(row)
    by_name.pop(("",) * len(_IDENTIFYING), None)
    of = {identity: list(names.values()) for identity, names in by_name.items()}
    return _Infos(vector, times_ms, of)


def _enriched(labels: Labels, infos: Sequence[Labels], wanted: _Wanted) -> Labels:
    own = {name for name, _ in labels}
    taken = {matcher.name for matcher in wanted.data}
    added: dict[str, str] = {}
    for info in infos:
        for name, value in info:
            if name in own or name == METRIC_NAME or (taken and name not in taken):
                continue
            if added.setdefault(name, value) != value:
                raise QueryFailedError(f"conflicting label: {name}")
    return tuple(sorted([*labels, *added.items()])) if added else labels


def _info(context: Context, node: Call) -> Value:
    base = context.vector(node.args[0])
    wanted = _wanted(node)
    infos = _infos(context, node, wanted)
    labels: list[Labels] = []
    rows: list[int] = []
    present: list[Bools] = []
    known: dict[Identity, list[tuple[tuple[int, ...], Bools]]] = {}
    for row, own in enumerate(base.labels):
        if wanted.is_info(own):
            labels.append(own)
            rows.append(row)
            present.append(base.present[row])
            continue
        identity = _identity(own)
        if identity not in known:
            known[identity] = list(infos.choices(identity))
        for chosen, steps in known[identity]:
            there = base.present[row] & steps
            if there.any() and (chosen or wanted.optional):
                found = [infos.vector.labels[info] for info in chosen]
                labels.append(_enriched(own, found, wanted))
                rows.append(row)
                present.append(there)
    if not rows:
        return Vector.empty(context.steps)
    unnamed = None if base.unnamed is None else base.unnamed[rows]
    return merged(Vector(labels, base.values[rows], np.array(present), unnamed)).without_empty()


FUNCTIONS: dict[str, Function] = {"info": _info}
