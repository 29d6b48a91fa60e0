"""New columns for new fields, and what no column takes: decided per shape, not per record."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from madang.process import shapes as js
from madang.process.json_work import JsonWork
from madang.process.layout import MAX_DEPTH, Kind, Layout, Node, Path
from madang.process.parsed import Rows

_SCALARS = (js.BOOLEAN, js.BIGINT, js.UBIGINT, js.DOUBLE, js.STRING)
_NUMBERS = (js.BIGINT, js.UBIGINT, js.DOUBLE)
_SAMPLE = 256
_ALLOWED = {
    Kind.BOOLEAN: (js.BOOLEAN,),
    Kind.LONG: _NUMBERS,
    Kind.DOUBLE: _NUMBERS,
    Kind.STRING: (js.STRING,),
    Kind.JSON: (*_SCALARS, js.ARRAY, js.OBJECT),
    Kind.TIMESTAMP: (js.STRING, *_NUMBERS),
    Kind.DATE: (js.STRING,),
    Kind.STRUCT: (js.OBJECT,),
    Kind.LIST: (js.ARRAY,),
    Kind.OTHER: (),
}
"""JSON types that a column of a kind may hold; values are looked at further where needed."""


def plan_columns(work: JsonWork, layout: Layout) -> None:
    """Add columns for fields that have none, by the type that most of their values have."""
    counts = work.shapes.counts
    for index, path in enumerate(work.shapes.paths):
        if layout.find(path) is not None:
            continue
        parent = layout.find(path[:-1]) if len(path) > 1 else None
        if len(path) > 1 and (parent is None or parent.kind is not Kind.STRUCT):
            continue
        declared = layout.declared_kind(path)
        if declared is not None:
            layout.add(Node(path, declared, declared=True))
            continue
        node = _new_column(work, index, path, counts)
        if node is not None:
            layout.add(node)
    _prune(layout.columns)


def _new_column(
    work: JsonWork, index: int, path: Path, counts: npt.NDArray[np.int64]
) -> Node | None:
    per_type = np.bincount(work.shapes.types[:, index], weights=counts, minlength=9).astype(
        np.int64
    )
    votes = {
        "boolean": per_type[js.BOOLEAN],
        "number": per_type[list(_NUMBERS)].sum(),
        "string": per_type[js.STRING],
        "array": per_type[js.ARRAY],
        "object": per_type[js.OBJECT],
    }
    winner = max(votes, key=lambda name: int(votes[name]))
    if not votes[winner]:
        return None
    if winner == "number":
        fractions = bool(per_type[js.DOUBLE]) and _has_fractions(work, index, path)
        return Node(path, Kind.DOUBLE if fractions else Kind.LONG)
    if winner == "object":
        return Node(path, Kind.STRUCT if len(path) <= MAX_DEPTH else Kind.JSON)
    if winner == "array":
        return _new_list(work, index, path)
    return Node(path, Kind.BOOLEAN if winner == "boolean" else Kind.STRING)


def _has_fractions(work: JsonWork, index: int, path: Path) -> bool:
    """Whether a number of JSON type DOUBLE is one: integers beyond 64 bits have that type too.

    One such integer must not make a column of identifiers one of doubles for ever.
    """
    return _have_fractions(work, np.flatnonzero(work.types_of(index) == js.DOUBLE), path)


def _have_fractions(work: JsonWork, rows: Rows, path: Path) -> bool:
    """Whether a number, or a number in a list, of ``rows`` is written with one or an exponent."""
    for part in (rows[:_SAMPLE], rows[_SAMPLE:]):
        if len(part):
            found = pc.match_substring_regex(work.extract(part, path), r"[0-9][.eE]")
            if pc.any(found).as_py():
                return True
    return False


def _new_list(work: JsonWork, index: int, path: Path) -> Node | None:
    rows = np.flatnonzero(work.types_of(index) == js.ARRAY)
    codes, names = work.elements(rows, path)
    kinds = {names[code] for code in np.unique(codes)} - {"empty"}
    if not kinds:
        return None
    if kinds <= {"long", "double"}:
        doubles = np.array([name == "double" for name in names], np.bool_)
        fractions = "double" in kinds and _have_fractions(work, rows[doubles[codes]], path)
        return Node(path, Kind.LIST, Kind.DOUBLE if fractions else Kind.LONG)
    if len(kinds) == 1 and kinds <= {"boolean", "string"}:
        return Node(path, Kind.LIST, Kind(kinds.pop()))
    return Node(path, Kind.JSON)


def _prune(siblings: dict[str, Node]) -> None:
    """Take away new structs that got no field: Iceberg has no empty ones."""
    for name, node in list(siblings.items()):
        if node.kind is Kind.STRUCT:
            _prune(node.children)
            if not node.children and node.arrow is None:
                del siblings[name]


def mark_misfits(work: JsonWork, layout: Layout) -> None:
    """Mark, per shape, the values that no column takes."""
    types = work.shapes.types
    index_of = {path: i for i, path in enumerate(work.shapes.paths)}
    active = np.zeros(types.shape, np.bool_)
    for i, path in enumerate(work.shapes.paths):
        if len(path) == 1:
            active[:, i] = True
        else:
            parent = index_of[path[:-1]]
            node = layout.find(path[:-1])
            is_struct = node is not None and node.kind is Kind.STRUCT
            active[:, i] = active[:, parent] & (types[:, parent] == js.OBJECT) & is_struct
        node = layout.find(path)
        column = types[:, i]
        if node is None:
            work.misfit[:, i] = active[:, i] & (column > js.NULL)
        else:
            allowed = _ALLOWED[node.kind]
            if node.declared and node.kind not in (Kind.STRUCT, Kind.LIST, Kind.OTHER):
                allowed = tuple({*allowed, *_SCALARS})
            unfit = np.ones(9, np.bool_)
            unfit[[js.MISSING, js.NULL, *allowed]] = False
            work.misfit[:, i] = active[:, i] & unfit[column]
