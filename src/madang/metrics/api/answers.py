"""Answers as JSON, in the shapes of Prometheus's API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
import numpy as np

from madang.core.errors import (
    CancelledError,
    DeadlineError,
    DeniedError,
    InvalidInputError,
    MadangError,
    NotFoundError,
    OverloadedError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)
from madang.metrics.api.points import number_texts, point_texts, seconds_text, time_texts
from madang.metrics.matcher import Labels
from madang.metrics.number_text import number_text
from madang.metrics.promql import Kind, QueryFailedError, Result
from madang.metrics.storage import SeriesSet

_encode = msgspec.json.encode
Piece: TypeAlias = bytes | memoryview
"""Of a text that is large: joined once, at its end."""
JSON = "application/json"
_LONGEST = 4_000
"""Messages repeat what was sent, however long that is."""
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status, body and what the body is."""

    status: int
    body: bytes
    media_type: str = JSON
    encoding: str = ""
    """The ``Content-Encoding``, if there is one."""


def succeeded(*data: Piece, warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> Answer:
    """An answer around ``data``: the parts of one JSON text, as there may be millions."""
    notes = [
        b',"%b":%b' % (name, _encode(texts))
        for name, texts in ((b"warnings", warnings), (b"infos", infos))
        if texts
    ]
    return Answer(200, b"".join((b'{"status":"success","data":', *data, *notes, b"}")))


def failed(error: MadangError) -> Answer:
    """An error, as clients of Prometheus understand it; a hint follows the message."""
    status, name = _status_of(error)
    told = {"status": "error", "errorType": name, "error": _message(error)}
    return Answer(status, _encode(told))


def in_words(error: MadangError) -> Answer:
    """An error as plain text, where the answer is no JSON."""
    return Answer(_status_of(error)[0], _message(error).encode() + b"\n", TEXT)


def _status_of(error: MadangError) -> tuple[int, str]:
    known = ((status, name) for kind, status, name in _ERRORS if isinstance(error, kind))
    return next(known, (error.status, "internal" if error.status >= 500 else "bad_data"))


def _message(error: MadangError) -> str:
    text = f"{error.message}: {error.hint}" if error.hint else error.message
    return _text(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


_ERRORS: tuple[tuple[type[MadangError], int, str], ...] = (
    (DeadlineError, 503, "timeout"),
    (CancelledError, 503, "canceled"),
    (OverloadedError, 503, "unavailable"),
    (UnavailableError, 503, "unavailable"),
    (NotFoundError, 404, "not_found"),
    (UnauthenticatedError, 401, "unauthorized"),
    (DeniedError, 403, "forbidden"),
    (QueryFailedError, 422, "execution"),
    (TooLargeError, 422, "execution"),
    (InvalidInputError, 400, "bad_data"),
)


def told(data: object) -> Answer:
    """A successful answer with data as msgspec writes it."""
    return succeeded(_encode(data))


def query_data(
    result: Result, at_ms: int, *, limit: int = 0, stats: Mapping[str, object] | None = None
) -> list[Piece]:
    """The ``data`` of a query's answer, in parts.

    Args:
        result: Of an instant or a range query.
        at_ms: The time of an instant query, which a text is given with.
        limit: The most series; 0 is any number.
        stats: What the query cost, if that is asked.
    """
    series = result.series if not limit else first_series(result.series, limit)
    parts: list[Piece] = [b'{"resultType":"%b","result":' % _NAMES[result.kind]]
    if result.kind is Kind.STRING:
        parts.append(b"[%b,%b]" % (seconds_text(at_ms).encode(), _encode(result.text)))
    elif result.kind is Kind.SCALAR:
        # Other than samples, a scalar never has an exponent.
        at, value = seconds_text(int(series.ts_ms[0])), number_text(float(series.values[0]))
        parts.append(f'[{at},"{value}"]'.encode())
    elif result.kind is Kind.VECTOR:
        parts += _listed(map(metric, series.labels), b',"value":', _points(series), b"}")
    else:
        values = point_texts(series.offsets, series.ts_ms, series.values)
        parts += _listed(map(metric, series.labels), b',"values":[', values, b"]}")
    if stats is not None:
        parts.append(b',"stats":%b' % _encode(stats))
    parts.append(b"}")
    return parts


_NAMES = {
    Kind.STRING: b"string",
    Kind.SCALAR: b"scalar",
    Kind.VECTOR: b"vector",
    Kind.MATRIX: b"matrix",
}


def metric(labels: Labels) -> bytes:
    """Labels as a JSON object; what is not UTF-8 (of ``label_replace``) becomes U+FFFD."""
    try:
        return bytes(_encode(dict(labels)))
    except UnicodeEncodeError:
        return bytes(_encode({_text(name): _text(value) for name, value in labels}))


def _text(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def first_series(series: SeriesSet, count: int) -> SeriesSet:
    """The first series of several."""
    if len(series) <= count:
        return series
    end = int(series.offsets[count])
    return SeriesSet(
        series.labels[:count],
        np.asarray(series.offsets[: count + 1]),
        series.ts_ms[:end],
        series.values[:end],
    )


def _points(series: SeriesSet) -> Iterator[bytes]:
    """The points of an instant vector, one of each series."""
    times, values = time_texts(series.ts_ms), number_texts(series.values)
    for at, value in zip(times, values, strict=True):
        yield b'[%b,"%b"]' % (at, value)


def _listed(
    metrics: Iterable[bytes], name: bytes, values: Iterable[Piece], end: bytes
) -> list[Piece]:
    """The parts of a JSON list of series."""
    parts: list[Piece] = []
    for labels, points in zip(metrics, values, strict=True):
        parts += (b',{"metric":', labels, name, points, end)
    parts[:1] = [b'[{"metric":' if parts else b"["]
    parts.append(b"]")
    return parts
