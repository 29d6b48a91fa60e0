"""JSON records of wide tables: read by the fields that they have, not by those that they may have.

Asking each record for each of 900 columns takes time by records × columns. Here each record is
unfolded once into pairs of key and value, and the pairs of plain columns are put into place. What
is not as plain (objects, arrays, new fields, values that may not fit) is left to the general way,
as records of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.process.engine import Engine, whole
from madang.process.layout import ARROW, Kind, Layout, Node
from madang.process.parsed import Rows
from madang.process.rest import RestBuilder

_TYPES = pa.array(["NULL", "BOOLEAN", "BIGINT", "UBIGINT", "DOUBLE", "VARCHAR"], pa.string())
_NULL, _BOOLEAN, _BIGINT, _UBIGINT, _DOUBLE, _STRING = range(6)
_OTHER = 6
_PLAIN = {
    Kind.BOOLEAN: (_BOOLEAN,),
    Kind.LONG: (_BIGINT, _UBIGINT),
    Kind.DOUBLE: (_BIGINT, _UBIGINT, _DOUBLE),
    Kind.STRING: (_STRING,),
}
"""JSON types that a column of a kind takes without a further look."""
_SAMPLE = 64
_EXACT_DIGITS = 15
"""Numbers of at most this many characters are exact as long and as double."""


@dataclass(frozen=True, slots=True)
class Unfolded:
    """Plain columns of a batch, and the rest of its records.

    ``columns`` have a value for each record, null where it has none or where it stands in ``left``.
    ``left``: a JSON object a record, of what is not in ``columns``.
    """

    columns: dict[str, pa.Array]
    left: pa.Array


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Fields of records: ``keys[codes[i]]`` of record ``rows[i]``, of ``types[i]``, as text."""

    rows: Rows
    codes: Rows
    keys: list[str]
    types: npt.NDArray[np.int64]
    texts: pa.Array


def is_sparse(engine: Engine, text: pa.Array, layout: Layout) -> bool:
    """Whether the first records fill at most half of the columns; full ones are as quick at once.

    Raises:
        duckdb.InvalidInputException: one of them is no JSON.
    """
    found = engine.query(
        "SELECT avg(len(json_keys(v))) AS x FROM t", t=pa.table({"v": text.slice(0, _SAMPLE)})
    ).column("x")
    filled = found[0].as_py()
    return filled is not None and filled <= layout.leaves / 2


def unfold(engine: Engine, text: pa.Array, layout: Layout) -> Unfolded | None:
    """The plain columns of ``text`` (string, no nulls), or None where records are not as they seem.

    None: a record is no object, repeats a key, or holds NaN or Infinity, which JSON does not have.

    Raises:
        duckdb.InvalidInputException: a text is no JSON.
    """
    pairs = _pairs(engine, text)
    if pairs is None:
        return None
    plain = _plain(pairs, layout)
    left = np.flatnonzero(~plain & (pairs.types != _NULL))
    chosen = np.flatnonzero(plain)
    chosen = chosen[np.argsort(pairs.codes[chosen], kind="stable")]
    bounds = np.searchsorted(pairs.codes[chosen], np.arange(len(pairs.keys) + 1))
    columns = {}
    for code, name in enumerate(pairs.keys):
        members = chosen[bounds[code] : bounds[code + 1]]
        if len(members):
            node = layout.find((name,))
            assert node is not None
            values = pairs.texts.take(pa.array(members))
            columns[name] = _column(values, pairs.rows[members], node.kind, len(text))
    return Unfolded(columns, _left(engine, text, pairs, left))


