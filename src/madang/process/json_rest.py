"""What of JSON records fits no column: kept in ``_rest``, exactly as it was written."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from madang.lake.tally import Misfit, Tally, added, put
from madang.process.engine import literal, whole
from madang.process.json_text import strictly_invalid
from madang.process.json_work import JsonWork, Mask
from madang.process.layout import Kind, Layout, Path, pointer
from madang.process.misfits import misfits_of, repeated_key
from madang.process.parsed import Dead, Rows
from madang.process.rest import RECORD_KEY, RestBuilder

_SPARSE = 8
"""Up to this many times more values are read than wanted, rather than a record more than once."""
_PART_BYTES = 2**27
_NOT_JSON = r"(?:^|[\[:,])-?(?:NaN|Infinity)"


class JsonRest:
    """Builds ``_rest`` of one batch."""

    def __init__(self, work: JsonWork, layout: Layout) -> None:
        self._work = work
        self._layout = layout
        self._builder = RestBuilder(len(work.text))
        self._rows: list[Rows] = []
        self._ids: list[Rows] = []
        self._paths: list[Path] = []
        self.dead: list[Dead] = []
        """Records with NaN or Infinity, which DuckDB reads and JSON does not have."""
        self.misfits: dict[Misfit, Tally] = {}
        """What stands in ``_rest`` of the records that do not die."""

    def build(self) -> pa.Array:
        """The column: string, a JSON object or null per row. Counts the misfits."""
        work, shapes = self._work, self._work.shapes
        repeated = np.zeros(len(shapes.types), np.bool_)
        repeated[list(shapes.repeats)] = True
        skip = repeated[shapes.codes] if shapes.repeats else None
        for i, path in enumerate(shapes.paths):
            bad = work.bad.get(path)
            if bad is None and work.misfit[:, i].any():
                bad = work.misfit[:, i][shapes.codes]
            if bad is not None:
                self._add(np.flatnonzero(bad), path, skip)
        if self._rows:
            self._keep(np.concatenate(self._rows), np.concatenate(self._ids))
        for parent, members in shapes.extras.items():
            if self._is_column(parent):
                has_extras = np.zeros(len(shapes.types), np.bool_)
                has_extras[members] = True
                self._keep_extras(parent, np.flatnonzero((has_extras & ~repeated)[shapes.codes]))
        if skip is not None:
            self._keep_whole(np.flatnonzero(skip))
        rest = self._builder.build()
        self._find_constants(rest)
        dead = [entry.row for entry in self.dead]
        self.misfits = added(self.misfits, misfits_of(self._builder, self._layout, without=dead))
        return rest

    def _is_column(self, parent: Path) -> bool:
        # An object that is no column stands in the rest itself, with all that it holds.
        for depth in range(1, len(parent) + 1):
            node = self._layout.find(parent[:depth])
            if node is None or node.kind is not Kind.STRUCT:
                return False
        return True

    def _add(self, rows: Rows, path: Path, skip: Mask | None) -> None:
        if skip is not None:
            rows = rows[~skip[rows]]
        if len(rows):
            self._rows.append(rows)
            self._ids.append(np.full(len(rows), len(self._paths), np.int64))
            self._paths.append(path)

    def _keep(self, rows: Rows, ids: Rows) -> None:
        distinct, inverse = np.unique(rows, return_inverse=True)
        dense = len(rows) * _SPARSE >= len(distinct) * len(self._paths)
        texts = self._dense(distinct, inverse, ids) if dense else self._sparse(rows, ids)
        numbers = np.array([self._builder.path_id(path) for path in self._paths], np.int64)
        self._store(rows, numbers[ids], texts)

    def _dense(self, distinct: Rows, inverse: Rows, ids: Rows) -> pa.Array:
        """Every path of every row, read once a row, then those that are wanted."""
        pointers = ", ".join(literal(pointer(path)) for path in self._paths)
        lists = self._query(
            f"SELECT json_extract(v, [{pointers}])::VARCHAR[] AS x FROM t",
            {"v": self._work.text.take(pa.array(distinct))},
        )
        return lists.flatten().take(pa.array(inverse * len(self._paths) + ids))

    def _sparse(self, rows: Rows, ids: Rows) -> pa.Array:
        """One path at a time, in parts: each repeats the text of its record."""
        pointers = pa.array([pointer(path) for path in self._paths], pa.string())
        sizes = pc.binary_length(self._work.text).to_numpy(zero_copy_only=False)[rows]
        parts = np.cumsum(sizes.astype(np.int64)) // _PART_BYTES
        cuts = [0, *(np.flatnonzero(np.diff(parts)) + 1).tolist(), len(rows)]
        texts = [
            self._query(
                "SELECT json_extract(v, p)::VARCHAR AS x FROM t",
                {
                    "v": self._work.text.take(pa.array(rows[begin:end])),
                    "p": pointers.take(pa.array(ids[begin:end])),
                },
            )
            for begin, end in pairwise(cuts)
        ]
        return pa.concat_arrays(texts)

    def _keep_extras(self, parent: Path, rows: Rows) -> None:
        """All fields of the object at ``parent`` that were not asked for."""
        probed = [path[-1] for path in self._work.shapes.paths if path[:-1] == parent]
        inner = f"json_extract(v, {literal(pointer(parent))})" if parent else "v"
        found = self._work.engine.query(
            "SELECT map_keys(m) AS k, map_values(m)::VARCHAR[] AS x FROM"
            f" (SELECT from_json({inner}, '\"MAP(VARCHAR,JSON)\"') AS m FROM t)",
            t=pa.table({"v": self._work.text.take(pa.array(rows))}),
        )
        keys, texts = whole(found.column("k")), whole(found.column("x"))
        owners = np.repeat(rows, pc.list_value_length(keys).to_numpy(zero_copy_only=False))
        names, values = keys.flatten(), texts.flatten()
        known = pc.is_in(names, value_set=pa.array(probed, pa.string()))
        wanted = np.flatnonzero(~known.to_numpy(zero_copy_only=False))
        encoded = names.take(pa.array(wanted)).dictionary_encode()
        numbers = np.array(
            [self._builder.path_id((*parent, name)) for name in encoded.dictionary.to_pylist()],
            np.int64,
        )
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        self._store(owners[wanted], numbers[codes], values.take(pa.array(wanted)))

    def _store(self, rows: Rows, numbers: Rows, texts: pa.Array) -> None:
        """Keep the texts that are not null."""
        there = pc.fill_null(pc.not_equal(texts, "null"), False).to_numpy(zero_copy_only=False)
        keep = np.flatnonzero(there)
        self._builder.add(rows[keep], numbers[keep], texts.take(pa.array(keep)))

    def _query(self, sql: str, columns: dict[str, pa.Array]) -> pa.Array:
        return whole(self._work.engine.query(sql, t=pa.table(columns)).column("x"))

    def _keep_whole(self, rows: Rows) -> None:
        """Records that repeat a key: columns take the first value, ``_rest`` the whole record."""
        work = self._work
        records = work.text.take(pa.array(rows)).to_pylist()
        texts = pa.array([orjson.dumps(record).decode() for record in records], pa.string())
        identity = self._builder.path_id((RECORD_KEY,))
        self._builder.add(rows, np.full(len(rows), identity, np.int64), texts)
        for row, record in zip(rows.tolist(), records, strict=True):
            reason = strictly_invalid(record)
            if reason is not None:
                self.dead.append(Dead(row, "invalid_json", reason))
                continue
            repeated = work.shapes.repeats[int(work.shapes.codes[row])]
            put(self.misfits, repeated_key(repeated), Tally(1))

    def _find_constants(self, rest: pa.Array) -> None:
        # NaN is a double that no column takes, so it stands in the rest or in JSON text.
        texts = [rest] if rest.null_count < len(rest) else []
        for node in self._layout.columns.values():
            texts += [
                self._work.values[leaf.path]
                for leaf in node.leaves()
                if leaf.kind is Kind.JSON and leaf.path in self._work.values
            ]
        known = {entry.row for entry in self.dead}
        for row in sorted({row for text in texts for row in _matching(text)} - known):
            reason = strictly_invalid(self._work.text[row].as_py())
            if reason is not None:
                self.dead.append(Dead(row, "invalid_json", reason))


def _matching(values: pa.Array) -> list[int]:
    found = pc.fill_null(pc.match_substring_regex(values, _NOT_JSON), False)
    return [int(row) for row in np.flatnonzero(found.to_numpy(zero_copy_only=False))]
