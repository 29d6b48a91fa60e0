"""What follows a series on its line: the value, a time, in OpenMetrics an exemplar."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from operator import attrgetter

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from madang.collect.exposition.known import canonical_bytes
from madang.collect.exposition.layout import Layout, Lines
from madang.collect.exposition.numbers import (
    INT64_MAX,
    NotANumberError,
    Offsets,
    milliseconds,
    parse_float,
    parse_floats,
    slices,
    whole_milliseconds,
)
from madang.collect.exposition.page import NO_TIMESTAMP, Exemplar
from madang.collect.exposition.problem import MalformedPageError, shown_at
from madang.collect.exposition.series_text import Grammar, read_exemplar_labels

_TEXT_TAIL = re.compile(rb"[ \t]*([^{ \t\n]+)(?:[ \t]+([0-9]+))?[ \t]*")
_WORD = re.compile(rb"[^ \n]+")
_EXEMPLAR_CHARACTERS = 128
_MOSTLY = 0.7
"""Above this part of tails that changed, all are read rather than those alone."""
_SAFE_DIGITS = 18
"""So many digits always fit into 64 bits."""


@dataclass(slots=True)
class Tails:
    """Values, float64 [n]; times, int64 [n] with ``NO_TIMESTAMP``, or None; exemplars.

    ``exact`` has the times of OpenMetrics as they are written, in seconds, by place.
    """

    values: npt.NDArray[np.float64]
    ts_ms: npt.NDArray[np.int64] | None = None
    exemplars: list[Exemplar] = field(default_factory=list)
    exact: dict[int, Decimal] = field(default_factory=dict)


def read_tails(body: bytes, starts: Offsets, ends: Offsets, grammar: Grammar) -> Tails:
    """Read ``body[starts[i]:ends[i]]``, in bulk as far as they are plain.

    Raises:
        MalformedPageError: at the first that cannot be read, or near it.
    """
    texts = slices(body, starts, ends)
    raw = texts.buffers()[2] if len(texts) else None
    data = np.frombuffer(raw, np.uint8) if raw is not None and raw.size else np.empty(0, np.uint8)
    blanks = np.flatnonzero(data <= 32)
    try:
        if len(blanks) == 0:
            return Tails(parse_floats(texts))
        offsets = np.frombuffer(texts.buffers()[1], np.int32)[: len(texts) + 1]
        return _with_blanks(
            body, starts, ends, data=data, offsets=offsets, blanks=blanks, grammar=grammar
        )
    except NotANumberError as error:
        at = int(starts[error.place])
        raise MalformedPageError(f"expected a value: {error.reason}", at) from None


def read_changed(
    lines: Lines,
    layout: Layout,
    changed: npt.NDArray[np.bool_],
    grammar: Grammar,
) -> Tails:
    """The tails of a page whose keys are those of the layout; unchanged ones are not read."""
    samples = layout.samples
    starts = lines.starts[samples] + layout.key_sizes[samples]
    ends = lines.ends[samples]
    if layout.values is None or np.count_nonzero(changed) > _MOSTLY * len(samples):
        return read_tails(lines.body, starts, ends, grammar=grammar)
    places = np.flatnonzero(changed)
    some = read_tails(lines.body, starts[places], ends[places], grammar=grammar)
    if some.ts_ms is not None:
        return read_tails(lines.body, starts, ends, grammar)
    values = layout.values.copy()
    values[places] = some.values
    exemplars = [old for old in layout.exemplars if not changed[old.place]]
    exemplars += [replace(new, place=int(places[new.place])) for new in some.exemplars]
    return Tails(values, exemplars=sorted(exemplars, key=attrgetter("place")))


def _with_blanks(
    body: bytes,
    starts: Offsets,
    ends: Offsets,
    *,
    data: npt.NDArray[np.uint8],
    offsets: Offsets,
    blanks: npt.NDArray[np.intp],
    grammar: Grammar,
) -> Tails:
    """``value time`` in bulk; lines with more blanks, and OpenMetrics' own, one by one."""
    count = len(starts)
    tail_of = np.searchsorted(offsets, blanks, side="right") - 1
    blanks_in = np.bincount(tail_of, minlength=count)
    timed = blanks_in[tail_of] == 1
    timed &= (blanks > offsets[tail_of]) & (blanks < offsets[tail_of + 1] - 1)
    if grammar is Grammar.TEXT:
        timed &= (data[blanks] == ord(" ")) | (data[blanks] == ord("\t"))
        timed &= offsets[tail_of + 1] - blanks - 1 <= _SAFE_DIGITS
    else:  # the strict rules are about times as they are written: one by one
        timed &= (data[blanks] == ord(" ")) & (grammar is Grammar.OPENMETRICS)
    timed_tails, cuts = tail_of[timed], blanks[timed].astype(np.int32)
    buffer = data.tobytes()
    times = _times(slices(buffer, cuts + 1, offsets[timed_tails + 1]), grammar)
    if times is None:
        timed_tails, cuts, times = timed_tails[:0], cuts[:0], np.empty(0, np.int64)
    value_ends = offsets[1:].copy()
    value_ends[timed_tails] = cuts
    in_bulk = blanks_in == 0
    in_bulk[timed_tails] = True
    bulk = np.flatnonzero(in_bulk)
    tails = Tails(np.empty(count, np.float64), np.full(count, NO_TIMESTAMP, np.int64))
    try:
        tails.values[bulk] = parse_floats(slices(buffer, offsets[bulk], value_ends[bulk]))
    except NotANumberError as error:
        raise NotANumberError(int(bulk[error.place]), error.reason) from None
    assert tails.ts_ms is not None
    tails.ts_ms[timed_tails] = times
    is_strict = grammar is Grammar.OPENMETRICS_STRICT
    for place in np.flatnonzero(~in_bulk).tolist():
        start, end = int(starts[place]), int(ends[place])
        if grammar is Grammar.TEXT:
            _read_text(body, start, end, place, tails)
        else:
            _read_openmetrics(body, start, end, place, tails, strict=is_strict)
    if (tails.ts_ms == NO_TIMESTAMP).all():
        tails.ts_ms = None
    return tails


