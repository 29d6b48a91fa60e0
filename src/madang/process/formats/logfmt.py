"""logfmt: ``key=value key="quoted value"``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.process.engine import Engine, literal
from madang.process.formats.split import NO_MATCH, Split, TextColumn, column
from madang.process.parsed import Dead

_KEY = r'[^\s="]+'
_VALUE = r'"(?:[^"\\]|\\.)*"|[^\s"]*'
_PAIR = rf"({_KEY})=({_VALUE})"
_CLEAN = rf"\s*(?:{_KEY}=(?:{_VALUE})(?:\s+{_KEY}=(?:{_VALUE}))*\s*)?"


class LogfmtSplitter:
    """Each key is a column.

    A quoted value is read with JSON's escapes. Of a key that a record repeats the first value
    counts; such records, and those with words that belong to no pair, are kept whole in ``_rest``
    too. A record without any pair is a dead letter.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def split(self, text: pa.Array, attributes: Mapping[str, str]) -> Split:
        """A column per key."""
        del attributes
        found = self._engine.query(
            f"SELECT regexp_extract_all(v, {literal(_PAIR)}, 1, 's') AS k,"
            f" regexp_extract_all(v, {literal(_PAIR)}, 2, 's') AS x,"
            f" regexp_full_match(v, {literal(_CLEAN)}, 's') AS c FROM t",
            t=pa.table({"v": text}),
        )
        keys, values = column(found, "k"), column(found, "x")
        counts = pc.list_value_length(keys).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(counts > 0)
        dead = [
            Dead(row, NO_MATCH, "holds no key=value pair")
            for row in np.flatnonzero(counts == 0).tolist()
        ]
        whole = ~column(found, "c").to_numpy(zero_copy_only=False).astype(np.bool_)
        parents = np.repeat(np.arange(len(text)), counts)
        columns, repeats = self._pivot(keys.flatten(), values.flatten(), parents, len(text))
        whole |= repeats
        if dead:
            take = pa.array(rows)
            columns = [TextColumn(entry.name, entry.text.take(take)) for entry in columns]
        return Split(rows, columns, dead, whole[rows])

    def _pivot(
        self, keys: pa.Array, values: pa.Array, parents: npt.NDArray[np.int64], count: int
    ) -> tuple[list[TextColumn], npt.NDArray[np.bool_]]:
        encoded = pc.dictionary_encode(keys)
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        values = self._unquoted(values)
        order = np.argsort(codes, kind="stable")
        bounds = np.searchsorted(codes[order], np.arange(len(encoded.dictionary) + 1))
        columns = []
        repeats = np.zeros(count, np.bool_)
        for code, name in enumerate(encoded.dictionary.to_pylist()):
            members = order[bounds[code] : bounds[code + 1]]
            owners = parents[members]
            place = np.full(count, -1, np.int64)
            place[owners[::-1]] = members[::-1]
            repeats[owners[1:][owners[1:] == owners[:-1]]] = True
            columns.append(TextColumn(name, values.take(pa.array(place, mask=place < 0))))
        return columns, repeats

    def _unquoted(self, values: pa.Array) -> pa.Array:
        quoted = pc.starts_with(values, '"')
        if not pc.any(quoted).as_py():
            return values
        found = self._engine.query(
            "SELECT CASE WHEN left(v, 1) <> '\"' THEN v"
            " WHEN contains(v, '\\') AND json_valid(v) THEN json_extract_string(v, '$')"
            " ELSE v[2:-2] END AS x FROM t",
            t=pa.table({"v": values}),
        )
        return column(found, "x")
