"""The series of an index at some moment, for any thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from madang.core.distinct import distinct
from madang.metrics.head.label_columns import ColumnView, Matcher, Refs
from madang.metrics.matcher import Labels

_NO_REFS = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True)
class SeriesView:
    """All series, ascending, their numbers, and their labels by name."""

    refs: Refs
    ids: npt.NDArray[np.int64]
    columns: Mapping[str, ColumnView]

    @property
    def names(self) -> list[str]:
        """The label names that occur, sorted."""
        return sorted(self.columns)

    def select(self, matchers: Iterable[Matcher]) -> Refs:
        """The series that all matchers accept, ascending."""
        # The narrowest first: the others look only at what it leaves.
        wanted = sorted(matchers, key=lambda one: (one.matches(""), one.among is None))
        refs: Refs | None = None
        for matcher in wanted:
            column = self.columns.get(matcher.name)
            if column is None:
                if not matcher.matches(""):
                    return _NO_REFS
            elif refs is not None:
                refs = column.filter(refs, matcher)
            elif not matcher.matches(""):
                refs = column.having(matcher)
            else:
                refs = column.filter(self.refs, matcher)
        return self.refs if refs is None else refs

    def ids_of(self, refs: Refs) -> npt.NDArray[np.int64]:
        """The numbers of series that are known."""
        found: npt.NDArray[np.int64] = self.ids[np.searchsorted(self.refs, refs)]
        return found

    def labels(self, refs: Refs) -> list[Labels]:
        """The labels of series."""
        found: list[Labels] = [()] * len(refs)
        codes = [(name, self.columns[name].codes_of(refs)) for name in self.names]
        codes = [(name, one) for name, one in codes if np.any(one >= 0)]
        for places in _alike([one >= 0 for _, one in codes]):
            columns = []
            for name, one in codes:
                if one[places[0]] >= 0:
                    texts = self.columns[name].texts
                    columns.append([(name, texts[code]) for code in one[places].tolist()])
            for place, pairs in zip(places.tolist(), zip(*columns, strict=True), strict=False):
                found[place] = pairs
        return found

    def values(self, name: str, refs: Refs | None = None) -> Sequence[str]:
        """The values of a label, each once, in any order: of all series, or of some."""
        column = self.columns.get(name)
        if column is None:
            return []
        if refs is None:
            return column.texts[:]
        codes = distinct(column.codes_of(refs))
        return [column.texts[code] for code in codes[codes >= 0].tolist()]

    def names_of(self, refs: Refs) -> list[str]:
        """The label names that some series have, sorted."""
        return [name for name in self.names if np.any(self.columns[name].codes_of(refs) >= 0)]


def _alike(have: Sequence[npt.NDArray[np.bool_]]) -> Iterator[npt.NDArray[np.int64]]:
    """The places at which all of ``have`` are alike, together."""
    if not have:
        return
    packed = np.ascontiguousarray(np.packbits(np.array(have), axis=0).T)
    rows = packed.view(np.dtype((np.void, packed.shape[1])))[:, 0]
    _, kinds = np.unique(rows, return_inverse=True)
    order = np.argsort(kinds, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(kinds[order])) + 1)
