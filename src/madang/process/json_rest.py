"""What of JSON records fits no column: kept in ``_rest``, exactly as it was written."""

from __future__ import annotations

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from madang.process.json_text import strictly_invalid
from madang.process.json_work import JsonWork, Mask, whole
from madang.process.layout import Kind, Layout, Path, pointer
from madang.process.parsed import Dead, Rows
from madang.process.rest import RECORD_KEY, RestBuilder

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
        for members, paths in self._extras():
            for path in paths:
                self._add(members, path, skip)
        if self._rows:
            self._keep(np.concatenate(self._rows), np.concatenate(self._ids))
        if skip is not None:
            self._keep_whole(np.flatnonzero(skip))
        rest = self._builder.build()
        self._find_constants(rest)
        return rest

    def _extras(self) -> list[tuple[Rows, list[Path]]]:
        """Rows and their fields beyond the probed ones, where the parent is a column."""
        shapes = self._work.shapes
        if not shapes.extras:
            return []
        by_code = np.argsort(shapes.codes, kind="stable")
        bounds = np.searchsorted(shapes.codes[by_code], np.arange(len(shapes.types) + 1))
        found = []
        for shape, extra in shapes.extras.items():
            members = by_code[bounds[shape] : bounds[shape + 1]]
            found.append((members, [path for path in extra if self._has_parent(path)]))
        return found

    def _has_parent(self, path: Path) -> bool:
        # A parent that is no column stands in the rest itself, with all that it holds.
        for depth in range(1, len(path)):
            node = self._layout.find(path[:depth])
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
        work = self._work
        pointers = pa.array([pointer(path) for path in self._paths], pa.string())
        pairs = pa.table({"v": work.text.take(pa.array(rows)), "p": pointers.take(pa.array(ids))})
        texts = whole(
            work.engine.query(
                "SELECT nullif(json_extract(v, p)::VARCHAR, 'null') AS x FROM t", t=pairs
            ).column("x")
        )
        numbers = np.array([self._builder.path_id(path) for path in self._paths], np.int64)
        self._builder.add(rows, numbers[ids], texts)
        counts = np.bincount(ids[texts.is_valid().to_numpy(zero_copy_only=False)])
        for path, count in zip(self._paths, counts.tolist(), strict=False):
            if count:
                work.misfits[".".join(path)] += count

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
            work.misfits[".".join(work.shapes.repeats[int(work.shapes.codes[row])])] += 1

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
