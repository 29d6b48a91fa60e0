"""Labels of a series as a sender gives them → canonical labels, or why not."""

from __future__ import annotations

from collections.abc import Iterable

from madang.core.samples import METRIC_NAME
from madang.core.utf8 import is_utf8

_SEPARATOR = b"\xff"
_METRIC_NAME = METRIC_NAME.encode()


class SeriesError(ValueError):
    """A series (or a part of it) that is refused; the message says why."""


def series_labels(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Canonical labels of a series.

    Labels that are not sorted are sorted, as Prometheus does. Names may be any UTF-8 text.

    Raises:
        SeriesError: no metric name, an empty or repeated name, not UTF-8.
    """
    given = list(pairs)
    canonical = exemplar_labels(given)
    if not any(name == _METRIC_NAME and value for name, value in given):
        raise SeriesError(f"no label {METRIC_NAME}")
    return canonical


def exemplar_labels(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Canonical labels of an exemplar, which has no metric name.

    Raises:
        SeriesError: an empty or repeated name, not UTF-8.
    """
    ordered = sorted(pairs)
    before: bytes | None = None
    for name, _ in ordered:
        if name == before:
            raise SeriesError(f"the label {name.decode(errors='backslashreplace')!r} is repeated")
        if not name:
            raise SeriesError("a label's name is empty")
        before = name
    parts = [part for pair in ordered if pair[1] for part in pair]
    if not b"".join(parts).isascii():
        # Also keeps the separator, which is no UTF-8, out of the parts.
        for part in parts:
            _check_utf8(part)
    return _SEPARATOR.join(parts)


def _check_utf8(part: bytes) -> None:
    if not is_utf8(part):
        shown = part[:40].decode(errors="backslashreplace")
        raise SeriesError(f"the label text '{shown}' is not UTF-8")
