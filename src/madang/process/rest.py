"""``_rest``: what fits no column, as one JSON object a row, in the shape that the record had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from madang.process.layout import Path

RECORD_KEY = "_record"
"""Key of ``_rest`` that holds a whole record as text, where an object of it repeats a key."""


class Kept(NamedTuple):
    """JSON texts, each of a row and, by its number, of a path."""

    rows: npt.NDArray[np.int64]
    paths: npt.NDArray[np.int64]
    texts: pa.Array


class RestBuilder:
    """Collects (row, path, JSON text) and builds the column."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._row_parts: list[npt.NDArray[np.int64]] = []
        self._path_parts: list[npt.NDArray[np.int64]] = []
        self._texts: list[pa.Array] = []
        self._paths: list[Path] = []
        self._path_ids: dict[Path, int] = {}

    def path_id(self, path: Path) -> int:
        """A number for ``path``."""
        return self._path_ids.setdefault(path, self._new(path))

    def _new(self, path: Path) -> int:
        if path not in self._path_ids:
            self._paths.append(path)
            return len(self._paths) - 1
        return self._path_ids[path]

    def add(
        self, rows: npt.NDArray[np.int64], path_ids: npt.NDArray[np.int64], texts: pa.Array
    ) -> None:
        """Keep ``texts`` (JSON, one per pair) of ``rows`` under their paths."""
        self._row_parts.append(rows)
        self._path_parts.append(path_ids)
        self._texts.append(texts)

    @property
    def paths(self) -> Sequence[Path]:
        """The paths, by number."""
        return self._paths

    def kept(self) -> Kept:
        """Everything that was added."""
        if not self._row_parts:
            nothing = np.zeros(0, np.int64)
            return Kept(nothing, nothing, pa.nulls(0, pa.string()))
        return Kept(
            np.concatenate(self._row_parts),
            np.concatenate(self._path_parts),
            pa.concat_arrays([text.cast(pa.string()) for text in self._texts]),
        )

    def build(self) -> pa.Array:
        """The column: string, one JSON object or null per row."""
        if not self._row_parts:
            return pa.nulls(self._rows, pa.string())
        rows, paths, texts = self.kept()
        order = np.lexsort((paths, rows))
        rows, paths, texts = rows[order], paths[order], texts.take(pa.array(order))
        present = texts.is_valid().to_numpy(zero_copy_only=False)
        if not present.all():
            keep = np.flatnonzero(present)
            rows, paths, texts = rows[keep], paths[keep], texts.take(pa.array(keep))
        return self._objects(rows, paths, texts)

    def _objects(
        self, rows: npt.NDArray[np.int64], paths: npt.NDArray[np.int64], texts: pa.Array
    ) -> pa.Array:
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        if not len(starts):
            return pa.nulls(self._rows, pa.string())
        nested = np.array([len(path) > 1 for path in self._paths], np.bool_)
        is_nested = np.logical_or.reduceat(nested[paths], starts)
        sizes = np.diff(starts, append=len(rows))
        flat, deep = np.flatnonzero(~is_nested), np.flatnonzero(is_nested)
        parts = []
        if len(flat):
            parts.append(self._flat(starts[flat], sizes[flat], paths, texts))
        if len(deep):
            parts.append(self._nested(starts[deep], sizes[deep], paths, texts))
        place = np.full(self._rows, -1, np.int64)
        place[rows[starts[np.concatenate([flat, deep])]]] = np.arange(len(starts))
        return pa.concat_arrays(parts).take(pa.array(place, mask=place < 0))

    def _flat(
        self,
        starts: npt.NDArray[np.int64],
        sizes: npt.NDArray[np.int64],
        paths: npt.NDArray[np.int64],
        texts: pa.Array,
    ) -> pa.Array:
        """Objects with values at the top only, ``sizes`` of them from ``starts`` on."""
        ends = np.cumsum(sizes)
        members = np.repeat(starts - (ends - sizes), sizes) + np.arange(ends[-1])
        names = pa.array([orjson.dumps(path[0]).decode() + ":" for path in self._paths])
        nothing = pa.scalar("", pa.string())
        pairs = pc.binary_join_element_wise(
            names.take(pa.array(paths[members])), texts.take(pa.array(members)), nothing
        )
        offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
        inner = pc.binary_join(pa.ListArray.from_arrays(offsets, pairs), ",")
        return pc.binary_join_element_wise(pa.scalar("{"), inner, pa.scalar("}"), nothing)

    def _nested(
        self,
        starts: npt.NDArray[np.int64],
        sizes: npt.NDArray[np.int64],
        paths: npt.NDArray[np.int64],
        texts: pa.Array,
    ) -> pa.Array:
        """Objects within objects: rows with the same set of paths share one template."""
        ends = np.cumsum(sizes)
        members = np.repeat(starts - (ends - sizes), sizes) + np.arange(ends[-1])
        weights = _spread(np.arange(len(self._paths), dtype=np.uint64))
        signature = np.add.reduceat(weights[paths[members]], ends - sizes)
        _, first, codes = np.unique(signature, return_index=True, return_inverse=True)
        by_code = np.argsort(codes, kind="stable")
        bounds = np.searchsorted(codes[by_code], np.arange(len(first) + 1))
        parts: list[pa.Array] = []
        for code, example in enumerate(first):
            rows = by_code[bounds[code] : bounds[code + 1]]
            begin, size = starts[example], int(sizes[example])
            pieces: list[pa.Array | pa.Scalar] = []
            for constant, slot in _template([self._paths[i] for i in paths[begin : begin + size]]):
                pieces.append(pa.scalar(constant, pa.string()))
                if slot is not None:
                    pieces.append(texts.take(pa.array(starts[rows] + slot)))
            parts.append(pc.binary_join_element_wise(*pieces, pa.scalar("", pa.string())))
        order = np.empty(len(by_code), np.int64)
        order[by_code] = np.arange(len(by_code))
        return pa.concat_arrays(parts).take(pa.array(order))


def _template(paths: Sequence[Path]) -> list[tuple[str, int | None]]:
    """Constants and the slot of the value behind each, of an object with values at ``paths``."""
    tree: dict[str, object] = {}
    for slot, path in enumerate(paths):
        node = tree
        for name in path[:-1]:
            child = node.setdefault(name, {})
            assert isinstance(child, dict)
            node = child
        node[path[-1]] = slot
    out: list[tuple[str, int | None]] = []
    pending = _write(tree, "", out)
    out.append((pending, None))
    return out


def _write(tree: dict[str, object], pending: str, out: list[tuple[str, int | None]]) -> str:
    pending += "{"
    for index, (name, value) in enumerate(tree.items()):
        pending += ("," if index else "") + orjson.dumps(name).decode() + ":"
        if isinstance(value, dict):
            pending = _write(value, pending, out)
        else:
            assert isinstance(value, int)
            out.append((pending, value))
            pending = ""
    return pending + "}"


def _spread(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Splitmix64: numbers whose sums tell sets apart."""
    with np.errstate(over="ignore"):
        mixed = (values + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))
