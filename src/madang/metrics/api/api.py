"""The endpoints that answer from samples: ``/api/v1/query`` and those around it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from madang.core.clock import Clock, SystemClock
from madang.core.errors import InvalidInputError, MadangError
from madang.metrics.api.answers import Answer, failed, first_series, metric, query_data, succeeded
from madang.metrics.api.times import EARLIEST_MS, LATEST_MS, parse_duration_ms, parse_time_ms
from madang.metrics.matcher import Matcher
from madang.metrics.promql import (
    BadQueryError,
    Options,
    evaluate_instant,
    evaluate_range,
    parse,
)
from madang.metrics.promql.syntax import Selector
from madang.metrics.storage import SampleStorage

MOST_STEPS = 11_000
_TRUNCATED = "results truncated due to limit"
_VALUES = "/values"
_ESCAPED = "U__"

Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of a request, from its query string and its form."""

    values: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, pairs: Pairs) -> Params:
        """Gather parameters, of which some occur more than once."""
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            values.setdefault(name, []).append(value)
        return cls(values)

    def text(self, name: str) -> str:
        """The first value, or nothing."""
        return next(iter(self.values.get(name, ())), "")

    def time_ms(self, name: str, otherwise: int | None = None) -> int:
        """A time. Raises InvalidInputError."""
        return self._parsed(name, parse_time_ms, otherwise)

    def duration_ms(self, name: str, otherwise: int | None = None) -> int:
        """A duration. Raises InvalidInputError."""
        return self._parsed(name, parse_duration_ms, otherwise)

    def limit(self) -> int:
        """How many results are wanted at most; 0 is all. Raises InvalidInputError."""
        text = self.text("limit")
        if not text:
            return 0
        if not (text.isascii() and text.isdigit()):
            raise _invalid("limit", f'"{text}" is no number of results')
        return int(text)

    def _parsed(self, name: str, parse_: Callable[[str], int], otherwise: int | None) -> int:
        text = self.text(name)
        if not text and otherwise is not None:
            return otherwise
        try:
            return parse_(text)
        except InvalidInputError as error:
            raise _invalid(name, error.message) from None


