"""Text → values of a column's type, without ever changing what was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.process.engine import Engine, whole
from madang.process.instants import InstantReader
from madang.process.layout import ARROW, Kind

_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
_READ = {
    Kind.LONG: "CASE WHEN regexp_full_match({v}, '-?(0|[1-9][0-9]{{0,18}})')"
    " THEN TRY_CAST({v} AS BIGINT) END",
    Kind.DOUBLE: "CASE WHEN regexp_full_match({v}, '" + _NUMBER.replace("{", "{{") + "')"
    # An integer that a double does not hold exactly stays text.
    " AND NOT (regexp_full_match({v}, '[+-]?[0-9]{{16,}}')"
    " AND TRY_CAST({v} AS HUGEINT) IS DISTINCT FROM"
    " TRY_CAST(TRY_CAST({v} AS DOUBLE) AS HUGEINT))"
    " AND isfinite(TRY_CAST({v} AS DOUBLE)) THEN TRY_CAST({v} AS DOUBLE) END",
    Kind.BOOLEAN: "CASE {v} WHEN 'true' THEN true WHEN 'false' THEN false END",
}
"""What a column reads whose type came from the data: only what can be written back unchanged."""
_READ_DECLARED = {
    Kind.LONG: "CASE WHEN regexp_full_match(trim({v}), '[+-]?[0-9]+(\\.0*)?') THEN"
    " TRY_CAST(regexp_replace(trim({v}), '\\.0*$', '') AS BIGINT) END",
    Kind.DOUBLE: _READ[Kind.DOUBLE].replace("{v}", "trim({v})"),
    Kind.BOOLEAN: "CASE WHEN lower(trim({v})) IN ('true', 't', 'yes', 'y', 'on', '1') THEN true"
    " WHEN lower(trim({v})) IN ('false', 'f', 'no', 'n', 'off', '0') THEN false END",
    Kind.DATE: "CASE WHEN regexp_full_match(trim({v}), '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')"
    " AND left(trim({v}), 4) <> '0000' THEN TRY_CAST(trim({v}) AS DATE) END",
    Kind.JSON: "CASE WHEN json_valid({v}) THEN {v} END",
}
"""What a declared column reads: all the ways in which people write such a value."""


class Wanted(NamedTuple):
    """Text and what it shall become."""

    text: pa.Array
    kind: Kind
    declared: bool


class Read(NamedTuple):
    """Values, and the mask of those that could not be read (there, but null in ``values``)."""

    values: pa.Array
    wrong: npt.NDArray[np.bool_]


class TypedText:
    """Reads columns of text.

    Args:
        times: Reads declared timestamps.
    """

    def __init__(self, engine: Engine, times: InstantReader) -> None:
        self._engine = engine
        self._times = times

    def read(self, wanted: Sequence[Wanted], arrival_us: npt.NDArray[np.int64]) -> list[Read]:
        """Values of each column; an empty text is null where the column is no text."""
        results: dict[int, pa.Array] = {}
        by_sql = {}
        for i, (text, kind, declared) in enumerate(wanted):
            expression = None if declared else _READ.get(kind)
            expression = expression or _READ_DECLARED.get(kind)
            if kind is Kind.STRING:
                results[i] = text
            elif kind is Kind.TIMESTAMP:
                results[i] = self._timestamps(text, arrival_us)
            elif expression is not None:
                by_sql[i] = expression.format(v=f"c{i}")
            else:
                results[i] = pa.nulls(len(text), ARROW.get(kind, pa.string()))
        if by_sql:
            found = self._engine.query(
                "SELECT " + ", ".join(f"{sql} AS c{i}" for i, sql in by_sql.items()) + " FROM t",
                t=pa.table({f"c{i}": wanted[i].text for i in by_sql}),
            )
            for i in by_sql:
                results[i] = whole(found.column(f"c{i}"))
        return [_judged(entry, results[i]) for i, entry in enumerate(wanted)]

    def infer(self, texts: Sequence[pa.Array]) -> list[Kind]:
        """The kind of which every text is, of boolean, long, double and string."""
        if not texts:
            return []
        tests = []
        for i in range(len(texts)):
            text = f"nullif(c{i}, '')"
            # Leading zeros and long digits are names, not numbers: 02139, card numbers.
            tests.append(f"bool_and({text} IN ('true', 'false')) AS b{i}")
            tests.append(f"bool_and(regexp_full_match({text}, '-?(0|[1-9][0-9]{{0,17}})')) AS l{i}")
            tests.append(
                f"bool_and(regexp_full_match({text}, '-?(0|[1-9][0-9]{{0,14}})"
                f"(\\.[0-9]{{1,15}}([eE][+-]?[0-9]{{1,2}})?)?')) AS d{i}"
            )
        row = self._engine.query(
            f"SELECT {', '.join(tests)} FROM t",
            t=pa.table({f"c{i}": text for i, text in enumerate(texts)}),
        ).to_pylist()[0]
        kinds = []
        for i in range(len(texts)):
            for letter, kind in (("b", Kind.BOOLEAN), ("l", Kind.LONG), ("d", Kind.DOUBLE)):
                if row[f"{letter}{i}"]:
                    kinds.append(kind)
                    break
            else:
                kinds.append(Kind.STRING)
        return kinds

    def _timestamps(self, text: pa.Array, arrival_us: npt.NDArray[np.int64]) -> pa.Array:
        found = self._times.text(text, arrival_us)
        return pa.array(found.us, mask=~found.valid).cast(pa.timestamp("us", "UTC"))


def _judged(wanted: Wanted, values: pa.Array) -> Read:
    there = wanted.text.is_valid()
    if wanted.kind is not Kind.STRING:
        there = pc.and_(there, pc.fill_null(pc.not_equal(wanted.text, ""), False))
    wrong = pc.and_(there, values.is_null()).to_numpy(zero_copy_only=False)
    return Read(values, wrong)
