"""A batch of JSON records while it is decoded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.process import shapes as js
from madang.process.engine import Engine, literal
from madang.process.layout import Path, pointer
from madang.process.parsed import Rows

Mask = npt.NDArray[np.bool_]


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
    misfits: Counter[str] = field(default_factory=Counter)

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
        found = self.engine.query(
            "SELECT list_sort(list_distinct(json_type(json_extract(v, "
            f"{literal(pointer(path))}), '$[*]'))) AS k FROM t",
            t=pa.table({"v": self.text.take(pa.array(rows))}),
        ).column("k")
        joined = pc.binary_join(pc.cast(found, pa.list_(pa.string())), ",")
        codes, first = js.factorise(joined)
        return codes, [_element_kind(joined[int(row)].as_py() or "") for row in first]


def _element_kind(types: str) -> str:
    kinds = set(types.split(",")) - {"", "NULL"}
    if not kinds:
        return "empty"
    if kinds <= {"BIGINT", "UBIGINT"}:
        return "long"
    if kinds <= {"BIGINT", "UBIGINT", "DOUBLE"}:
        return "double"
    return {"VARCHAR": "string", "BOOLEAN": "boolean"}.get(",".join(kinds), "json")


def whole(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array."""
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
