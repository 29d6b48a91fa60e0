"""Runs a script of Prometheus's tests against our evaluator and says how each evaluation ended."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from conformance.promql_script import HISTOGRAM, Clear, Command, Evaluation, Load, Point
from madang.core.errors import MadangError
from madang.core.samples import STALE_NAN
from madang.metrics.matcher import Labels, labels_text
from madang.metrics.memory import MemoryStorage
from madang.metrics.promql import (
    BadQueryError,
    Kind,
    NativeHistogramError,
    Options,
    Result,
    evaluate_instant,
    evaluate_range,
)

OPTIONS = Options(
    experimental=True, delayed_name_removal=True, start_timestamps=True, typed_labels=True
)


@dataclass(frozen=True)
class Outcome:
    """How an evaluation ended: 'passed', 'failed', 'waits' (and for what), or 'unparsed'."""

    evaluation: Evaluation
    state: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.evaluation.line}: {self.evaluation.query}: {self.reason}"


def run(commands: list[Command]) -> Iterator[Outcome]:
    """The outcome of each evaluation, in order."""
    storage = MemoryStorage()
    for command in commands:
        if isinstance(command, Clear):
            storage = MemoryStorage()
        elif isinstance(command, Load):
            load(command, storage)
        else:
            yield evaluated(command, storage)


def load(command: Load, storage: MemoryStorage) -> None:
    for labels, points in command.series:
        _append(storage, labels, points, command.step_ms, command.starts.get(labels))
        values = dict(labels)
        name = values.get("__name__", "")
        if command.derive_histograms and name.endswith("_bucket") and "le" in values:
            del values["le"]
            values["__name__"] = name.removesuffix("_bucket")
            there: list[Point] = [None if point is None else HISTOGRAM for point in points]
            _append(storage, tuple(sorted(values.items())), there, command.step_ms)


def _append(
    storage: MemoryStorage,
    labels: Labels,
    points: list[Point],
    step_ms: int,
    starts: list[int | None] | None = None,
) -> None:
    there = [place for place, point in enumerate(points) if point is not None]
    kept = [points[place] for place in there]
    numbers = {"stale": STALE_NAN, HISTOGRAM: 0.0}
    values = [numbers[point] if isinstance(point, str) else point for point in kept]
    histograms = [point if point == HISTOGRAM else None for point in kept]
    times = np.array(there, np.int64) * step_ms
    starts_ms = None
    if starts is not None:
        assert len(starts) == len(points), labels_text(labels)
        known = [place * step_ms + (starts[place] or 0) for place in there]
        starts_ms = np.where([starts[place] is None for place in there], 0, known)
    storage.append(
        labels,
        times,
        np.array(values, np.float64),
        histograms if any(histograms) else None,
        starts_ms=starts_ms,
    )


def evaluated(case: Evaluation, storage: MemoryStorage) -> Outcome:
    if case.holds_histograms:
        return Outcome(case, "waits", "native histograms")
    try:
        if case.span_ms is None:
            result = evaluate_instant(case.query, storage, case.at_ms, OPTIONS)
        else:
            result = evaluate_range(case.query, storage, *case.span_ms, OPTIONS)
    except NativeHistogramError:
        return Outcome(case, "waits", "native histograms")
    except MadangError as error:
        if case.fails:
            wrong = _unlike(case, "fail", [error.message])
            # The parser has one message for all that it does not know.
            unknown = "unparsed" if error.message == "invalid promql query" else "failed"
            return Outcome(case, unknown if wrong else "passed", wrong)
        state = "unparsed" if isinstance(error, BadQueryError) else "failed"
        return Outcome(case, state, str(error))
    if case.fails:
        return Outcome(case, "failed", "an error is expected")
    wrong = _unlike(case, "warn", result.warnings) or _unlike(case, "info", result.infos)
    wrong = wrong or _differs(case, result)
    return Outcome(case, "failed" if wrong else "passed", wrong)


def _unlike(case: Evaluation, what: str, texts: list[str]) -> str:
    for wanted, how, text in case.expects:
        if wanted == f"no_{what}" and texts:
            return f"no {what} is expected: {texts}"
        if wanted != what:
            continue
        if not texts:
            return f"expected {what} {text}"
        if how == "msg" and text not in texts:
            return f"expected {what} {text!r}: {texts}"
        if how == "regex" and not any(re.search(text, each) for each in texts):
            return f"expected {what} like {text!r}: {texts}"
    return ""


def _differs(case: Evaluation, result: Result) -> str:
    if case.text is not None:
        return "" if result.text == case.text else f"{result.text!r} is not {case.text!r}"
    if case.scalar is not None:
        found = result.series.values.tolist()
        wanted = [case.scalar] * len(found)
        return "" if len(found) == 1 and _equal(found, wanted) else f"{found} is not {wanted}"
    span = case.matrix_ms or case.span_ms or (case.at_ms, case.at_ms, 1)
    if case.span_ms is None and case.matrix_ms is None and result.kind is Kind.MATRIX:
        return "a range vector is not expected" if len(result.series) else ""
    found_series = dict(_series(result))
    wanted_series = {labels: _timed(points, span) for labels, points in case.series}
    wanted_series = {labels: points for labels, points in wanted_series.items() if points}
    if len(found_series) != len(result.series):
        return "two series of the result have the same labels"
    if missing := wanted_series.keys() - found_series.keys():
        found_texts = sorted(map(labels_text, found_series))
        return f"missing {sorted(map(labels_text, missing))}, found {found_texts}"
    if extra := found_series.keys() - wanted_series.keys():
        return f"not expected: {sorted(map(labels_text, extra))}"
    for labels, wanted_points in wanted_series.items():
        points = found_series[labels]
        if points.keys() != wanted_points.keys():
            return f"{labels_text(labels)} has {points}, not {wanted_points}"
        if not _equal(list(points.values()), list(wanted_points.values())):
            return f"{labels_text(labels)} is {points}, not {wanted_points}"
    if case.ordered and list(found_series) != [labels for labels, _ in case.series]:
        return f"the order is {[labels_text(labels) for labels in found_series]}"
    return ""


def _series(result: Result) -> Iterator[tuple[Labels, dict[int, float]]]:
    series = result.series
    bounds = series.offsets.tolist()
    for row, labels in enumerate(series.labels):
        span = slice(bounds[row], bounds[row + 1])
        yield (
            labels,
            dict(zip(series.ts_ms[span].tolist(), series.values[span].tolist(), strict=True)),
        )


def _timed(points: list[Point], span: tuple[int, int, int]) -> dict[int, float]:
    start, _, step = span
    return {
        start + place * step: float(point)
        for place, point in enumerate(points)
        if point is not None
    }


def _equal(found: list[float], wanted: list[float]) -> bool:
    def same(left: float, right: float) -> bool:
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        return left == right or math.isclose(left, right, rel_tol=1e-6, abs_tol=1e-300)

    return all(map(same, found, wanted))
