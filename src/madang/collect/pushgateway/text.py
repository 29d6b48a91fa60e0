r"""Pushed text 0.0.4 → families: what a Pushgateway's own parser accepts and refuses.

That is another one than the parser of scraped pages: a page must end with a line feed, metadata
stand once and before their samples, and escapes are strict, as are lines' ends (no ``\r``).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from madang.collect.pushed import shown
from madang.collect.pushgateway.messages import (
    COUNTER,
    GAUGE,
    GAUGE_HISTOGRAM,
    HISTOGRAM,
    HISTOGRAMS,
    SUMMARY,
    UNTYPED,
    VALUE_FIELDS,
    new_family,
)
from madang.collect.wire_messages import AnyMessage
from madang.core.errors import InvalidInputError, Place
from madang.core.utf8 import is_utf8

_METRIC = re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(rb"[a-zA-Z_][a-zA-Z0-9_]*")
_BLANKS = re.compile(rb"[ \t]*")
_WORD = re.compile(rb"[^ \t]*")
_QUOTED = re.compile(rb'"((?:[^\\"]|\\.)*+)"', re.DOTALL)
_ESCAPE = re.compile(rb"\\(.?)", re.DOTALL)
_FLOAT = re.compile(
    rb"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf(?:inity)?)|nan", re.IGNORECASE
)
_INTEGER = re.compile(rb"[+-]?[0-9]{1,18}")
_COMMENT = re.compile(rb"#[ \t]*(HELP|TYPE)[ \t]+")
_TYPES = {
    b"COUNTER": COUNTER,
    b"GAUGE": GAUGE,
    b"SUMMARY": SUMMARY,
    b"UNTYPED": UNTYPED,
    b"HISTOGRAM": HISTOGRAM,
    b"GAUGE_HISTOGRAM": GAUGE_HISTOGRAM,
    b"GAUGEHISTOGRAM": GAUGE_HISTOGRAM,
}
_COUNT_LIMIT = 2.0**64
_RESERVED = b"__name__"

Pairs = list[tuple[bytes, bytes]]


def parse_text(body: bytes, *, utf8_names: bool = False) -> dict[bytes, AnyMessage]:
    """The families of a page, by name; those without samples are left out.

    Args:
        body: The page, decompressed.
        utf8_names: Whether names (in quotes) may hold any signs.

    Raises:
        InvalidInputError: the page is refused whole; ``where`` has the line.
    """
    reading = _Reading(utf8_names=utf8_names)
    lines = body.split(b"\n")
    last = lines.pop()
    try:
        for line in lines:
            reading.line += 1
            reading.read(line)
        if last.strip(b" \t"):
            reading.line += 1
            raise _TextError("unexpected end of input stream")  # noqa: TRY301 -- told like others
    except _TextError as error:
        message = f"text format parsing error in line {reading.line}: {error}"
        raise InvalidInputError(message, where=Place("body", reading.line)) from None
    return reading.families()


class _TextError(Exception):
    """What is wrong with a line."""


@dataclass(slots=True)
class _OpenFamily:
    message: AnyMessage
    kind: int | None = None
    has_help: bool = False
    composed: dict[tuple[tuple[bytes, bytes], ...], AnyMessage] = field(default_factory=dict)
    """Summaries and histograms by their labels: many lines make one."""


class _Reading:
    def __init__(self, *, utf8_names: bool) -> None:
        self.line = 0
        self._utf8_names = utf8_names
        self._families: dict[bytes, _OpenFamily] = {}

    def families(self) -> dict[bytes, AnyMessage]:
        found = {}
        for name, family in self._families.items():
            if family.message.metric:
                for metric in family.composed.values():
                    if metric.HasField("histogram"):
                        _one_kind_of_counts(metric.histogram)
                found[name] = family.message
        return found

    def read(self, line: bytes) -> None:
        at = _end(_BLANKS, line, 0)
        if at == len(line):
            return
        if line[at] == 0x23:  # a number sign
            self._comment(line, at)
        else:
            self._sample(line, at)

    def _comment(self, line: bytes, at: int) -> None:
        match = _COMMENT.match(line, at)
        if match is None or match.end() == len(line):
            return
        name, at = self._name(line, match.end(), _METRIC)
        if at == len(line):
            return
        if line[at] not in b" \t":
            raise _TextError("invalid metric name in comment")
        family, _ = self._family(name)
        text = line[_end(_BLANKS, line, at) :]
        if not text:
            return
        if match[1] == b"HELP":
            if family.has_help:
                raise _TextError(f"second HELP line for metric name {quoted(name)}")
            family.has_help = True
            family.message.help = _unescaped(text)
            return
        if family.kind is not None:
            raise _TextError(
                f"second TYPE line for metric name {quoted(name)}, or TYPE reported after samples"
            )
        kind = _TYPES.get(text.upper())
        if kind is None:
            raise _TextError(f"unknown metric type {quoted(text)}")
        family.kind = family.message.type = kind

    def _sample(self, line: bytes, at: int) -> None:
        name = b""
        if line[at] != 0x7B:  # a brace
            name, at = self._name(line, at, _METRIC)
            if not name:
                raise _TextError("invalid metric name")
            at = _end(_BLANKS, line, at)
        pairs: Pairs = []
        if line[at : at + 1] == b"{":
            name, pairs, at = self._labels(line, at + 1, name)
        if not name:
            raise _TextError("invalid metric name")
        word_end = _end(_WORD, line, at)
        family, suffix = self._family(name)
        if family.kind is None:
            family.kind = family.message.type = UNTYPED
        value = _number(line[at:word_end], "value")
        metric = self._metric(family, pairs, suffix, value)
        if word_end < len(line):
            metric.timestamp_ms = _timestamp(line, word_end)

    def _metric(self, family: _OpenFamily, pairs: Pairs, suffix: bytes, value: float) -> AnyMessage:
        kind = family.kind
        assert kind is not None
        own = b"quantile" if kind == SUMMARY else b"le" if kind in HISTOGRAMS else None
        bound = math.nan
        if own is not None:
            for label, text in pairs:
                if label == own:
                    bound = _number(text, f"value for '{own.decode()}' label")
            pairs = [pair for pair in pairs if pair[0] != own]
        if len({label for label, _ in pairs}) < len(pairs):
            name = quoted(family.message.name)
            raise _TextError(f"duplicate label names for metric {name}")
        if own is None:
            metric = _add_metric(family.message, pairs)
            getattr(metric, VALUE_FIELDS[kind]).value = value
            return metric
        key = tuple(sorted(pairs))
        metric = family.composed.get(key)
        if metric is None:
            metric = family.composed[key] = _add_metric(family.message, pairs)
        if kind == SUMMARY:
            _add_to_summary(metric.summary, suffix, bound, value)
        else:
            _add_to_histogram(metric.histogram, suffix, bound, value, family.message.name)
        return metric

    def _family(self, name: bytes) -> tuple[_OpenFamily, bytes]:
        """The family that a line is of, and its suffix if that makes it a part of one."""
        found = self._families.get(name)
        if found is not None:
            return found, b""
        for suffix in (b"_count", b"_sum", b"_bucket"):
            if name.endswith(suffix) and name != suffix:
                whole = self._families.get(name[: -len(suffix)])
                if whole is not None and (
                    whole.kind in HISTOGRAMS or (whole.kind == SUMMARY and suffix != b"_bucket")
                ):
                    return whole, suffix
        family = self._families[name] = _OpenFamily(new_family(name, UNTYPED))
        return family, b""

    def _labels(self, line: bytes, at: int, name: bytes) -> tuple[bytes, Pairs, int]:
        pairs: Pairs = []
        within = not name
        while True:
            at = _end(_BLANKS, line, at)
            if line[at : at + 1] == b"}":
                return name, pairs, _end(_BLANKS, line, at + 1)
            label, at = self._name(line, at, _METRIC if within and not name else _LABEL)
            if not label:
                raise _TextError(f"invalid label name for metric {quoted(name)}")
            at = _end(_BLANKS, line, at)
            following = line[at : at + 1]
            if following != b"=":
                if not within:
                    raise _TextError(f"expected '=' after label name, found {quoted(following)}")
                if name:
                    raise _TextError(f"multiple metric names for metric {quoted(name)}")
                if following not in (b",", b"}"):
                    raise _TextError(f"unexpected end of metric name {quoted(label)}")
                name = label
            else:
                value, at = self._label_value(line, _end(_BLANKS, line, at + 1), label)
                pairs.append((label, value))
                at = _end(_BLANKS, line, at)
                following = line[at : at + 1]
                if following not in (b",", b"}"):
                    raise _TextError(f"unexpected end of label value {quoted(value)}")
            if following == b",":
                at += 1

    def _label_value(self, line: bytes, at: int, label: bytes) -> tuple[bytes, int]:
        if label == _RESERVED:
            raise _TextError('label name "__name__" is reserved')
        if not self._utf8_names and _LABEL.fullmatch(label) is None:
            raise _TextError(f"invalid label name {quoted(label)}")
        if line[at : at + 1] != b'"':
            found = quoted(line[at : at + 1])
            raise _TextError(f"expected '\"' at start of label value, found {found}")
        value, at = _in_quotes(line, at, "label value")
        if not is_utf8(value):
            raise _TextError(f"invalid label value {quoted(value)}")
        return value, at

    def _name(self, line: bytes, at: int, plain: re.Pattern[bytes]) -> tuple[bytes, int]:
        """A name, plain or in quotes, and where it ends; empty if there is none."""
        match = plain.match(line, at)
        if match is not None:
            return match[0], match.end()
        if line[at : at + 1] != b'"':
            return b"", at
        name, at = _in_quotes(line, at, "name")
        if not self._utf8_names and plain.fullmatch(name) is None:
            raise _TextError(f"invalid name {quoted(name)}")
        if not is_utf8(name):
            raise _TextError(f"invalid name {quoted(name)}")
        return name, at


def _add_metric(family: AnyMessage, pairs: Pairs) -> AnyMessage:
    metric = family.metric.add()
    for name, value in pairs:
        metric.label.add(name=name, value=value)
    return metric


def _add_to_summary(summary: AnyMessage, suffix: bytes, bound: float, value: float) -> None:
    summary.SetInParent()
    if suffix == b"_count":
        if not 0 <= value < _COUNT_LIMIT:
            raise _TextError(f"a summary's count cannot be {value:g}")
        summary.sample_count = int(value)
    elif suffix == b"_sum":
        summary.sample_sum = value
    elif not math.isnan(bound):
        summary.quantile.add(quantile=bound, value=value)


def _add_to_histogram(
    histogram: AnyMessage, suffix: bytes, bound: float, value: float, name: bytes
) -> None:
    histogram.SetInParent()
    whole = 0 <= value < _COUNT_LIMIT and value == int(value)
    if suffix == b"_sum":
        histogram.sample_sum = value
    elif suffix == b"_count":
        if value < 0:
            raise _TextError(f"negative count for histogram {quoted(name)}")
        if whole:
            histogram.sample_count = int(value)
        else:
            histogram.sample_count_float = value
    elif not math.isnan(bound):
        if value < 0:
            raise _TextError(f"negative bucket population for histogram {quoted(name)}")
        bucket = histogram.bucket.add(upper_bound=bound)
        if whole:
            bucket.cumulative_count = int(value)
        else:
            bucket.cumulative_count_float = value


def _one_kind_of_counts(histogram: AnyMessage) -> None:
    """If one count of a histogram is a fraction, all are kept as such."""
    if not histogram.sample_count_float and not any(
        bucket.cumulative_count_float for bucket in histogram.bucket
    ):
        return
    if not histogram.sample_count_float:
        histogram.sample_count_float = float(histogram.sample_count)
        histogram.sample_count = 0
    for bucket in histogram.bucket:
        if not bucket.cumulative_count_float:
            bucket.cumulative_count_float = float(bucket.cumulative_count)
            bucket.cumulative_count = 0


def _number(text: bytes, what: str) -> float:
    if _FLOAT.fullmatch(text) is None:
        raise _TextError(f"expected float as {what}, got {quoted(text)}")
    number = float(text)
    if math.isinf(number) and b"n" not in text.lower():  # beyond a double
        raise _TextError(f"expected float as {what}, got {quoted(text)}")
    return number


def _timestamp(line: bytes, at: int) -> int:
    at = _end(_BLANKS, line, at)
    end = _end(_WORD, line, at)
    text = line[at:end]
    if _INTEGER.fullmatch(text) is None:
        raise _TextError(f"expected integer as timestamp, got {quoted(text)}")
    if end < len(line):
        raise _TextError(f"spurious string after timestamp: {quoted(line[end:])}")
    return int(text)


def _in_quotes(line: bytes, at: int, what: str) -> tuple[bytes, int]:
    match = _QUOTED.match(line, at)
    if match is None:
        raise _TextError(f"{what} {quoted(line[at + 1 :])} contains unescaped new-line")
    return _unescaped(match[1]), match.end()


def _unescaped(text: bytes) -> bytes:
    if b"\\" not in text:
        return text
    return _ESCAPE.sub(_escaped_sign, text)


def _escaped_sign(match: re.Match[bytes]) -> bytes:
    sign = match[1]
    if sign == b"n":
        return b"\n"
    if sign not in (b"\\", b'"'):
        raise _TextError(f"invalid escape sequence {quoted(match[0])}")
    return sign


def _end(pattern: re.Pattern[bytes], line: bytes, at: int) -> int:
    match = pattern.match(line, at)
    assert match is not None
    return match.end()


def quoted(text: bytes) -> str:
    """The beginning of a text in quotes, on one line, whatever its bytes."""
    return '"' + shown(text).replace('"', '\\"') + '"'
