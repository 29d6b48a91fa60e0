"""The series of a target's pages, numbered: from a line's text to a number that stays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from madang.collect.exposition.numbers import label_float
from madang.collect.exposition.page import MetricType
from madang.collect.exposition.problem import MalformedPageError
from madang.collect.exposition.series_text import METRIC, SeriesText

_NAME_PIECE = re.compile(rb",?([a-zA-Z_][a-zA-Z0-9_]*)=")
_METRIC_NAME = b"__name__"
_SHAPES, _SHAPE_BYTES = 1000, 4096  # how many are kept, and of lines of what length
FLOAT_LABELS = {MetricType.HISTOGRAM: b"le", MetricType.SUMMARY: b"quantile"}
"""The label that is written anew, as OpenMetrics writes floats, by the type in force."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """Label names in the order of a line: how to write its values canonically."""

    template: bytes
    order: Any  # itemgetter over (values…, metric name): bytes or a tuple
    float_at: int  # place of `le` or `quantile` among the values, or -1


class KnownSeries:
    """Series by their canonical labels; they are numbered as they come.

    Labels that differ only in the way they are written are one series.
    """

    def __init__(self) -> None:
        self.labels: list[bytes] = []
        self.blanks: dict[int, tuple[bytes, ...]] = {}
        """Names of labels that a series was written with whose value is empty: they are no labels,
        but with ``honor_labels`` they keep those of the target away."""
        self._places: dict[bytes, int] = {}
        self._shapes: dict[tuple[bytes, ...], _Shape | None] = {}

    def __len__(self) -> int:
        return len(self.labels)

    def place(self, canonical: bytes) -> int:
        """The number of a series, new or known."""
        place = self._places.get(canonical)
        if place is None:
            place = self._places[canonical] = len(self.labels)
            self.labels.append(canonical)
        return place

    def place_of(self, text: SeriesText, at: int, float_label: bytes | None = None) -> int:
        """The number of a series that was read label by label, on the line that begins at ``at``.

        Raises:
            MalformedPageError: a label is given twice.
        """
        pairs = [(_METRIC_NAME, text.name), *text.pairs]
        if float_label is not None:
            pairs = [(n, label_float(v)) if n == float_label else (n, v) for n, v in pairs]
        return self.place_of_pairs(pairs, at)

    def place_of_pairs(self, pairs: Sequence[tuple[bytes, bytes]], at: int) -> int:
        """The number of the series of these labels, ``__name__`` among them; ``at`` as above.

        Raises:
            MalformedPageError: a label is given twice.
        """
        place = self.place(canonical_bytes(pairs, at))
        blanks = tuple(name for name, value in pairs if not value)
        if blanks:
            self.blanks[place] = blanks
        return place

    def place_of_name(self, name: bytes) -> int | None:
        """The number of a series without labels, or None if that is no plain name."""
        if METRIC.fullmatch(name) is None:
            return None
        return self.place(_METRIC_NAME + b"\xff" + name)

    def place_of_plain(self, head: bytes, float_label: bytes | None = None) -> int | None:
        r"""The number of a series that is written in the common way, or None.

        That is ``name{a="x",b="y"} `` without blanks, escapes or empty values, in valid UTF-8:
        between the quotes then stand names and values by turns, and lines of the same names differ
        only in the values.
        """
        brace = head.find(b"{")
        if brace < 0 or head[-3:] != b'"} ' or b"\\" in head:
            return None
        pieces = head[brace + 1 : -2].split(b'"')
        key = (*pieces[::2], float_label or b"")
        try:
            shape = self._shapes[key]
        except KeyError:
            shape = _shape(pieces[:-1:2], pieces[-1], float_label)
            if len(self._shapes) >= _SHAPES:  # names that change with every line
                self._shapes.clear()
            if len(head) <= _SHAPE_BYTES:
                self._shapes[key] = shape
        name = head[:brace]
        values = pieces[1::2]
        if shape is None or b"" in values or METRIC.fullmatch(name) is None:
            return None
        if shape.float_at >= 0:
            values[shape.float_at] = label_float(values[shape.float_at])
        values.append(name)
        return self.place(shape.template % shape.order(values))

    def keep(self, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
        """Forget all other series; returns the new number of each old one, -1 where forgotten."""
        places = np.where(kept, np.cumsum(kept, dtype=np.int64) - 1, -1).astype(np.int32)
        self.labels = [self.labels[place] for place in np.flatnonzero(kept).tolist()]
        self._places = {label: place for place, label in enumerate(self.labels)}
        self.blanks = {int(places[old]): one for old, one in self.blanks.items() if kept[old]}
        return places


def canonical_bytes(pairs: Sequence[tuple[bytes, bytes]], at: int) -> bytes:
    """What ``canonical_labels`` writes, of labels that are bytes.

    Raises:
        MalformedPageError: at ``at``, a name occurs twice.
    """
    if len({name for name, _ in pairs}) != len(pairs):
        seen: set[bytes] = set()
        for name, _ in pairs:
            if name in seen:
                raise MalformedPageError(f"the label {name.decode()!r} is given twice", at)
            seen.add(name)
    return b"\xff".join([part for pair in sorted(pairs) if pair[1] for part in pair])


def _shape(name_pieces: list[bytes], last: bytes, float_label: bytes | None) -> _Shape | None:
    names = []
    for place, piece in enumerate(name_pieces):
        match = _NAME_PIECE.fullmatch(piece)
        if match is None or piece.startswith(b",") != (place > 0):
            return None
        names.append(match[1])
    if last or len(set(names)) != len(names) or _METRIC_NAME in names:
        return None
    all_names = [*names, _METRIC_NAME]
    order = sorted(range(len(all_names)), key=all_names.__getitem__)
    template = b"\xff".join(all_names[place] + b"\xff%b" for place in order)
    float_at = names.index(float_label) if float_label in names else -1
    return _Shape(template, itemgetter(*order), float_at)


@dataclass(slots=True)
class PageCache:
    """What is remembered of a target from page to page; one for each target, one page at a time.

    Not safe for use by several threads at once.
    """

    known: KnownSeries = field(default_factory=KnownSeries)
    texts: dict[object, dict[bytes, Any]] = field(default_factory=dict)
    """By the label that is in force as a float, or another rule: a line's text → its series."""
    layout: object = None
    """The page before, as its format keeps it, if the next may be compared with it."""

    def __len__(self) -> int:
        """How many series are known."""
        return len(self.known)

    def compact(self, kept: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """Forget series that have gone, so that a target whose series change stays small.

        Worth it when fewer than half of the known series are in the pages.

        Args:
            kept: bool [len(cache)]: which to keep.

        Returns:
            int32 [old length]: the new place of each series in ``Page.labels``, -1 where forgotten.
        """
        places = self.known.keep(np.asarray(kept, np.bool_))
        self.texts.clear()
        self.layout = None
        return places
