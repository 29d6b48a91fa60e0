"""JSON records → typed columns, with everything that fits no column in ``_rest``."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

import duckdb
import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from madang.process import shapes as js
from madang.process.contract import Contract
from madang.process.engine import Engine, identifier, literal
from madang.process.json_text import strictly_invalid, trailing_commas, type_name, why_invalid
from madang.process.layout import MAX_DEPTH, Kind, Layout, Node, Path, pointer
from madang.process.parsed import Dead, Parsed
from madang.process.rest import RECORD_KEY, RestBuilder
from madang.process.typed_text import TypedText, Wanted

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_SCALARS = (js.BOOLEAN, js.BIGINT, js.UBIGINT, js.DOUBLE, js.STRING)
_NUMBERS = (js.BIGINT, js.UBIGINT, js.DOUBLE)
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
_TRANSFORMS = {
    Kind.BOOLEAN: "BOOLEAN",
    Kind.LONG: "BIGINT",
    Kind.DOUBLE: "DOUBLE",
    Kind.STRING: "VARCHAR",
    Kind.JSON: "JSON",
}
_EXACT = 2.0**53
"""Doubles hold every integer up to here."""
_NOT_JSON = r"(?:^|[\[:,])-?(?:NaN|Infinity)"


@dataclass(slots=True)
class _Work:
    """What is known of the batch while it is decoded."""

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


class JsonRecords:
    """Reads JSON objects into the columns of a layout, which grows by their new fields.

    Args:
        engine: Runs the SQL.
        typed: Reads the text of declared columns.
        contract: What records must keep to.
    """

    def __init__(self, engine: Engine, typed: TypedText, contract: Contract | None = None) -> None:
        self._engine = engine
        self._contract = contract
        self._typed = typed

    def parse(self, text: pa.Array, layout: Layout, arrival_us: Rows) -> Parsed:
        """Columns of ``text`` (string, no nulls). New fields are added to ``layout``."""
        if self._contract is None and not trailing_commas(text):
            try:
                return self._objects(text, layout, arrival_us)
            except (js.NotAnObjectError, duckdb.InvalidInputException):
                pass  # Rare enough that looking first would cost more than starting again.
        dead, good = self._invalid(text)
        if self._contract is not None:
            kept = text.take(pa.array(good)) if dead else text
            broken = self._contract.broken(kept)
            dead += [entry._replace(row=int(good[entry.row])) for entry in broken]
            good = np.delete(good, [entry.row for entry in broken])
        if not dead:
            return self._objects(text, layout, arrival_us)
        left = self._objects(text.take(pa.array(good)), layout, arrival_us[good])
        return left.within(good, dead)

    # -- what is no JSON object ------------------------------------------------------------------

    def _invalid(self, text: pa.Array) -> tuple[list[Dead], Rows]:
        checked = self._engine.query(
            "SELECT CASE WHEN NOT json_valid(v) THEN 1::TINYINT"
            " WHEN json_type(v) <> 'OBJECT' THEN 2::TINYINT ELSE 0::TINYINT END AS c FROM t",
            t=pa.table({"v": text}),
        )
        verdict = checked.column("c").to_numpy().copy()
        for row in trailing_commas(text):
            if verdict[row] == 0 and strictly_invalid(text[row].as_py()):
                verdict[row] = 1
        if not verdict.any():
            return [], np.arange(len(text))
        dead = []
        for row in np.flatnonzero(verdict).tolist():
            record = text[row].as_py()
            if verdict[row] == 2:
                dead.append(
                    Dead(row, "not_an_object", f"a JSON {type_name(record)}, not an object")
                )
            else:
                dead.append(Dead(row, "invalid_json", why_invalid(record)))
        return dead, np.flatnonzero(verdict == 0)

    # -- objects ---------------------------------------------------------------------------------

    def _objects(self, text: pa.Array, layout: Layout, arrival_us: Rows) -> Parsed:
        found = js.ShapeFinder(self._engine, layout).find(text)
        work = _Work(text, found, arrival_us, np.zeros(found.types.shape, np.bool_))
        self._plan(work, layout)
        self._misfits(work, layout)
        self._transform(work, layout)
        rest = self._rest(work, layout)
        columns = {name: _assemble(node, work) for name, node in layout.columns.items()}
        parsed = Parsed(np.arange(len(text)), columns, rest, work.misfits)
        return parsed.without(self._not_json(work, rest, layout))

    def _plan(self, work: _Work, layout: Layout) -> None:
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
            node = self._new_column(work, index, path, counts)
            if node is not None:
                layout.add(node)
        _prune(layout.columns)

    def _new_column(
        self, work: _Work, index: int, path: Path, counts: npt.NDArray[np.int64]
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
            return Node(path, Kind.DOUBLE if per_type[js.DOUBLE] else Kind.LONG)
        if winner == "object":
            return Node(path, Kind.STRUCT if len(path) <= MAX_DEPTH else Kind.JSON)
        if winner == "array":
            return self._new_list(work, index, path)
        return Node(path, Kind.BOOLEAN if winner == "boolean" else Kind.STRING)

    def _new_list(self, work: _Work, index: int, path: Path) -> Node | None:
        rows = np.flatnonzero(work.types_of(index) == js.ARRAY)
        kinds = set(self._elements(work, rows, path)[1]) - {"", "empty"}
        if not kinds:
            return None
        if kinds <= {"long", "double"}:
            return Node(path, Kind.LIST, Kind.DOUBLE if "double" in kinds else Kind.LONG)
        if len(kinds) == 1 and kinds <= {"boolean", "string"}:
            return Node(path, Kind.LIST, Kind(kinds.pop()))
        return Node(path, Kind.JSON)

    def _elements(
        self, work: _Work, rows: Rows, path: Path
    ) -> tuple[npt.NDArray[np.int64], list[str]]:
        """What the arrays at ``path`` hold: a code per row, and a name per code."""
        part = work.text.take(pa.array(rows))
        result = self._engine.query(
            "SELECT list_sort(list_distinct(json_type(json_extract(v, "
            f"{literal(pointer(path))}), '$[*]'))) AS k FROM t",
            t=pa.table({"v": part}),
        ).column("k")
        joined = pc.binary_join(pc.cast(result, pa.list_(pa.string())), ",")
        codes, first = js.factorise(joined)
        return codes, [_element_kind(joined[int(row)].as_py() or "") for row in first]

    def _misfits(self, work: _Work, layout: Layout) -> None:
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
                fits = np.isin(column, (js.MISSING, js.NULL, *allowed))
                work.misfit[:, i] = active[:, i] & ~fits

    # -- values ----------------------------------------------------------------------------------

    def _transform(self, work: _Work, layout: Layout) -> None:
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
        result = self._engine.query(
            f"SELECT {selected} FROM (SELECT json_transform(v,"
            f" {literal(json.dumps(structure, ensure_ascii=False))}) AS t FROM x)",
            x=pa.table({"v": work.text}),
        )
        for i, leaf in enumerate(leaves):
            self._check(work, leaf, present[leaf.path], _whole(result.column(i)))

    def _check(self, work: _Work, leaf: Node, index: int, values: pa.Array) -> None:
        """Keep ``values`` of a column, without those that were changed by reading them."""
        shape_misfit = work.misfit[:, index]
        bad: Mask | None = shape_misfit[work.shapes.codes] if shape_misfit.any() else None
        types = work.shapes.types[:, index]
        doubtful: Mask | None = None
        if leaf.declared and leaf.kind not in (Kind.STRING, Kind.JSON):
            read = self._typed.read([Wanted(values, leaf.kind, True)], work.arrival_us)[0]
            values = read.values
            bad = read.wrong if bad is None else bad | read.wrong
        elif leaf.kind is Kind.LONG:
            doubtful = self._doubtful_long(work, types, index, values)
        elif leaf.kind is Kind.DOUBLE:
            doubtful = _doubtful_double(work, types, index, values)
        elif leaf.kind is Kind.LIST:
            wrong = self._wrong_lists(work, leaf, index, values)
            bad = wrong if bad is None else bad | wrong
        if doubtful is not None and doubtful.any():
            wrong = self._inexact(work, leaf, np.flatnonzero(doubtful), values)
            bad = wrong if bad is None else bad | wrong
        if bad is not None and bad.any():
            work.bad[leaf.path] = bad
            values = pc.if_else(pa.array(bad), pa.scalar(None, values.type), values)
        work.values[leaf.path] = values

    def _doubtful_long(
        self, work: _Work, types: npt.NDArray[np.uint8], index: int, values: pa.Array
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

    def _inexact(self, work: _Work, leaf: Node, rows: Rows, values: pa.Array) -> Mask:
        """Which of the doubtful numbers are not exactly what the column would hold."""
        texts = self._extract(work, rows, leaf.path)
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

    def _wrong_lists(self, work: _Work, leaf: Node, index: int, values: pa.Array) -> Mask:
        rows = np.flatnonzero(work.types_of(index) == js.ARRAY)
        wrong = np.zeros(len(work.text), np.bool_)
        if not len(rows):
            return wrong
        codes, kinds = self._elements(work, rows, leaf.path)
        assert leaf.element is not None
        fits = {leaf.element.value, "empty"} | ({"long"} if leaf.element is Kind.DOUBLE else set())
        unfit = np.array([kind not in fits for kind in kinds], np.bool_)
        wrong[rows[unfit[codes]]] = True
        if leaf.element in (Kind.LONG, Kind.DOUBLE):
            # Only numbers can fail by value: beyond 64 bits, beyond what a double holds.
            kept = rows[~unfit[codes]]
            texts = self._extract(work, kept, leaf.path)
            wrong[kept[_lists_differ(texts, values.take(pa.array(kept)), leaf.element)]] = True
        return wrong

    def _extract(self, work: _Work, rows: Rows, path: Path) -> pa.Array:
        """The JSON text of the values of ``rows`` at ``path``."""
        return _whole(
            self._engine.query(
                f"SELECT json_extract(v, {literal(pointer(path))})::VARCHAR AS x FROM t",
                t=pa.table({"v": work.text.take(pa.array(rows))}),
            ).column("x")
        )

    # -- what is left ----------------------------------------------------------------------------

    def _rest(self, work: _Work, layout: Layout) -> pa.Array:
        builder = RestBuilder(len(work.text))
        repeated = np.zeros(len(work.shapes.types), np.bool_)
        if work.shapes.repeats:
            self._keep_whole(work, builder, repeated)
        skip = repeated[work.shapes.codes] if repeated.any() else None
        rows: list[Rows] = []
        ids: list[Rows] = []
        paths: list[Path] = []

        def add(where: Rows, path: Path, *, counted: bool = True) -> None:
            if skip is not None:
                where = where[~skip[where]]
            if len(where):
                rows.append(where)
                ids.append(np.full(len(where), len(paths), np.int64))
                paths.append(path)
                if counted:
                    work.misfits[".".join(path)] += len(where)

        for i, path in enumerate(work.shapes.paths):
            bad = work.bad.get(path)
            if bad is None and work.misfit[:, i].any():
                bad = work.misfit[:, i][work.shapes.codes]
            if bad is not None:
                add(np.flatnonzero(bad), path)
        if work.shapes.extras:
            by_code = np.argsort(work.shapes.codes, kind="stable")
            bounds = np.searchsorted(
                work.shapes.codes[by_code], np.arange(len(work.shapes.types) + 1)
            )
            for shape, extra in work.shapes.extras.items():
                members = by_code[bounds[shape] : bounds[shape + 1]]
                for path in extra:
                    add(members, path)
        if rows:
            self._keep(work, builder, np.concatenate(rows), np.concatenate(ids), paths)
        return builder.build()

    def _keep(
        self, work: _Work, builder: RestBuilder, rows: Rows, ids: Rows, paths: list[Path]
    ) -> None:
        pointers = pa.array([pointer(path) for path in paths], pa.string())
        texts = _whole(
            self._engine.query(
                "SELECT json_extract(v, p)::VARCHAR AS x FROM t",
                t=pa.table(
                    {"v": work.text.take(pa.array(rows)), "p": pointers.take(pa.array(ids))}
                ),
            ).column("x")
        )
        numbers = np.array([builder.path_id(path) for path in paths], np.int64)
        builder.add(rows, numbers[ids], texts)

    def _keep_whole(self, work: _Work, builder: RestBuilder, repeated: Mask) -> None:
        """Records that repeat a key: columns take the first value, ``_rest`` the whole record."""
        for shape, path in work.shapes.repeats.items():
            repeated[shape] = True
            work.misfits[".".join(path)] += int((work.shapes.codes == shape).sum())
        rows = np.flatnonzero(repeated[work.shapes.codes])
        texts = pa.array(
            [
                orjson.dumps(record).decode()
                for record in work.text.take(pa.array(rows)).to_pylist()
            ],
            pa.string(),
        )
        identity = builder.path_id((RECORD_KEY,))
        builder.add(rows, np.full(len(rows), identity, np.int64), texts)

    def _not_json(self, work: _Work, rest: pa.Array, layout: Layout) -> list[Dead]:
        """Records with NaN or Infinity, which DuckDB reads and JSON does not have.

        Such a value is a double that no column takes, so it stands in ``rest`` or in JSON text.
        """
        texts = [rest] if rest.null_count < len(rest) else []
        for node in layout.columns.values():
            texts += [
                work.values[leaf.path]
                for leaf in node.leaves()
                if leaf.kind is Kind.JSON and leaf.path in work.values
            ]
        suspects = {row for text in texts for row in _matching(text)}
        dead = []
        for row in sorted(suspects):
            reason = strictly_invalid(work.text[row].as_py())
            if reason:
                dead.append(Dead(row, "invalid_json", reason))
        return dead


def _matching(values: pa.Array) -> list[int]:
    found = pc.fill_null(pc.match_substring_regex(values, _NOT_JSON), False)
    return [int(row) for row in np.flatnonzero(found.to_numpy(zero_copy_only=False))]


def _assemble(node: Node, work: _Work) -> pa.Array:
    """The column of ``node`` from its leaves' values."""
    size = len(work.text)
    if node.kind is not Kind.STRUCT:
        values = work.values.get(node.path)
        if values is None:
            return pa.nulls(size, node.type())
        return values if values.type == node.type() else values.cast(node.type())
    children = list(node.children.values())
    if node.path not in work.shapes.paths:
        return pa.nulls(size, node.type())
    types = work.types_of(work.shapes.paths.index(node.path))
    return pa.StructArray.from_arrays(
        [_assemble(child, work) for child in children],
        fields=[child.field() for child in children],
        mask=pa.array(types != js.OBJECT),
    )