class PrometheusApi:
    """Answers requests from a storage; thread-safe as far as the storage is.

    Args:
        storage: Where the samples are.
        options: Settings and limits of queries.
        clock: What "now" is.
    """

    def __init__(
        self, storage: SampleStorage, *, options: Options | None = None, clock: Clock | None = None
    ) -> None:
        self._storage = storage
        self._options = options or Options()
        self._clock = clock or SystemClock()
        self._endpoints: dict[str, Callable[[Params], Answer]] = {
            "query": self._query,
            "query_range": self._query_range,
            "series": self._series,
            "labels": self._labels,
        }

    def answer(self, endpoint: str, pairs: Pairs) -> Answer | None:
        """Answer a request.

        Args:
            endpoint: What follows ``/api/v1/``, such as ``query`` or ``label/job/values``.
            pairs: The parameters, each with its value.

        Returns:
            None where there is no such endpoint here.
        """
        params = Params.of(pairs)
        try:
            if endpoint.startswith("label/") and endpoint.endswith(_VALUES):
                return self._label_values(endpoint[len("label/") : -len(_VALUES)], params)
            found = self._endpoints.get(endpoint)
            return None if found is None else found(params)
        except MadangError as error:
            return failed(error)

    def _query(self, params: Params) -> Answer:
        at_ms = params.time_ms("time", self._clock.now_us() // 1000)
        result = evaluate_instant(
            _query_text(params), self._storage, at_ms, self._options_of(params)
        )
        limit = params.limit()
        cut = [_TRUNCATED] if limit and len(result.series) > limit else []
        return succeeded(
            query_data(result, at_ms, limit=limit),
            warnings=[*result.warnings, *cut],
            infos=result.infos,
        )

    def _query_range(self, params: Params) -> Answer:
        start_ms, end_ms = params.time_ms("start"), params.time_ms("end")
        if end_ms < start_ms:
            raise _invalid("end", "end timestamp must not be before start time")
        step_ms = params.duration_ms("step")
        if step_ms <= 0:
            raise _invalid(
                "step",
                "zero or negative query resolution step widths are not accepted. "
                "Try a positive integer",
            )
        if (end_ms - start_ms) // step_ms > MOST_STEPS:
            raise InvalidInputError(
                f"exceeded maximum resolution of {MOST_STEPS:,} points per timeseries. "
                "Try decreasing the query resolution (?step=XX)"
            )
        result = evaluate_range(
            _query_text(params),
            self._storage,
            start_ms,
            end_ms,
            step_ms,
            self._options_of(params),
        )
        limit = params.limit()
        cut = [_TRUNCATED] if limit and len(result.series) > limit else []
        return succeeded(
            query_data(result, start_ms, limit=limit),
            warnings=[*result.warnings, *cut],
            infos=result.infos,
        )

    def _series(self, params: Params) -> Answer:
        wanted = _selectors(params)
        if not wanted:
            raise InvalidInputError("no match[] parameter provided")
        start_ms, end_ms = _span(params)
        limit = params.limit()
        found: dict[bytes, None] = {}
        for matchers in wanted:
            series = self._storage.select(matchers, start_ms, end_ms)
            if limit:
                series = first_series(series, limit + 1)
            found.update(dict.fromkeys(map(metric, series.labels)))
        return _list_answer(list(found), limit)

    def _labels(self, params: Params) -> Answer:
        start_ms, end_ms = _span(params)
        found: set[str] = set()
        for matchers in _selectors(params) or [()]:
            found.update(self._storage.label_names(matchers, start_ms, end_ms))
        return _text_answer(found, params.limit())

    def _label_values(self, name: str, params: Params) -> Answer:
        if name.startswith(_ESCAPED):
            name = _unescaped(name)
        if not name:
            raise InvalidInputError(f'invalid label name: "{name}"')
        start_ms, end_ms = _span(params)
        found: set[str] = set()
        for matchers in _selectors(params) or [()]:
            found.update(self._storage.label_values(name, matchers, start_ms, end_ms))
        return _text_answer(found, params.limit())

    def _options_of(self, params: Params) -> Options:
        options = self._options
        if params.text("timeout"):
            asked_s = params.duration_ms("timeout") / 1000
            options = dataclasses.replace(options, timeout_s=min(asked_s, options.timeout_s))
        if params.text("lookback_delta"):
            lookback_ms = params.duration_ms("lookback_delta")
            if lookback_ms <= 0:
                raise _invalid("lookback_delta", "it has to be more than 0")
            options = dataclasses.replace(options, lookback_ms=lookback_ms)
        return options


def _query_text(params: Params) -> str:
    text = params.text("query")
    if not text:
        raise _invalid("query", "it is empty")
    return text


def _selectors(params: Params) -> list[Sequence[Matcher]]:
    """The matchers of each ``match[]``. Raises InvalidInputError."""
    found: list[Sequence[Matcher]] = []
    for text in params.values.get("match[]", ()):
        try:
            node = parse(text)
        except BadQueryError as error:
            raise _invalid("match[]", error.message) from None
        if not isinstance(node, Selector):
            raise _invalid("match[]", f"{text!r} is no selector of series")
        found += node.groups
    return found


def _span(params: Params) -> tuple[int, int]:
    start_ms, end_ms = params.time_ms("start", EARLIEST_MS), params.time_ms("end", LATEST_MS)
    if end_ms < start_ms:
        raise _invalid("end", "end timestamp must not be before start time")
    return start_ms, end_ms


def _text_answer(found: Iterable[str], limit: int) -> Answer:
    return _list_answer([msgspec.json.encode(text) for text in sorted(found)], limit)


def _list_answer(items: Sequence[bytes], limit: int) -> Answer:
    cut = bool(limit) and len(items) > limit
    kept = items[:limit] if cut else items
    return succeeded(b"[%b]" % b",".join(kept), warnings=[_TRUNCATED] if cut else ())


def _unescaped(name: str) -> str:
    """A label's name from its form ``U__…`` in which ``_2e_`` stands for a dot."""
    pieces = name.removeprefix(_ESCAPED).replace("__", "\0").split("_")
    if len(pieces) % 2 == 0:
        return name
    try:
        pieces[1::2] = [chr(int(piece, 16)) for piece in pieces[1::2]]
    except (ValueError, OverflowError):
        return name
    return "".join(pieces).replace("\0", "_")


def _invalid(name: str, why: str) -> InvalidInputError:
    return InvalidInputError(f'invalid parameter "{name}": {why}')
