"""Pieces of lines that both text formats write alike: series, numbers, escapes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from madang.collect.exposition.numbers import format_float
from madang.collect.exposition.series_text import LABEL, METRIC

_REMEMBERED_BYTES = 4096
_PLAIN_FROM, _PLAIN_BELOW = 1e-4, 1e6  # where Python writes floats as Go does


def series_name(labels: bytes) -> bytes:
    """The metric's name among canonical labels; empty if there is none."""
    parts = labels.split(b"\xff")
    try:
        return parts[2 * parts[::2].index(b"__name__") + 1]
    except ValueError:
        return b""


def series_text(labels: bytes) -> bytes:
    """Canonical labels as a line begins: ``name{label="value"}``; odd names stand in quotes."""
    parts = labels.split(b"\xff") if labels else []
    values = parts[1::2]
    if b"\\" in labels or b'"' in labels or b"\n" in labels:
        values = [escaped(value) for value in values]
    templates = _templates if len(labels) <= _REMEMBERED_BYTES else _templates.__wrapped__
    name_at, plain, quoted = templates(tuple(parts[::2]))
    if name_at < 0:
        return quoted % (b"", *values)
    name = values.pop(name_at)
    if METRIC.fullmatch(name) is None:
        return quoted % (name, *values)
    return plain % (name, *values)


@lru_cache(maxsize=1024)
def _templates(names: tuple[bytes, ...]) -> tuple[int, bytes, bytes]:
    """Of series with these labels: where the metric's name is, and both ways to write them."""
    items = [
        label_name(name).replace(b"%", b"%%") + b'="%b"' for name in names if name != b"__name__"
    ]
    plain = b"%b{" + b",".join(items) + b"}" if items else b"%b"
    name_at = names.index(b"__name__") if b"__name__" in names else -1
    return name_at, plain, b"{" + b",".join([b'"%b"', *items]) + b"}"


def labels_text(labels: bytes) -> bytes:
    """Canonical labels of an exemplar, in braces."""
    parts = labels.split(b"\xff") if labels else []
    pairs = zip(parts[::2], parts[1::2], strict=True)
    items = (label_name(label) + b'="' + escaped(value) + b'"' for label, value in pairs)
    return b"{" + b",".join(items) + b"}"


def family_name(name: bytes) -> bytes:
    """A name as it stands in lines of metadata."""
    return name if METRIC.fullmatch(name) else b'"' + escaped(name) + b'"'


def label_name(name: bytes) -> bytes:
    """A label's name, in quotes if it is no plain word."""
    return name if LABEL.fullmatch(name) else b'"' + escaped(name) + b'"'


def escaped(text: bytes) -> bytes:
    """What stands between double quotes."""
    if b"\\" in text or b'"' in text or b"\n" in text:
        return text.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return text


def number_texts(values: Iterable[float]) -> list[bytes]:
    """Numbers as Go writes them, the shortest that reads the same again."""
    texts = []
    for value in values:
        if _PLAIN_FROM <= value < _PLAIN_BELOW:
            texts.append(repr(value).removesuffix(".0").encode())
        else:
            texts.append(format_float(value).encode())
    return texts