def _transform_type(leaf: Node) -> object:
    if leaf.kind is Kind.LIST:
        assert leaf.element is not None
        return [_TRANSFORMS[leaf.element]]
    if leaf.declared and leaf.kind is not Kind.JSON:
        return "VARCHAR"
    return _TRANSFORMS.get(leaf.kind, "VARCHAR")


def _doubtful_double(
    work: _Work, types: npt.NDArray[np.uint8], index: int, values: pa.Array
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


def _lists_differ(texts: pa.Array, values: pa.Array, element: Kind) -> Mask:
    """Which lists of numbers are not what their JSON text says."""
    differ = np.zeros(len(values), np.bool_)
    flat = values.flatten()
    parents = pc.list_parent_indices(values).to_numpy(zero_copy_only=False)
    if element is Kind.LONG:
        doubtful = flat.is_null().to_numpy(zero_copy_only=False)
    else:
        with np.errstate(invalid="ignore"):
            doubtful = ~(np.abs(flat.to_numpy(zero_copy_only=False)) < _EXACT)
    for row in np.unique(parents[doubtful]):
        wanted = json.loads(texts[int(row)].as_py(), parse_int=str, parse_float=str)
        got = values[int(row)].as_py()
        differ[row] = len(wanted) != len(got) or any(
            (text is None) != (number is None)
            or (text is not None and not _same_number(text, number))
            for text, number in zip(wanted, got, strict=True)
        )
    return differ


def _element_kind(types: str) -> str:
    kinds = set(types.split(",")) - {"", "NULL"}
    if not kinds:
        return "empty"
    if kinds <= {"BIGINT", "UBIGINT"}:
        return "long"
    if kinds <= {"BIGINT", "UBIGINT", "DOUBLE"}:
        return "double"
    return {"VARCHAR": "string", "BOOLEAN": "boolean"}.get(",".join(kinds), "json")


def _prune(siblings: dict[str, Node]) -> None:
    """Take away new structs that got no field: Iceberg has no empty ones."""
    for name, node in list(siblings.items()):
        if node.kind is Kind.STRUCT:
            _prune(node.children)
            if not node.children and node.arrow is None:
                del siblings[name]


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
