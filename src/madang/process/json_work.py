"""A batch of JSON records while it is decoded."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from madang.process import shapes as js
from madang.process.engine import Engine, literal, whole
from madang.process.layout import Path, pointer
from madang.process.parsed import Rows

Mask = npt.NDArray[np.bool_]

_ELEMENTS = [
    {0: "empty", 1: "boolean", 2: "long", 4: "double", 6: "double", 8: "string"}.get(flags, "json")
    for flags in range(32)
]
"""What an array holds, by the JSON types that occur in it: 1 for booleans, 2 for integers, 4 for
other numbers, 8 for strings, 16 for arrays and objects."""


@dataclass(slots=True)
class JsonWork:
    """What is known of the batch.

    ``misfit[shape, i]``: no column takes the value at ``shapes.paths[i]``. ``values`` are the leaf
    columns that were read, ``bad`` the rows of a leaf whose value its column does not hold.
    """

    engine: Engine

    text: pa.Array
    shapes: js.Shapes
    arrival_us: Rows
    misfit: npt.NDArray[np.bool_]
    values: dict[Path, pa.Array] = field(default_factory=dict)
    bad: dict[Path, Mask] = field(default_factory=dict)
    kinds_of_lists: dict[Path, npt.NDArray[np.int64]] = field(default_factory=dict)

    def types_of(self, index: int) -> npt.NDArray[np.uint8]:
        """The JSON type of each row's value at the path of this index."""
        column: npt.NDArray[np.uint8] = self.shapes.types[:, index][self.shapes.codes]
        return column

    def extract(self, rows: Rows, path: Path) -> pa.Array:
        """The JSON text of the values of ``rows`` at ``path``."""
        return whole(
            self.engine.query(
                f"SELECT json_extract(v, {literal(pointer(path))})::VARCHAR AS x FROM t",
                t=pa.table({"v": self.text.take(pa.array(rows))}),
            ).column("x")
        )

    def elements(self, rows: Rows, path: Path) -> tuple[npt.NDArray[np.int64], list[str]]:
        """What the arrays at ``path`` hold: a code per row, and a name per code.

        Names are ``boolean, long, double, string``, ``json`` for anything else, ``empty``.
        """
        known = self.kinds_of_lists.get(path)
        if known is None or len(known) != len(rows):
            found = self.engine.query(
                "SELECT (list_contains(k, 'BOOLEAN')::TINYINT"
                " + 2 * (list_contains(k, 'BIGINT') OR list_contains(k, 'UBIGINT'))::TINYINT"
                " + 4 * list_contains(k, 'DOUBLE')::TINYINT"
                " + 8 * list_contains(k, 'VARCHAR')::TINYINT"
                " + 16 * (list_contains(k, 'ARRAY') OR list_contains(k, 'OBJECT'))::TINYINT)"
                " AS x FROM (SELECT json_type(json_extract(v,"
                f" {literal(pointer(path))}), '$[*]') AS k FROM t)",
                t=pa.table(
                    {
                        "v": self.text
                        if len(rows) == len(self.text)
                        else self.text.take(pa.array(rows))
                    }
                ),
            ).column("x")
            known = found.to_numpy().astype(np.int64)
            self.kinds_of_lists[path] = known
        return known, _ELEMENTS