def _pairs(engine: Engine, text: pa.Array) -> _Pairs | None:
    found = engine.query(
        "SELECT json_keys(v) AS k, json_type(v, '$.*') AS y, json_extract_string(v, '$.*') AS x,"
        " json_type(v) = 'OBJECT' AS o FROM t",
        t=pa.table({"v": text}),
    )
    if not pc.all(found.column("o")).as_py():
        return None
    keys = whole(found.column("k"))
    counts = pc.list_value_length(keys).to_numpy(zero_copy_only=False)
    rows = np.repeat(np.arange(len(text)), counts)
    encoded = keys.flatten().dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    names = encoded.dictionary.to_pylist()
    if len(np.unique(rows * max(len(names), 1) + codes)) != len(codes):
        return None
    found_types = pc.index_in(whole(found.column("y")).flatten(), value_set=_TYPES)
    types = pc.fill_null(found_types, _OTHER).to_numpy(zero_copy_only=False).astype(np.int64)
    texts = whole(found.column("x")).flatten()
    doubles = texts.take(pa.array(np.flatnonzero(types == _DOUBLE)))
    if pc.any(pc.match_substring_regex(doubles, "[Nn]")).as_py():
        return None
    return _Pairs(rows, codes, names, types, texts)


def _plain(pairs: _Pairs, layout: Layout) -> npt.NDArray[np.bool_]:
    """Which pairs their columns take as they are."""
    takes = np.zeros((len(pairs.keys), _OTHER + 1), np.bool_)
    numeric = np.zeros(len(pairs.keys), np.bool_)
    for code, name in enumerate(pairs.keys):
        node = layout.find((name,))
        if node is not None and _is_plain(node):
            takes[code, list(_PLAIN[node.kind])] = True
            numeric[code] = node.kind in (Kind.LONG, Kind.DOUBLE)
    plain: npt.NDArray[np.bool_] = takes[pairs.codes, pairs.types]
    lengths = pc.fill_null(pc.binary_length(pairs.texts), 0).to_numpy(zero_copy_only=False)
    whole_numbers = pairs.types != _DOUBLE
    long_text = lengths > np.where(whole_numbers, _EXACT_DIGITS, 2 * _EXACT_DIGITS)
    plain &= ~(numeric[pairs.codes] & long_text)
    _drop_large_doubles(pairs, plain)
    return plain


def _drop_large_doubles(pairs: _Pairs, plain: npt.NDArray[np.bool_]) -> None:
    # Integers beyond 64 bits, and what is infinite as a double, have the type DOUBLE.
    doubles = np.flatnonzero(plain & (pairs.types == _DOUBLE))
    if len(doubles):
        numbers = pc.cast(pairs.texts.take(pa.array(doubles)), pa.float64())
        sure = np.abs(numbers.to_numpy(zero_copy_only=False)) < 2.0**53
        plain[doubles[~sure]] = False


def _is_plain(node: Node) -> bool:
    return node.kind in _PLAIN and not node.declared and node.type().equals(ARROW[node.kind])


def _column(texts: pa.Array, rows: Rows, kind: Kind, size: int) -> pa.Array:
    missing = np.ones(size, np.bool_)
    missing[rows] = False
    if kind is Kind.STRING:
        place = np.zeros(size, np.int64)
        place[rows] = np.arange(len(rows))
        return texts.take(pa.array(place, mask=missing))
    if kind is Kind.BOOLEAN:
        values = pc.equal(texts, "true").to_numpy(zero_copy_only=False)
    else:
        values = pc.cast(texts, ARROW[kind]).to_numpy(zero_copy_only=False)
    full = np.zeros(size, values.dtype)
    full[rows] = values
    return pa.array(full, ARROW[kind], mask=missing)


def _left(engine: Engine, text: pa.Array, pairs: _Pairs, members: Rows) -> pa.Array:
    """A JSON object a record, of the pairs ``members`` as they are written."""
    empty = pa.scalar("{}", pa.string())
    if not len(members):
        return pa.repeat(empty, len(text))
    rows = np.unique(pairs.rows[members])
    written = engine.query(
        "SELECT json_extract(v, '$.*')::VARCHAR[] AS x FROM t",
        t=pa.table({"v": text.take(pa.array(rows))}),
    ).column("x")
    values = whole(written).flatten()
    # The pairs of these records, in their order, are the values.
    among = np.zeros(len(text), np.bool_)
    among[rows] = True
    place = np.cumsum(among[pairs.rows]) - 1
    builder = RestBuilder(len(text))
    ids = np.array([builder.path_id((name,)) for name in pairs.keys], np.int64)
    builder.add(
        pairs.rows[members], ids[pairs.codes[members]], values.take(pa.array(place[members]))
    )
    return pc.fill_null(builder.build(), empty)
