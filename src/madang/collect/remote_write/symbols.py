"""References to a request's table of texts → series that were met before."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from madang.collect.sender_labels import SeriesError, series_labels
from madang.collect.series_table import SeriesTable
from madang.core.samples import METRIC_NAME, labels_of

# Three bytes of a varint: two million texts. What is longer is read one by one.
_BYTES_AT_ONCE = 3


class KnownSymbols:
    """Texts and series by number. The tables of requests differ; the texts in them repeat."""

    def __init__(self, table: SeriesTable) -> None:
        self._table = table
        self._numbers: dict[bytes, int] = {}
        self._texts: list[bytes] = []
        self.series: dict[bytes | None, int] = {}
        """Series by their key: the numbers of name, value, name, value… as bytes."""
        self.families: dict[int, str] = {}
        """The metric's name of a series."""

    def numbers(self, symbols: list[bytes]) -> npt.NDArray[np.int32]:
        """The number of each text of a request's table."""
        known = self._numbers
        for symbol in symbols:
            if symbol not in known:
                known[symbol] = len(self._texts)
                self._texts.append(symbol)
                self._table.note(symbol)
        return np.fromiter(map(known.__getitem__, symbols), np.int32, len(symbols))

    def learn(self, key: bytes) -> int:
        """The series of a key; from now on it is in ``series``.

        Raises:
            SeriesError: these are no labels of a series.
        """
        if (found := self.series.get(key)) is not None:
            return found
        labels = series_labels(pairs_of(self.texts(key)))
        number = self._table.number(labels)
        self.series[key] = number
        self.families[number] = sys.intern(labels_of(labels)[METRIC_NAME])
        self._table.note(key)
        return number

    def texts(self, key: bytes) -> list[bytes]:
        """The texts of a key."""
        return [self._texts[place] for place in np.frombuffer(key, np.int32).tolist()]


def pairs_of(texts: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Names and values that take turns, as pairs.

    Raises:
        SeriesError: a value is missing.
    """
    if len(texts) % 2:
        raise SeriesError("an odd number of references: a label has no value")
    return list(zip(texts[::2], texts[1::2], strict=True))


def keys_of(packed: Sequence[bytes], numbers: npt.NDArray[np.int32]) -> list[bytes | None]:
    """The keys of series whose references are given as packed varints, none of them empty.

    None: some reference is long, cut off, or to a text that is not there.
    """
    data = np.frombuffer(b"".join(packed), np.uint8)
    ends = np.cumsum(np.fromiter(map(len, packed), np.int64, len(packed)))
    last = np.flatnonzero(data < 0x80)
    if not len(last) or (data[ends - 1] >= 0x80).any() or not len(numbers):
        return [None] * len(packed)
    first = np.concatenate([[0], last[:-1] + 1])
    sizes = last - first + 1
    refs = np.zeros(len(last), np.int64)
    for place in range(min(int(sizes.max()), _BYTES_AT_ONCE)):
        has = sizes > place
        refs[has] |= (data[first[has] + place] & 0x7F).astype(np.int64) << (7 * place)
    edges = np.searchsorted(last, ends)
    wrong = (refs >= len(numbers)) | (sizes > _BYTES_AT_ONCE)
    refs[wrong] = 0
    whole = numbers[refs].tobytes()
    stops = (edges * numbers.itemsize).tolist()
    keys: list[bytes | None] = [
        whole[start:stop] for start, stop in zip([0, *stops[:-1]], stops, strict=True)
    ]
    for place in np.unique(np.searchsorted(edges, np.flatnonzero(wrong), side="right")).tolist():
        keys[place] = None
    return keys
