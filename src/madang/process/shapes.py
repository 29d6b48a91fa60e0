"""The distinct shapes of JSON records: which fields they have and of which JSON type.

A batch of a million records has a handful of shapes. Every decision about types, new columns and
misfits is taken per shape; the values then move in bulk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.process.engine import Engine, literal, whole
from madang.process.layout import MAX_DEPTH, MAX_LEAVES, Kind, Layout, Path, pointer

MISSING, NULL, BOOLEAN, BIGINT, UBIGINT, DOUBLE, STRING, ARRAY, OBJECT = range(9)
"""JSON types of a value; ``UBIGINT`` is a non-negative integer below 2^64."""
_NAMES = pa.array(
    ["NULL", "BOOLEAN", "BIGINT", "UBIGINT", "DOUBLE", "VARCHAR", "ARRAY", "OBJECT"], pa.string()
)
_SAMPLE = 512
"""Rows that are looked at first, so that most fields are known before a large batch is read."""
_LARGE = 16_384
_SMALL = 1536
"""Rows up to which one query is quicker than two that do less."""
_MAX_KNOWN = 128
"""Leaf columns up to which all of a table's fields are asked for from the start."""


_BLOCK_BYTES = 2**17
"""Bytes that are looked at at once; they stay in the cache."""
_QUOTE, _COLON, _SPACE = 0x22, 0x3A, 0x20


_Beyond = tuple[list[Path], Path | None]
"""Paths that are not probed, and the first path that occurs twice."""


class NotAnObjectError(ValueError):
    """A record is JSON, but no object."""


@dataclass(slots=True)
class Shapes:
    """The shapes of a batch.

    ``codes[row]`` is the shape of a row. ``types[shape, i]`` is the JSON type at ``paths[i]``; a
    parent stands before its children. ``extras`` names, per object, the shapes in which it has
    fields beyond ``paths``; ``repeats``, per shape whose records repeat a key, the first such path.
    ``opened``: the objects whose fields were looked into.
    """

    codes: npt.NDArray[np.int64]
    types: npt.NDArray[np.uint8]
    paths: list[Path]
    opened: set[Path]
    extras: dict[Path, list[int]] = field(default_factory=dict)
    repeats: dict[int, Path] = field(default_factory=dict)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Rows per shape."""
        return np.bincount(self.codes, minlength=len(self.types)).astype(np.int64)


class ShapeFinder:
    """Finds the shapes of one batch: asks for the table's fields, then for those that it meets."""

    def __init__(self, engine: Engine, layout: Layout) -> None:
        self._engine = engine
        self._layout = layout
        self._paths: list[Path] = []
        self._known: set[Path] = set()
        self._opened: list[Path] = [()]
        self._new = 0
        # A wide table's fields are found by the records' keys instead.
        known = layout.columns.values() if layout.leaves <= _MAX_KNOWN else ()
        for node in known:
            self._remember(node.path)
            for leaf in node.leaves():
                for depth in range(2, len(leaf.path) + 1):
                    self._remember(leaf.path[:depth])

    def find(self, text: pa.Array) -> Shapes:
        """The shapes of JSON objects.

        Raises:
            NotAnObjectError: a text is JSON, but no object.
            duckdb.InvalidInputException: a text is no JSON.
        """
        if len(text) > _LARGE:
            self._explore(text.slice(0, _SAMPLE))
        return self._explore(text)

    def _remember(self, path: Path) -> bool:
        if path in self._known:
            return False
        if self._layout.find(path) is None:
            if self._new >= MAX_LEAVES - self._layout.leaves:
                return False
            self._new += 1
        self._known.add(path)
        self._paths.append(path)
        node = self._layout.find(path)
        if node is not None and node.kind is Kind.STRUCT:
            self._opened.append(path)
        return True

    def _explore(self, text: pa.Array) -> Shapes:
        most_keys = count_keys(text)
        while True:
            shapes = self._probe(text)
            grown = self._open(shapes)
            if not grown:
                # Where there cannot be more keys than were found, there are no others.
                doubted = np.flatnonzero(most_keys != _found_keys(shapes)[shapes.codes])
                grown = bool(len(doubted)) and self._refine(text, shapes, doubted)
            if not grown:
                return shapes

    def _probe(self, text: pa.Array) -> Shapes:
        types = self._types()
        small = len(text) <= _SMALL
        probed = self._engine.query(
            f"SELECT hash({types}) AS h{f', {types} AS t' if small else ''} FROM t",
            t=pa.table({"v": text}),
        )
        codes, first = factorise(probed.column("h"))
        if small:
            examples = probed.column("t").take(pa.array(first))
        else:
            examples = self._engine.query(
                f"SELECT {types} AS t FROM t", t=pa.table({"v": text.take(pa.array(first))})
            ).column("t")
        names = whole(examples).flatten()
        matrix = (
            pc.fill_null(pc.add(pc.index_in(names, value_set=_NAMES), 1), 0)
            .to_numpy(zero_copy_only=False)
            .astype(np.uint8)
            .reshape(len(first), len(self._paths) + 1)
        )
        if (matrix[:, 0] != OBJECT).any():
            raise NotAnObjectError
        # Decisions go path by path, so the types of one path lie together.
        matrix = np.asfortranarray(matrix[:, 1:])
        return Shapes(codes, matrix, list(self._paths), set(self._opened))

    def _types(self) -> str:
        probes = ",".join(literal(pointer(path)) for path in self._paths)
        return f"json_type(v, ['$'{',' if probes else ''}{probes}])"

    def _keys(self) -> str:
        opened = ",".join(literal(pointer(path) or "$") for path in self._opened)
        return f"json_keys(v, [{opened}])"

    def _open(self, shapes: Shapes) -> bool:
        """Look into objects of fields that have no column yet; whether there were any."""
        opened = set(self._opened)
        grown = False
        for i, path in enumerate(shapes.paths):
            if path in opened or len(path) > MAX_DEPTH or not (shapes.types[:, i] == OBJECT).any():
                continue
            if self._layout.find(path) is None and self._layout.declared_kind(path) is None:
                self._opened.append(path)
                grown = True
        return grown

    def _refine(self, text: pa.Array, shapes: Shapes, rows: npt.NDArray[np.int64]) -> bool:
        """Name the keys that rows have beyond the probed ones; whether probes grew."""
        keys = self._keys()
        part = text.take(pa.array(rows))
        hashed = self._engine.query(
            f"SELECT hash({keys}) AS h FROM t", t=pa.table({"v": part})
        ).column("h")
        key_codes, first = factorise(hashed)
        lists = (
            self._engine.query(
                f"SELECT {keys} AS k FROM e", e=pa.table({"v": part.take(pa.array(first))})
            )
            .combine_chunks()
            .column("k")
            .to_pylist()
        )
        beyond = [self._beyond(entry) for entry in lists]
        grown = False
        for more, _ in beyond:
            for path in more:
                if self._layout.admits(path) and self._remember(path):
                    grown = True
        if not grown:
            _split(shapes, rows, key_codes, beyond)
        return grown

    def _beyond(self, lists: Sequence[Sequence[str] | None]) -> _Beyond:
        """Keys of the opened objects that are not probed, and the first that one repeats."""
        paths: list[Path] = []
        repeated: Path | None = None
        for parent, keys in zip(self._opened, lists, strict=True):
            if not keys:
                continue
            distinct = dict.fromkeys(keys)
            if len(distinct) < len(keys) and repeated is None:
                repeated = (*parent, Counter(keys).most_common(1)[0][0])
            paths += [(*parent, name) for name in distinct if (*parent, name) not in self._known]
        return paths, repeated


