"""Label sets taken apart: per label name, which series have it, and with which value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from madang.core.distinct import distinct
from madang.metrics.head.growing import GrowingArray

Refs = npt.NDArray[np.int32]
"""Series of one block, by their place in it."""

_SEPARATOR = 0xFF
_FEW = 4
"""Values are looked at one by one where so many times more would be to be looked at in all."""


class Matcher(Protocol):
    """What a selector asks of one label."""

    @property
    def name(self) -> str:
        """The label's name."""
        ...

    @property
    def among(self) -> frozenset[str] | None:
        """All values that are meant, if there are few; None: only ``matches`` tells."""
        ...

    def matches(self, value: str) -> bool:
        """Whether a value is meant; the empty one stands for no label."""
        ...

    def matches_each(self, values: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which of some values are meant."""
        ...


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A column at some moment: ``texts`` and ``known`` may go on growing behind it."""

    refs: Refs
    codes: npt.NDArray[np.int32]
    texts: Sequence[str]
    known: Mapping[str, int]

    def having(self, matcher: Matcher) -> Refs:
        """The series whose value, not empty, is meant."""
        listed = self._listed(matcher)
        if listed is not None:
            return self.refs[_in(self.codes, listed)]
        return self.refs[matcher.matches_each(self.texts[:])[self.codes]]

    def filter(self, refs: Refs, matcher: Matcher) -> Refs:
        """Those of ``refs`` whose value is meant; the empty one where they lack the label."""
        found = self.codes_of(refs)
        listed = self._listed(matcher)
        if listed is not None:
            return refs[_in(found, [*listed, -1] if matcher.matches("") else listed)]
        # The last place is that of the empty value: code -1.
        meant = np.append(self._meant(matcher, found), matcher.matches(""))
        kept: Refs = refs[meant[found]]
        return kept

    def codes_of(self, refs: Refs) -> npt.NDArray[np.int32]:
        """The code of each series' value, -1 where it lacks the label."""
        if not len(self.refs):
            return np.full(len(refs), -1, np.int32)
        places = np.minimum(np.searchsorted(self.refs, refs), len(self.refs) - 1)
        return np.where(self.refs[places] == refs, self.codes[places], np.int32(-1))

    def _listed(self, matcher: Matcher) -> list[int] | None:
        """The codes of the values that a matcher lists."""
        if matcher.among is None:
            return None
        return [self.known[value] for value in matcher.among if value in self.known]

    def _meant(self, matcher: Matcher, codes: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """By code, which values are meant, looked at only as far as the codes occur."""
        texts = self.texts[:]
        if len(codes) * _FEW > len(texts):
            return matcher.matches_each(texts)
        used = distinct(codes)
        used = used[used >= 0]
        meant = np.zeros(len(texts), np.bool_)
        meant[used] = matcher.matches_each([texts[code] for code in used.tolist()])
        return meant


def _in(codes: npt.NDArray[np.int32], listed: Sequence[int]) -> npt.NDArray[np.bool_]:
    if len(listed) == 1:
        one: npt.NDArray[np.bool_] = codes == listed[0]
        return one
    return np.isin(codes, np.array(listed, np.int32))


@dataclass(frozen=True, slots=True)
class LabelPart:
    """What a column gained: series, codes of their values, and new texts."""

    refs: Refs
    codes: npt.NDArray[np.int32]
    texts: Sequence[str]


@dataclass(slots=True)
class LabelColumn:
    """The series that have a label, ascending, and the codes of its values.

    ``texts[code]`` is the value. A series without the label is as one with the empty value.
    """

    refs: GrowingArray[np.int32] = field(default_factory=lambda: GrowingArray(np.int32))
    codes: GrowingArray[np.int32] = field(default_factory=lambda: GrowingArray(np.int32))
    texts: list[str] = field(default_factory=list)
    known: dict[str, int] = field(default_factory=dict)

    def since(self, refs: int, texts: int) -> LabelPart:
        """What was added behind the first ``refs`` series of the block and ``texts`` texts."""
        begin = int(np.searchsorted(self.refs.values, refs))
        return LabelPart(self.refs.values[begin:], self.codes.values[begin:], self.texts[texts:])

    def retained(self, live: Refs) -> LabelColumn:
        """The same for some series only (ascending), and the texts that they need."""
        kept = np.isin(self.refs.values, live, assume_unique=True)
        used, codes = np.unique(self.codes.values[kept], return_inverse=True)
        column = LabelColumn()
        texts = [self.texts[code] for code in used.tolist()]
        column.add(LabelPart(self.refs.values[kept], codes.astype(np.int32), texts))
        return column

    def add(self, part: LabelPart) -> None:
        """Add what ``since`` gave of another column that was like this one."""
        for text in part.texts:
            self.known[text] = len(self.texts)
            self.texts.append(text)
        self.refs.extend(part.refs)
        self.codes.extend(part.codes)

    def extend(self, refs: Refs, values: pa.StringArray) -> None:
        """Add series, whose refs are beyond those that are there."""
        encoded = values.dictionary_encode()
        codes = np.empty(len(encoded.dictionary), np.int32)
        for place, text in enumerate(encoded.dictionary.to_pylist()):
            code = self.known.setdefault(text, len(self.texts))
            if code == len(self.texts):
                self.texts.append(text)
            codes[place] = code
        self.refs.extend(refs)
        self.codes.extend(codes[encoded.indices.to_numpy()])

    def view(self) -> ColumnView:
        """What it holds now; it stays as it is when series are added."""
        return ColumnView(self.refs.values, self.codes.values, self.texts, self.known)


def take_apart(
    labels: Sequence[bytes], first_ref: int
) -> Iterator[tuple[str, Refs, pa.StringArray]]:
    """Label sets by label name.

    Args:
        labels: As ``canonical_labels`` writes them.
        first_ref: The ref of the first one; the others follow.

    Yields:
        A name, the series that have it (ascending) and their values.

    Raises:
        ValueError: they are no labels.
    """
    refs, parts = _parts(labels, first_ref)
    if not len(parts):
        return
    names, values = parts[::2].dictionary_encode(), parts[1::2]
    order = np.argsort(names.indices.to_numpy(), kind="stable").astype(np.int32)
    counts = np.bincount(names.indices.to_numpy(), minlength=len(names.dictionary))
    begin = 0
    for name, count in zip(names.dictionary.to_pylist(), counts.tolist(), strict=True):
        places = order[begin : begin + count]
        yield name, refs[places], values.take(pa.array(places))
        begin += count


def are_labels(labels: bytes) -> bool:
    """Whether ``take_apart`` would take them."""
    try:
        _parts([labels], 0)
    except ValueError:
        return False
    return True


def _parts(labels: Sequence[bytes], first_ref: int) -> tuple[Refs, pa.StringArray]:
    """All names and values in one array, and the series of each pair."""
    filled = [text for text in labels if text]
    if not filled:
        return np.empty(0, np.int32), pa.array([], pa.string())
    owners = np.fromiter((bool(text) for text in labels), np.bool_, len(labels)).nonzero()[0]
    data = np.frombuffer(b"\xff".join(filled), np.uint8)
    separators = np.flatnonzero(data == _SEPARATOR)
    ends = np.append(separators, len(data))
    sizes = np.fromiter(map(len, filled), np.int64, len(filled))
    behind = np.cumsum(sizes + 1) - 1  # where the separator behind each label set stands
    counts = np.diff(np.searchsorted(ends, behind), prepend=-1)
    if np.any(counts % 2):
        bad = filled[int(np.flatnonzero(counts % 2)[0])]
        raise ValueError(f"{bad!r} is no list of labels: a name without its value")
    offsets = np.zeros(len(ends) + 1, np.int32)
    offsets[1:] = ends - np.arange(len(ends))
    text = pa.py_buffer(data[data != _SEPARATOR].tobytes())
    parts = pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), text)
    try:
        parts.validate(full=True)
    except pa.ArrowInvalid as error:
        raise ValueError(f"labels that are not UTF-8: {error}") from None
    refs = np.repeat(owners.astype(np.int32) + np.int32(first_ref), counts // 2)
    return refs, parts
