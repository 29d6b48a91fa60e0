"""Answers as JSON, in the shapes of Prometheus's API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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
from madang.metrics.api.points import point_lists, seconds_text
from madang.metrics.matcher import Labels
from madang.metrics.number_text import number_text
from madang.metrics.promql import Kind, QueryFailedError, Result
from madang.metrics.storage import SeriesSet

_encode = msgspec.json.encode
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status, body and what the body is."""

    status: int
    body: bytes
    media_type: str = JSON
    encoding: str = ""
    """The ``Content-Encoding``, if there is one."""


def succeeded(data: bytes, *, warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> Answer:
    """An answer around ``data``, which is JSON."""
    notes = [
        b',"%b":%b' % (name, _encode(texts))
        for name, texts in ((b"warnings", warnings), (b"infos", infos))
        if texts
    ]
    return Answer(200, b'{"status":"success","data":%b%b}' % (data, b"".join(notes)))


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
    return next(known, (500, "internal"))


def _message(error: MadangError) -> str:
    text = f"{error.message}: {error.hint}" if error.hint else error.message
    return _text(text)


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
) -> bytes:
    """The ``data`` of a query's answer.

    Args:
        result: Of an instant or a range query.
        at_ms: The time of an instant query, which a text is given with.
        limit: The most series; 0 is any number.
        stats: What the query cost, if that is asked.
    """
    series = result.series if not limit else first_series(result.series, limit)
    if result.kind is Kind.STRING:
        content = b"[%b,%b]" % (seconds_text(at_ms).encode(), _encode(result.text))
    elif result.kind is Kind.SCALAR:
        content = _point(series, 0)
    elif result.kind is Kind.VECTOR:
        content = _listed(
            b'{"metric":%b,"value":%b}' % (metric(labels), _point(series, place))
            for place, labels in enumerate(series.labels)
        )
    else:
        values = point_lists(series.offsets, series.ts_ms, series.values)
        content = _listed(
            b'{"metric":%b,"values":%b}' % (metric(labels), points)
            for labels, points in zip(series.labels, values, strict=True)
        )
    cost = b',"stats":%b' % _encode(stats) if stats is not None else b""
    return b'{"resultType":"%b","result":%b%b}' % (_NAMES[result.kind], content, cost)


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


def _point(series: SeriesSet, place: int) -> bytes:
    sample = int(series.offsets[place])
    at, value = seconds_text(int(series.ts_ms[sample])), number_text(float(series.values[sample]))
    return f'[{at},"{value}"]'.encode()


def _listed(items: Iterable[bytes]) -> bytes:
    return b"[%b]" % b",".join(items)