def count_keys(text: pa.Array) -> npt.NDArray[np.int64]:
    """At least how many keys each JSON text could have, exact where no string holds ``":``.

    Every key is followed by a quote and a colon, with white space between them at most; a string
    that holds the like makes the count too high, never too low.

    Args:
        text: JSON texts, string [n], no nulls.

    Returns:
        Counts, int64 [n].
    """
    offsets = np.frombuffer(text.buffers()[1], np.int32)[text.offset : text.offset + len(text) + 1]
    if not len(text) or offsets[0] == offsets[-1]:
        return np.zeros(len(text), np.int64)
    data = np.frombuffer(text.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    found = []
    for start in range(0, len(data), _BLOCK_BYTES):
        colons = np.flatnonzero(data[start : start + _BLOCK_BYTES] == _COLON) + start
        before = data[np.maximum(colons, 1) - 1]
        found.append(colons[(before == _QUOTE) | (before <= _SPACE)])
    keys: npt.NDArray[np.int64] = np.diff(
        np.searchsorted(np.concatenate(found), offsets - offsets[0])
    )
    return keys


def _found_keys(shapes: Shapes) -> npt.NDArray[np.int64]:
    """How many of the probed keys the records of each shape have."""
    present = shapes.types != MISSING
    index_of = {path: i for i, path in enumerate(shapes.paths)}
    for i, path in enumerate(shapes.paths):
        if len(path) > 1:
            # Of an array, ``/0`` is an element and no key.
            parent = index_of[path[:-1]]
            present[:, i] &= present[:, parent] & (shapes.types[:, parent] == OBJECT)
    counts: npt.NDArray[np.int64] = present.sum(axis=1)
    return counts


def _split(
    shapes: Shapes,
    rows: npt.NDArray[np.int64],
    key_codes: npt.NDArray[np.int64],
    beyond: list[_Beyond],
) -> None:
    """Give each combination of a shape and its further keys a shape of its own."""
    pairs = shapes.codes[rows] * (int(key_codes.max()) + 1) + key_codes
    distinct, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    base = len(shapes.types)
    more = shapes.types[shapes.codes[rows[first]]]
    shapes.types = np.asfortranarray(np.concatenate([shapes.types, more]))
    for new, example in enumerate(first):
        paths, repeated = beyond[int(key_codes[example])]
        for parent in {path[:-1] for path in paths}:
            shapes.extras.setdefault(parent, []).append(base + new)
        if repeated is not None:
            shapes.repeats[base + new] = repeated
    assert len(distinct) == len(first)
    shapes.codes[rows] = base + inverse


def factorise(
    values: pa.ChunkedArray,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Codes of equal values, numbered by first appearance, and the first row of each."""
    encoded = pc.dictionary_encode(whole(values) if isinstance(values, pa.ChunkedArray) else values)
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    first = np.empty(len(encoded.dictionary), np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return codes, first
