"""Why values stand in ``_rest``, counted by field: for the people whose columns stay empty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.lake.tally import MAX_EXAMPLE, Misfit, Tally, put
from madang.process.layout import Kind, Layout, Node, Path
from madang.process.rest import RECORD_KEY, RestBuilder

_REASONS: Final = ("no_column", "type", "range", "fraction", "repeated_key")
_NO_COLUMN, _TYPE, _RANGE, _FRACTION, _REPEATED = range(5)
_LONG, _DOUBLE, _DECLARED_LONG, _OTHER = range(1, 5)
_KINDS: Final = {Kind.LONG: _LONG, Kind.DOUBLE: _DOUBLE}
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_MAX_NAME: Final = 200


def misfits_of(
    builder: RestBuilder, layout: Layout, *, quoted: bool = False, without: Sequence[int] = ()
) -> dict[Misfit, Tally]:
    """What was put into ``_rest``, by field and reason.

    Args:
        builder: What was put there, each value as JSON.
        layout: The columns, which did not take it.
        quoted: Whether numbers are text: the format has no others.
        without: Rows that do not count, for they become dead letters.
    """
    rows, paths, texts = builder.kept()
    if len(without):
        keep = np.flatnonzero(~np.isin(rows, np.asarray(without)))
        paths, texts = paths[keep], texts.take(pa.array(keep))
    if not len(paths):
        return {}
    nodes = [layout.find(path) for path in builder.paths]
    takes_text = np.array([quoted or (node is not None and node.declared) for node in nodes])
    kinds = np.array([_NO_COLUMN if node is None else _kind(node, layout) for node in nodes])
    reasons = _reasons(kinds[paths], takes_text[paths], texts)
    records = np.array([path == (RECORD_KEY,) for path in builder.paths])
    reasons[records[paths]] = _REPEATED
    keys = paths * len(_REASONS) + reasons
    first = np.full(len(nodes) * len(_REASONS), -1, np.int64)
    first[keys[::-1]] = np.arange(len(keys) - 1, -1, -1)
    counts = np.bincount(keys, minlength=len(first))
    total: dict[Misfit, Tally] = {}
    for key in np.flatnonzero(counts).tolist():
        number, reason = divmod(key, len(_REASONS))
        if reason == _REPEATED and not quoted:
            continue  # A JSON record names the field that it repeats, see ``repeated_key``.
        example = texts[int(first[key])].as_py()
        one = Tally(int(counts[key]), None if example is None else example[:MAX_EXAMPLE])
        put(total, Misfit(_name(builder.paths[number]), _REASONS[reason]), one)
    return total


def _kind(node: Node, layout: Layout) -> int:
    if node.kind is Kind.LONG and layout.declared_kind(node.path) is Kind.LONG:
        return _DECLARED_LONG
    return _KINDS.get(node.kind, _OTHER)


def repeated_key(path: Path) -> Misfit:
    """The misfit of a record that has the field at ``path`` more than once."""
    return Misfit(_name(path), _REASONS[_REPEATED])


def _name(path: Path) -> str:
    name = ".".join(path)
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…"


def _reasons(
    kinds: npt.NDArray[np.int64], takes_text: npt.NDArray[np.bool_], texts: pa.Array
) -> npt.NDArray[np.int64]:
    """The reason of each text, by the kind of its column (0: it has none)."""
    reasons = np.where(kinds == _NO_COLUMN, _NO_COLUMN, _TYPE)
    rows = np.flatnonzero((kinds > _NO_COLUMN) & (kinds < _OTHER))
    if len(rows):
        some = texts.take(pa.array(rows))
        is_number = _matches(some, f"^{_NUMBER}$")
        if takes_text[rows].any():
            is_number |= takes_text[rows] & _matches(some, f'^"[ ]*{_NUMBER}[ ]*"$')
        dotted = _matches(some, "[.eE]")
        found = np.where(dotted & (kinds[rows] == _LONG), _FRACTION, _RANGE)
        # Whoever declares whole numbers gets them.
        found[dotted & (kinds[rows] == _DECLARED_LONG)] = _TYPE
        reasons[rows[is_number]] = found[is_number]
    return reasons.astype(np.int64)


def _matches(texts: pa.Array, pattern: str) -> npt.NDArray[np.bool_]:
    found = pc.fill_null(pc.match_substring_regex(texts, pattern), False)
    matches: npt.NDArray[np.bool_] = found.to_numpy(zero_copy_only=False)
    return matches
