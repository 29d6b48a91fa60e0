"""Answers as JSON, in the shapes of Prometheus's API."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from madang.core.errors import (
    CancelledError,
    DeadlineError,
    InvalidInputError,
    MadangError,
    OverloadedError,
    TooLargeError,
)
from madang.metrics.api.points import point_lists, seconds_text
from madang.metrics.matcher import Labels
from madang.metrics.number_text import number_text
from madang.metrics.promql import Kind, QueryFailedError, Result
from madang.metrics.storage import SeriesSet

_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status and a JSON body."""

    status: int
    body: bytes


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
    text = f"{error.message}: {error.hint}" if error.hint else error.message
    known = ((status, name) for kind, status, name in _ERRORS if isinstance(error, kind))
    status, name = next(known, (500, "internal"))
    return Answer(status, _encode({"status": "error", "errorType": name, "error": text}))


_ERRORS: tuple[tuple[type[MadangError], int, str], ...] = (
    (DeadlineError, 503, "timeout"),
    (CancelledError, 503, "canceled"),
    (OverloadedError, 503, "unavailable"),
    (QueryFailedError, 422, "execution"),
    (TooLargeError, 422, "execution"),
    (InvalidInputError, 400, "bad_data"),
)


def query_data(result: Result, at_ms: int, *, limit: int = 0) -> bytes:
    """The ``data`` of a query's answer.

    Args:
        result: Of an instant or a range query.
        at_ms: The time of an instant query, which a text is given with.
        limit: The most series; 0 is any number.
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
    return b'{"resultType":"%b","result":%b}' % (_NAMES[result.kind], content)


_NAMES = {
    Kind.STRING: b"string",
    Kind.SCALAR: b"scalar",
    Kind.VECTOR: b"vector",
    Kind.MATRIX: b"matrix",
}


def metric(labels: Labels) -> bytes:
    """Labels as a JSON object."""
    return bytes(_encode(dict(labels)))


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
