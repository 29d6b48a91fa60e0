"""Operators between two vectors: which series of one side meets which of the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from madang.metrics.matcher import Labels, labels_text
from madang.metrics.promql.context import Context
from madang.metrics.promql.errors import QueryFailedError
from madang.metrics.promql.groups import Groups, grouping_key
from madang.metrics.promql.syntax import Binary, Matching
from madang.metrics.promql.values import Bools, Vector, merged, without_name
from madang.metrics.storage import Floats, Ints

_COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">="})
Operation = Callable[[Binary, Floats, Floats, Bools], tuple[Floats, Bools | None]]


@dataclass(frozen=True, slots=True)
class _Sides:
    """The rows of both sides, with the key by which they match as a number."""

    many: Vector
    one: Vector
    many_keys: Ints
    one_keys: Ints
    keys: Sequence[Labels]


def _keyed(matching: Matching, many: Vector, one: Vector) -> _Sides:
    key = grouping_key(matching.labels, keep=matching.on)
    first: dict[Labels, int] = {}
    many_keys = [first.setdefault(key(labels), len(first)) for labels in many.labels]
    one_keys = [first.setdefault(key(labels), len(first)) for labels in one.labels]
    return _Sides(
        many, one, np.array(many_keys, np.int64), np.array(one_keys, np.int64), list(first)
    )


def _present_by_key(sides: _Sides, keys: Ints, present: Bools) -> Ints:
    """How many rows each key has at each step."""
    counts = np.zeros((len(sides.keys), present.shape[1]), np.int64)
    if len(keys) == len(set(keys.tolist())):
        counts[keys] = present
    else:
        np.add.at(counts, keys, present)
    return counts


def matched_sets(node: Binary, left: Vector, right: Vector) -> Vector:
    """``and``, ``or``, ``unless``."""
    sides = _keyed(node.matching, left, right)
    if node.op == "or":
        there = _present_by_key(sides, sides.many_keys, left.present) > 0
        added = right.present & ~there[sides.one_keys]
        unnamed = None
        if left.unnamed is not None or right.unnamed is not None:
            unnamed = np.concatenate([_flags(left), _flags(right)])
        return merged(
            Vector(
                [*left.labels, *right.labels],
                np.concatenate([left.values, right.values]),
                np.concatenate([left.present, added]),
                unnamed,
            )
        ).without_empty()
    there = (_present_by_key(sides, sides.one_keys, right.present) > 0)[sides.many_keys]
    kept = left.present & (there if node.op == "and" else ~there)
    return replace(left, present=kept).without_empty()


def _flags(vector: Vector) -> Bools:
    return np.zeros(len(vector), np.bool_) if vector.unnamed is None else vector.unnamed


def combined(
    context: Context, node: Binary, left: Vector, right: Vector, operation: Operation
) -> Vector:
    """Arithmetic and comparisons between matching series of two vectors.

    Raises:
        QueryFailedError: several series match where one is expected.
    """
    matching = node.matching
    swapped = matching.many == "right"
    many, one = (right, left) if swapped else (left, right)
    sides = _keyed(matching, many, one)
    _refuse_duplicates(node, sides, "left" if swapped else "right")
    many_rows, one_rows = _pairs(sides)
    many_values, one_values = many.values[many_rows], one.values[one_rows]
    present = many.present[many_rows] & one.present[one_rows]
    keys = sides.many_keys[many_rows]
    labels = [
        _result_labels(node, many.labels[row], one.labels[other])
        for row, other in zip(many_rows.tolist(), one_rows.tolist(), strict=True)
    ]
    # As in Prometheus, which swaps the sides of group_right, but not what fills them.
    fill_many, fill_one = matching.fill_left, matching.fill_right
    if fill_many is not None or fill_one is not None:
        filled = _filled(node, sides, fill_many, fill_one)
        labels += filled.labels
        many_values = np.concatenate([many_values, filled.many_values])
        one_values = np.concatenate([one_values, filled.one_values])
        present = np.concatenate([present, filled.present])
        keys = np.concatenate([keys, filled.keys])
    first, second = (one_values, many_values) if swapped else (many_values, one_values)
    values, kept = operation(node, first, second, present)
    _refuse_ambiguous(node, labels, keys, present)
    if kept is not None:
        present = present & kept
    unnamed = None
    if node.returns_bool:
        if context.options.delayed_name_removal:
            unnamed = np.ones(len(labels), np.bool_)
        else:
            labels = [without_name(item) for item in labels]
    return merged(Vector(labels, values, present, unnamed)).without_empty()


def _pairs(sides: _Sides) -> tuple[Ints, Ints]:
    """All pairs of rows with the same key, in the order of the side with many."""
    order = np.argsort(sides.one_keys, kind="stable")
    ordered = sides.one_keys[order]
    low = np.searchsorted(ordered, sides.many_keys, "left")
    counts = np.searchsorted(ordered, sides.many_keys, "right") - low
    many_rows = np.repeat(np.arange(len(sides.many_keys)), counts)
    within = np.arange(len(many_rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return many_rows, order[np.repeat(low, counts) + within]


def _refuse_duplicates(node: Binary, sides: _Sides, side: str) -> None:
    """Two series of the side with one that match the same, at a step with any on the other."""
    groups = Groups.by([sides.keys[key] for key in sides.one_keys.tolist()], lambda labels: labels)
    if len(groups) == len(sides.one):
        return
    some = sides.many.present.any(axis=0)
    counts = groups.counts(sides.one.present)
    twice = np.argwhere((counts > 1) & some)
    if not len(twice):
        return
    # The first step at which it happens is the one that a step-by-step evaluation ends at.
    group, step = twice[np.argmin(twice[:, 1])].tolist()
    rows = np.flatnonzero((groups.of == group) & sides.one.present[:, step])[:2].tolist()
    found = ", ".join(labels_text(sides.one.labels[row]) for row in rows)
    raise QueryFailedError(
        f"found duplicate series for the match group {labels_text(groups.labels[group])} on the "
        f"{side} hand-side of the operation: [{found}];many-to-many matching not allowed: "
        "matching labels must be unique on one side"
    )


def _refuse_ambiguous(node: Binary, labels: Sequence[Labels], keys: Ints, present: Bools) -> None:
    """Several results for one match, or equal results of one group."""
    pairs = list(zip(keys.tolist(), labels, strict=True)) if node.matching.many else keys.tolist()
    first: dict[object, int] = {}
    of = [first.setdefault(pair, len(first)) for pair in pairs]
    if len(first) == len(of):
        return
    counts = np.zeros((len(first), present.shape[1]), np.int64)
    np.add.at(counts, np.array(of), present)
    if not (counts > 1).any():
        return
    if node.matching.many:
        raise QueryFailedError(
            "multiple matches for labels: grouping labels must ensure unique matches"
        )
    raise QueryFailedError(
        "multiple matches for labels: many-to-one matching must be explicit "
        "(group_left/group_right)"
    )


def _result_labels(node: Binary, many: Labels, one: Labels) -> Labels:
    matching = node.matching
    changed = node.op not in _COMPARISONS
    labels = many
    if not matching.many:
        if matching.on:
            labels = tuple([pair for pair in labels if pair[0] in matching.labels])
        elif matching.labels:
            labels = tuple([pair for pair in labels if pair[0] not in matching.labels])
    if changed:
        labels = without_name(labels)
    if matching.include:
        taken = dict(one)
        rest = [pair for pair in labels if pair[0] not in matching.include]
        rest += [(name, taken[name]) for name in matching.include if taken.get(name)]
        labels = tuple(sorted(rest))
    return labels


@dataclass(frozen=True, slots=True)
class _Filled:
    """Rows whose other side is a number instead of a series."""

    labels: list[Labels]
    many_values: Floats
    one_values: Floats
    present: Bools
    keys: Ints


def _filled(
    node: Binary, sides: _Sides, fill_many: float | None, fill_one: float | None
) -> _Filled:
    many, one = sides.many, sides.one
    labels: list[Labels] = []
    shape = (0, many.present.shape[1])
    values = [(np.zeros(shape), np.zeros(shape))]
    present = [np.zeros(shape, np.bool_)]
    keys = [np.zeros(0, np.int64)]
    if fill_one is not None:
        there = (_present_by_key(sides, sides.one_keys, one.present) > 0)[sides.many_keys]
        labels += [
            _result_labels(node, row, sides.keys[key])
            for row, key in zip(many.labels, sides.many_keys.tolist(), strict=True)
        ]
        values.append((many.values, np.full(many.values.shape, fill_one)))
        present.append(many.present & ~there)
        keys.append(sides.many_keys)
    if fill_many is not None:
        there = (_present_by_key(sides, sides.many_keys, many.present) > 0)[sides.one_keys]
        labels += [
            _result_labels(node, sides.keys[key], row)
            for row, key in zip(one.labels, sides.one_keys.tolist(), strict=True)
        ]
        values.append((np.full(one.values.shape, fill_many), one.values))
        present.append(one.present & ~there)
        keys.append(sides.one_keys)
    return _Filled(
        labels,
        np.concatenate([pair[0] for pair in values]),
        np.concatenate([pair[1] for pair in values]),
        np.concatenate(present),
        np.concatenate(keys),
    )