def _times(texts: pa.StringArray, grammar: Grammar) -> npt.NDArray[np.int64] | None:
    """Times in milliseconds, or None if there is a text that is none."""
    if grammar is not Grammar.TEXT:
        try:
            seconds = parse_floats(texts)
        except NotANumberError:
            return None
        return whole_milliseconds(seconds) if np.isfinite(seconds).all() else None
    if len(texts):
        digits = np.frombuffer(texts.buffers()[2], np.uint8)
        if ((digits < ord("0")) | (digits > ord("9"))).any():
            return None
    times: npt.NDArray[np.int64] = texts.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return times


def _read_text(body: bytes, at: int, end: int, place: int, tails: Tails) -> None:
    match = _TEXT_TAIL.fullmatch(body, at, end)
    if match is None:
        expected = "expected a value, and at most a time in milliseconds behind it"
        raise MalformedPageError(f"{expected}, found {shown_at(body, at, 40)}", at)
    tails.values[place] = _value(body, match.start(1), match.end(1), "a value")
    if match[2] is not None and tails.ts_ms is not None:
        # More digits than fit are not even turned into a number.
        digits = match[2].lstrip(b"0") or b"0"
        if len(digits) > _SAFE_DIGITS + 1 or int(digits) > INT64_MAX:
            raise MalformedPageError("the time is beyond 64 bits", match.start(2))
        tails.ts_ms[place] = int(digits)


def _read_openmetrics(
    body: bytes, at: int, end: int, place: int, tails: Tails, *, strict: bool
) -> None:
    stop = _word_end(body, at, end, "a value")
    tails.values[place] = _value(body, at, stop, "a value")
    at = stop
    if at < end and body[at : at + 2] != b" #":
        stop = _word_end(body, at + 1, end, "a time")
        seconds = _value(body, at + 1, stop, "a time in seconds", finite=True)
        if tails.ts_ms is not None:
            tails.ts_ms[place] = milliseconds(seconds)
        if strict:
            tails.exact[place] = _exactly(body, at + 1, stop)
        at = stop
    if at == end:
        return
    if body[at : at + 4] != b" # {":
        found = shown_at(body, at + 1)
        raise MalformedPageError(f"expected the end of the line or ' # {{', found {found}", at)
    exemplar, size = _read_exemplar(body, at + 4, end, place, strict=strict)
    if exemplar is None:
        return  # as Prometheus does: the sample stays
    if size <= _EXEMPLAR_CHARACTERS:
        tails.exemplars.append(exemplar)
    elif strict:
        limit = f"an exemplar's labels have at most {_EXEMPLAR_CHARACTERS} characters"
        raise MalformedPageError(f"{limit}, found {size}", at + 4)


def _read_exemplar(
    body: bytes, labels_at: int, end: int, place: int, *, strict: bool
) -> tuple[Exemplar | None, int]:
    """An exemplar from behind its brace to the line's end; and the characters of its labels.

    None is one that has a label twice, if that is not an error.
    """
    grammar = Grammar.OPENMETRICS_STRICT if strict else Grammar.OPENMETRICS
    pairs, at = read_exemplar_labels(body, labels_at, grammar)
    size = sum(len(part.decode()) for pair in pairs for part in pair)
    if body[at : at + 1] != b" ":
        raise MalformedPageError(f"expected one blank, found {shown_at(body, at)}", at)
    stop = _word_end(body, at + 1, end, "an exemplar's value")
    value = _value(body, at + 1, stop, "an exemplar's value")
    ts_ms = None
    if stop < end:
        at, stop = stop + 1, _word_end(body, stop + 1, end, "an exemplar's time")
        ts_ms = milliseconds(_value(body, at, stop, "an exemplar's time", finite=True))
        if stop < end:
            raise MalformedPageError("expected the end of the line", stop)
    try:
        return Exemplar(place, canonical_bytes(pairs, labels_at), value, ts_ms), size
    except MalformedPageError:
        if strict:
            raise
        return None, size


def _exactly(body: bytes, at: int, end: int) -> Decimal:
    try:
        return Decimal(body[at:end].decode())
    except InvalidOperation:  # an exponent of more digits than a number has
        raise MalformedPageError("expected a time in seconds: too small a number", at) from None


def _word_end(body: bytes, at: int, end: int, expected: str) -> int:
    match = _WORD.match(body, at, end)
    if match is None:
        raise MalformedPageError(f"expected {expected}, found {shown_at(body, at)}", at)
    return match.end()


def _value(body: bytes, at: int, end: int, expected: str, *, finite: bool = False) -> float:
    try:
        value = parse_float(body[at:end])
    except ValueError as error:
        raise MalformedPageError(f"expected {expected}: {error}", at) from None
    if finite and not math.isfinite(value):
        raise MalformedPageError(f"expected {expected}, found {shown_at(body, at)}", at)
    return value
