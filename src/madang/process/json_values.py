"""The values of JSON records in their columns' types, each one proven to be what was written."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.process import shapes as js
from madang.process.casting import narrowed
from madang.process.engine import identifier, literal, whole
from madang.process.json_work import JsonWork, Mask
from madang.process.layout import Kind, Layout, Node
from madang.process.parsed import Rows
from madang.process.typed_text import TypedText, Wanted

_TRANSFORMS = {
    Kind.BOOLEAN: "BOOLEAN",
    Kind.LONG: "BIGINT",
    Kind.DOUBLE: "DOUBLE",
    Kind.STRING: "VARCHAR",
    Kind.JSON: "JSON",
}
_EXACT = 2.0**53
"""Doubles hold every integer up to here."""


class JsonValues:
    """Reads the leaf columns of a batch in bulk, then looks at what bulk reading may have changed.

    Args:
        typed: Reads the text of declared columns.
    """

    def __init__(self, typed: TypedText) -> None:
        self._typed = typed

    def read(self, work: JsonWork, layout: Layout) -> None:
        """Fill ``work.values`` and ``work.bad`` with the leaf columns of ``layout``."""
        present = {
            path: i
            for i, path in enumerate(work.shapes.paths)
            if (work.shapes.types[:, i] > js.NULL).any()
        }
        leaves = [
            leaf
            for node in layout.columns.values()
            for leaf in node.leaves()
            if leaf.path in present and leaf.kind is not Kind.OTHER
        ]
        if not leaves:
            return
        structure: dict[str, object] = {}
        for leaf in leaves:
            inner = structure
            for name in leaf.path[:-1]:
                inner = inner.setdefault(name, {})  # type: ignore[assignment]
            inner[leaf.path[-1]] = _transform_type(leaf)
        selected = ",".join(
            f"t.{'.'.join(identifier(name) for name in leaf.path)} AS c{i}"
            for i, leaf in enumerate(leaves)
        )
        result = work.engine.query(
            f"SELECT {selected} FROM (SELECT json_transform(v,"
            f" {literal(json.dumps(structure, ensure_ascii=False))}) AS t FROM x)",
            x=pa.table({"v": work.text}),
        )
        for i, leaf in enumerate(leaves):
            self._check(work, leaf, present[leaf.path], whole(result.column(i)))

    def _check(self, work: JsonWork, leaf: Node, index: int, values: pa.Array) -> None:
        """Keep ``values`` of a column, without those that were changed by reading them."""
        shape_misfit = work.misfit[:, index]
        bad: Mask | None = shape_misfit[work.shapes.codes] if shape_misfit.any() else None
        types = work.shapes.types[:, index]
        doubtful: Mask | None = None
        if leaf.kind in (Kind.TIMESTAMP, Kind.DATE) or (
            leaf.declared and leaf.kind not in (Kind.STRING, Kind.JSON)
        ):
            read = self._typed.read([Wanted(values, leaf.kind, True)], work.arrival_us)[0]
            values = read.values
            bad = read.wrong if bad is None else bad | read.wrong
        elif leaf.kind is Kind.LONG:
            doubtful = _doubtful_long(work, types, index, values)
        elif leaf.kind is Kind.DOUBLE:
            doubtful = _doubtful_double(work, types, index, values)
        elif leaf.kind is Kind.LIST:
            wrong = self._wrong_lists(work, leaf, index, values)
            bad = wrong if bad is None else bad | wrong
        if doubtful is not None and doubtful.any():
            wrong = self._inexact(work, leaf, np.flatnonzero(doubtful), values)
            bad = wrong if bad is None else bad | wrong
        values, lost = narrowed(values, leaf.type())
        if lost is not None:
            bad = lost if bad is None else bad | lost
        if bad is not None and bad.any():
            work.bad[leaf.path] = bad
            values = pc.if_else(pa.array(bad), pa.scalar(None, values.type), values)
        work.values[leaf.path] = values

    def _wrong_lists(self, work: JsonWork, leaf: Node, index: int, values: pa.Array) -> Mask:
        rows = np.flatnonzero(work.types_of(index) == js.ARRAY)
        wrong = np.zeros(len(work.text), np.bool_)
        if not len(rows):
            return wrong
        codes, kinds = work.elements(rows, leaf.path)
        assert leaf.element is not None
        fits = {leaf.element.value, "empty"} | ({"long"} if leaf.element is Kind.DOUBLE else set())
        unfit = np.array([kind not in fits for kind in kinds], np.bool_)
        wrong[rows[unfit[codes]]] = True
        if leaf.element in (Kind.LONG, Kind.DOUBLE):
            # Only numbers can fail by value: beyond 64 bits, beyond what a double holds.
            kept = rows[~unfit[codes]]
            kept = kept[_doubtful_lists(values.take(pa.array(kept)), leaf.element)]
            texts = work.extract(kept, leaf.path)
            wrong[kept[_lists_differ(texts, values.take(pa.array(kept)))]] = True
        return wrong

    def _inexact(self, work: JsonWork, leaf: Node, rows: Rows, values: pa.Array) -> Mask:
        """Which of the doubtful numbers are not exactly what the column would hold."""
        texts = work.extract(rows, leaf.path)
        wrong = np.zeros(len(work.text), np.bool_)
        number = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False)
        got = values.take(pa.array(rows))
        with np.errstate(invalid="ignore"):
            exact = np.isfinite(number) & (np.abs(number) < _EXACT)
            if leaf.kind is Kind.LONG:
                exact &= np.floor(number) == number
                exact &= got.is_valid().to_numpy(zero_copy_only=False)
        left = np.flatnonzero(~exact)
        for i in left if leaf.kind is Kind.DOUBLE else ():
            exact[i] = _same_number(texts[int(i)].as_py(), got[int(i)].as_py())
        wrong[rows[~exact]] = True
        return wrong


def _doubtful_long(
    work: JsonWork, types: npt.NDArray[np.uint8], index: int, values: pa.Array
) -> Mask | None:
    """Rows whose number may not be the long that was read: fractions and what overflows."""
    wanted = np.isin(types, (js.BIGINT, js.UBIGINT))
    expected = int(work.shapes.counts[wanted].sum())
    fractions = bool((types == js.DOUBLE).any())
    others = ~np.isin(types, (js.MISSING, js.NULL, js.BIGINT, js.UBIGINT))
    if not fractions and not others.any() and len(values) - values.null_count == expected:
        return None
    row_types = work.types_of(index)
    missing = values.is_null().to_numpy(zero_copy_only=False)
    integers = np.isin(row_types, (js.BIGINT, js.UBIGINT))
    doubtful: Mask = (row_types == js.DOUBLE) | (integers & missing)
    return doubtful


def _doubtful_double(
    work: JsonWork, types: npt.NDArray[np.uint8], index: int, values: pa.Array
) -> Mask | None:
    """Rows whose double is not finite, or stands for an integer that it may not hold exactly."""
    numbers = values.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        large = ~(np.abs(numbers) < _EXACT)
    large &= values.is_valid().to_numpy(zero_copy_only=False)
    if not large.any():
        return None
    row_types = work.types_of(index)
    doubtful: Mask = large & (~np.isfinite(numbers) | (row_types != js.DOUBLE))
    # Integers beyond 64 bits have the JSON type DOUBLE.
    doubtful |= large & (np.abs(numbers) >= 2.0**63)
    return doubtful


def _same_number(text: str, got: float | None) -> bool:
    if got is None or not np.isfinite(got):
        return False
    try:
        return int(text) == int(got)
    except ValueError:
        return float(text) == got


def _doubtful_lists(values: pa.Array, element: Kind) -> Mask:
    """Which lists hold a null, or a number too large to be sure of."""
    flat = values.flatten()
    parents = pc.list_parent_indices(values).to_numpy(zero_copy_only=False)
    doubtful = flat.is_null().to_numpy(zero_copy_only=False)
    if element is Kind.DOUBLE:
        with np.errstate(invalid="ignore"):
            doubtful |= ~(np.abs(flat.to_numpy(zero_copy_only=False)) < _EXACT)
    mask = np.zeros(len(values), np.bool_)
    mask[parents[doubtful]] = True
    return mask


def _lists_differ(texts: pa.Array, values: pa.Array) -> Mask:
    """Which lists of numbers are not what their JSON text says."""
    differ = np.zeros(len(values), np.bool_)
    for row, (text, got) in enumerate(zip(texts.to_pylist(), values.to_pylist(), strict=True)):
        wanted = json.loads(text, parse_int=str, parse_float=str)
        differ[row] = len(wanted) != len(got) or any(
            (number is None) != (found is None)
            or (number is not None and not _same_number(number, found))
            for number, found in zip(wanted, got, strict=True)
        )
    return differ


def _transform_type(leaf: Node) -> object:
    if leaf.kind is Kind.LIST:
        assert leaf.element is not None
        return [_TRANSFORMS[leaf.element]]
    if leaf.declared and leaf.kind is not Kind.JSON:
        return "VARCHAR"
    return _TRANSFORMS.get(leaf.kind, "VARCHAR")
