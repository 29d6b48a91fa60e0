"""The endpoints that answer from samples: queries, series, labels."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from madang.core.clock import Clock
from madang.core.errors import InvalidInputError, TooLargeError
from madang.metrics.api.answers import Answer, metric, query_data, succeeded
from madang.metrics.api.params import Params, invalid, shown
from madang.metrics.api.query_texts import named, query_text
from madang.metrics.matcher import Labels
from madang.metrics.promql import (
    BadQueryError,
    Result,
    evaluate_instant,
    evaluate_range,
    parse,
)
from madang.metrics.storage import SampleStorage
from madang.metrics.texts import first_texts

MOST_STEPS = 11_000
MOST_LISTED = 1_000_000
"""So many series, names or values are listed at most, unless ``max_series`` says otherwise."""
TRUNCATED = "results truncated due to limit"
_ESCAPED = "U__"


class SampleEndpoints:
    """Answers from a storage.

    Args:
        storage: Where the samples are.
        clock: What "now" is.
    """

    def __init__(self, storage: SampleStorage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def endpoints(self) -> Mapping[str, Callable[[Params], Answer]]:
        """By path behind ``/api/v1/``."""
        return {
            "query": self._query,
            "query_range": self._query_range,
            "query_exemplars": self._query_exemplars,
            "series": self._series,
            "labels": self._labels,
        }

    def label_values(self, name: str, params: Params) -> Answer:
        """The answer of ``label/<name>/values``. Raises InvalidInputError."""
        if name.startswith(_ESCAPED):
            name = _unescaped(name)
        if not name:
            raise InvalidInputError('invalid label name: ""')
        start_ms, end_ms = params.span_ms()
        bound = _Bound.of(params)
        found: list[str] = []
        for matchers in params.matchers() or [()]:
            params.budget.check_time()
            values = self._storage.label_values(name, matchers, start_ms, end_ms, limit=bound.read)
            found = first_texts({*found, *values}, bound.read)
        return _text_answer(found, bound, "values")

    def _query(self, params: Params) -> Answer:
        at_ms = params.time_ms("time", self._clock.now_us() // 1000)
        limit, options = params.limit(), params.options()
        begin_s = time.perf_counter()
        with _naming_query():
            result = evaluate_instant(
                query_text(params), self._storage, at_ms, options, budget=params.budget
            )
        return _query_answer(result, at_ms, limit, params, time.perf_counter() - begin_s)

    def _query_range(self, params: Params) -> Answer:
        start_ms, end_ms = params.time_ms("start"), params.time_ms("end")
        if end_ms < start_ms:
            raise invalid("end", "end timestamp must not be before start time")
        step_ms = params.duration_ms("step")
        if step_ms <= 0:
            raise invalid(
                "step",
                "zero or negative query resolution step widths are not accepted. "
                "Try a positive integer",
            )
        if (end_ms - start_ms) // step_ms > MOST_STEPS:
            raise InvalidInputError(
                f"exceeded maximum resolution of {MOST_STEPS:,} points per timeseries. "
                "Try decreasing the query resolution (?step=XX)"
            )
        limit, options = params.limit(), params.options()
        begin_s = time.perf_counter()
        with _naming_query():
            result = evaluate_range(
                query_text(params),
                self._storage,
                start_ms,
                end_ms,
                step_ms,
                options,
                budget=params.budget,
            )
        return _query_answer(result, start_ms, limit, params, time.perf_counter() - begin_s)

    def _query_exemplars(self, params: Params) -> Answer:
        """Nothing: the stream of samples carries no exemplars."""
        params.span_ms()
        with _naming_query():
            parse(query_text(params), experimental=params.budget.options.experimental)
        return succeeded(b"[]")

    def _series(self, params: Params) -> Answer:
        wanted = params.matchers()
        if not wanted:
            raise InvalidInputError("no match[] parameter provided")
        start_ms, end_ms = params.span_ms()
        bound = _Bound.of(params)
        found: dict[Labels, None] = {}
        for matchers in wanted:
            params.budget.check_time()
            series = self._storage.series(matchers, start_ms, end_ms, limit=bound.read)
            found.update(dict.fromkeys(series))
            if len(found) >= bound.read:
                break
        chosen = list(found) if len(wanted) == 1 else sorted(found)
        bound.check(len(chosen), "series")
        return _list_answer([metric(labels) for labels in chosen[: bound.read]], bound.limit)

    def _labels(self, params: Params) -> Answer:
        start_ms, end_ms = params.span_ms()
        bound = _Bound.of(params)
        found: list[str] = []
        for matchers in params.matchers() or [()]:
            params.budget.check_time()
            names = self._storage.label_names(matchers, start_ms, end_ms, limit=bound.read)
            found = first_texts({*found, *names}, bound.read)
        return _text_answer(found, bound, "names")


@dataclass(frozen=True, slots=True)
class _Bound:
    """How many entries of a list are told (0: all), and how many are read to know of more."""

    limit: int
    read: int

    @classmethod
    def of(cls, params: Params) -> _Bound:
        limit = params.limit()
        most = params.budget.options.max_series or MOST_LISTED
        return cls(limit, min(limit or most, most) + 1)

    def check(self, count: int, what: str) -> None:
        """Raise TooLargeError where there is more than is listed, and nobody said that it may."""
        if count >= self.read and not 0 < self.limit < self.read:
            raise TooLargeError(
                f"over {self.read - 1:,} {what} match",
                hint="name more labels, ask for less time, or give a limit",
            )


@contextlib.contextmanager
def _naming_query() -> Iterator[None]:
    try:
        yield
    except BadQueryError as error:
        raise named(error) from None


def _query_answer(result: Result, at_ms: int, limit: int, params: Params, took_s: float) -> Answer:
    params.budget.series = len(result.series)
    warnings = list(result.warnings)
    if limit and len(result.series) > limit:
        warnings.append(TRUNCATED)
    stats = params.text("stats")
    if stats not in {"", "true", "all"}:
        warnings.append(
            f'value {shown(stats)} for parameter "stats" is deprecated and will be rejected in '
            'the next major release, use "true" or "all"'
        )
    data = query_data(result, at_ms, limit=limit, stats=_stats(result, took_s) if stats else None)
    return succeeded(*data, warnings=warnings, infos=result.infos)


def _stats(result: Result, took_s: float) -> dict[str, dict[str, float]]:
    return {
        "timings": {
            "evalTotalTime": took_s,
            "resultSortTime": 0.0,
            "queryPreparationTime": 0.0,
            "innerEvalTime": took_s,
            "execQueueTime": 0.0,
            "execTotalTime": took_s,
        },
        "samples": {
            "totalQueryableSamples": result.samples,
            "samplesRead": result.samples,
            "peakSamples": max(result.samples, result.series.samples),
        },
    }


def _text_answer(found: Sequence[str], bound: _Bound, what: str) -> Answer:
    bound.check(len(found), what)
    return _list_answer([msgspec.json.encode(text) for text in found], bound.limit)


def _list_answer(items: Sequence[bytes], limit: int) -> Answer:
    cut = bool(limit) and len(items) > limit
    kept = items[:limit] if cut else items
    return succeeded(b"[%b]" % b",".join(kept), warnings=[TRUNCATED] if cut else ())


def _unescaped(name: str) -> str:
    """A label's name from its form ``U__…`` in which ``_2e_`` stands for a dot."""
    pieces = name.removeprefix(_ESCAPED).replace("__", "\0").split("_")
    if len(pieces) % 2 == 0:
        return name
    try:
        pieces[1::2] = [_letter(piece) for piece in pieces[1::2]]
    except (ValueError, OverflowError):
        return name
    return "".join(pieces).replace("\0", "_")


def _letter(hexadecimal: str) -> str:
    letter = chr(int(hexadecimal[:9], 16))
    if "\ud800" <= letter <= "\udfff":
        raise ValueError(hexadecimal)
    return letter
