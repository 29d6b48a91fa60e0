"""A slow and obvious evaluator of PromQL: one step, one series, one sample at a time.

It takes queries as nested tuples, which ``text_of`` writes as PromQL. A vector is a dictionary
from labels to a value; a series is a list of times, values and start timestamps (0: none).
"""

from __future__ import annotations

import itertools
import math
import re
import statistics
from collections.abc import Callable

Labels = tuple[tuple[str, str], ...]
Vector = dict[Labels, float]
Data = dict[Labels, list[tuple[int, float | None, int]]]
"""Samples per series; a value of None marks the series as stale."""
LOOKBACK_MS = 300_000


class AmbiguousError(Exception):
    """Several series where one is expected."""


def text_of(query) -> str:
    match query:
        case ("number", value):
            return repr(value)
        case ("select", name, matchers, offset_ms):
            inner = ",".join(f'{label}{op}"{value}"' for label, op, value in matchers)
            return f"{name}{{{inner}}}" + (f" offset {offset_ms}ms" if offset_ms else "")
        case ("window", function, select, range_ms):
            name, matchers, offset_ms = select[1:]
            bare = text_of(("select", name, matchers, 0))
            shift = f" offset {offset_ms}ms" if offset_ms else ""
            before = "0.3, " if function == "quantile_over_time" else ""
            return f"{function}({before}{bare}[{range_ms}ms]{shift})"
        case ("subquery", function, inner, range_ms, step_ms):
            return f"{function}(({text_of(inner)})[{range_ms}ms:{step_ms}ms])"
        case ("aggregate", op, how, labels, inner):
            before = "0.7, " if op == "quantile" else ""
            return f"{op} {how} ({', '.join(labels)}) ({before}{text_of(inner)})"
        case ("binary", op, matching, left, right):
            return f"({text_of(left)}) {op} {matching_text(matching)} ({text_of(right)})"
        case ("call" | "starts", function, inner):
            return f"{function}({text_of(inner)})"
        case ("minus", inner):
            return f"-({text_of(inner)})"
    raise AssertionError(query)


def matching_text(matching) -> str:
    how, labels, returns_bool = matching
    text = f"{how} ({', '.join(labels)})" if how else ""
    return f"bool {text}" if returns_bool else text


def evaluate(query, data: Data, at_ms: int) -> Vector | float:
    match query:
        case ("number", value):
            return float(value)
        case ("select", name, matchers, offset_ms):
            return selected(data, name, matchers, at_ms - offset_ms)
        case ("window", function, ("select", name, matchers, offset_ms), range_ms):
            end = at_ms - offset_ms
            found = {
                labels: [p for p in points if end - range_ms < p[0] <= end and p[1] is not None]
                for labels, points in data.items()
                if chosen(labels, name, matchers)
            }
            return windowed(function, found, end, range_ms)
        case ("subquery", function, inner, range_ms, step_ms):
            found = {}
            first = (at_ms - range_ms) // step_ms * step_ms + step_ms
            for t in range(first, at_ms + 1, step_ms):
                for labels, value in evaluate(inner, data, t).items():
                    found.setdefault(labels, []).append((t, value, 0))
            return windowed(function, found, at_ms, range_ms)
        case ("aggregate", op, how, names, inner):
            return aggregated(op, how, names, evaluate(inner, data, at_ms))
        case ("binary", op, matching, left, right):
            return binary(op, matching, evaluate(left, data, at_ms), evaluate(right, data, at_ms))
        case ("call", function, inner):
            vector = evaluate(inner, data, at_ms)
            return unnamed({labels: CALLS[function](value) for labels, value in vector.items()})
        case ("starts", _, ("select", name, matchers, offset_ms)):
            newest = selected(data, name, matchers, at_ms - offset_ms, what=2)
            return unnamed({labels: start / 1000 for labels, start in newest.items()})
        case ("minus", inner):
            vector = evaluate(inner, data, at_ms)
            return unnamed({labels: -value for labels, value in vector.items()})
    raise AssertionError(query)


def chosen(labels: Labels, name: str, matchers) -> bool:
    values = dict(labels)
    if values.get("__name__") != name:
        return False
    for label, op, wanted in matchers:
        value = values.get(label, "")
        equal = re.fullmatch(wanted, value) is not None if "~" in op else value == wanted
        if equal == op.startswith("!"):
            return False
    return True


def selected(data: Data, name, matchers, at_ms, what=1) -> Vector:
    vector = {}
    for labels, points in data.items():
        recent = [point for point in points if at_ms - LOOKBACK_MS < point[0] <= at_ms]
        if chosen(labels, name, matchers) and recent and recent[-1][1] is not None:
            vector[labels] = recent[-1][what]
    return vector


def without(labels: Labels, *names: str) -> Labels:
    return tuple(pair for pair in labels if pair[0] not in names)


def added(vector: Vector, labels: Labels, value: float) -> None:
    if labels in vector:
        raise AmbiguousError(labels)
    vector[labels] = value


def unnamed(vector: Vector) -> Vector:
    result: Vector = {}
    for labels, value in vector.items():
        added(result, without(labels, "__name__"), value)
    return result


def windowed(function: str, found, end: int, range_ms: int) -> Vector:
    result: Vector = {}
    for labels, points in found.items():
        if points and function in COUNTERS:
            value = COUNTERS[function](points, end, range_ms)
        else:
            plain = [(t, v) for t, v, _ in points]
            value = WINDOWS[function](plain, end, range_ms) if points else None
        if value is not None:
            added(result, labels if function in NAMED else without(labels, "__name__"), value)
    return result


def starts_anew(before, after) -> bool:
    """Whether a counter was reset between two samples, as their start timestamps tell it."""
    before_t, _, before_start = before
    t, _, start = after
    if start == 0 or start >= t or start < before_t:
        return False
    if start > before_t:
        return True
    return before_start != 0 and before_start < before_t


def resets(points) -> list[bool]:
    return [b[1] < a[1] or starts_anew(a, b) for a, b in itertools.pairwise(points)]


def counted(points, end: int, range_ms: int, *, rate: bool) -> float | None:
    """What ``extrapolated`` gives where the counter's reset to zero may be known."""
    first_t, first, start = points[0]
    if not (start != 0 and end - range_ms < start < first_t):
        return extrapolated(points, end, range_ms, counter=True, rate=rate)
    # It was zero at its start: as if that were a sample, but for the average distance.
    change = points[-1][1] - first + first  # what is infinite stays nobody's number
    for (_, before, _), reset in zip(points, resets(points), strict=False):
        change += before if reset else 0
    last_t = points[-1][0]
    average = (last_t - first_t) / (len(points) - 1) if len(points) > 1 else 0
    to_end = end - last_t
    if to_end >= average * 1.1:
        to_end = average / 2
    change *= (last_t - start + to_end) / (last_t - start)
    return change / (range_ms / 1000) if rate else change


def extrapolated(points, end: int, range_ms: int, *, counter: bool, rate: bool) -> float | None:
    if len(points) < 2:
        return None
    (first_t, first), (last_t, last) = points[0][:2], points[-1][:2]
    change = last - first
    if counter:
        for (_, before, _), reset in zip(points, resets(points), strict=False):
            change += before if reset else 0
    to_start = (first_t - (end - range_ms)) / 1000
    to_end = (end - last_t) / 1000
    sampled = (last_t - first_t) / 1000
    average = sampled / (len(points) - 1)
    if to_start >= average * 1.1:
        to_start = average / 2
    if counter and change > 0 and first >= 0:
        to_start = min(to_start, sampled * (first / change))
    if to_end >= average * 1.1:
        to_end = average / 2
    change *= (sampled + to_start + to_end) / sampled
    return change / (range_ms / 1000) if rate else change


def last_two(points) -> float | None:
    if len(points) < 2:
        return None
    (before_t, before, _), (last_t, last, _) = points[-2:]
    change = last if resets(points)[-1] else last - before
    return change / ((last_t - before_t) / 1000)


def values(points) -> list[float]:
    return [value for _, value in points]


def least(numbers: list[float]) -> float:
    real = [number for number in numbers if not math.isnan(number)]
    return min(real) if real else math.nan


def mean(numbers: list[float]) -> float:
    return summed(numbers) / len(numbers)


def summed(numbers: list[float]) -> float:
    if all(map(math.isfinite, numbers)):
        return math.fsum(numbers)
    return sum(numbers)


def variance(numbers: list[float]) -> float:
    if not all(map(math.isfinite, numbers)):
        return math.nan
    return statistics.pvariance(numbers)


def quantile(q: float, numbers: list[float]) -> float:
    ordered = sorted(numbers, key=lambda n: (not math.isnan(n), n))
    rank = q * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    weight = rank - low
    return ordered[low] * (1 - weight) + ordered[high] * weight


def pairs_where(points, condition: Callable[[float, float], bool]) -> float:
    numbers = values(points)
    return float(sum(condition(a, b) for a, b in itertools.pairwise(numbers)))


def slope(points) -> float | None:
    if len(points) < 2:
        return None
    numbers = values(points)
    if all(number == numbers[0] for number in numbers):
        return math.nan if math.isinf(numbers[0]) else 0.0
    xs = [(t - points[0][0]) / 1000 for t, _ in points]
    mx, my = mean(xs), mean(numbers)
    above = summed([(x - mx) * (y - my) for x, y in zip(xs, numbers, strict=True)])
    return above / math.fsum([(x - mx) ** 2 for x in xs])


NAMED = {"last_over_time", "first_over_time"}
WINDOWS = {
    "delta": lambda p, e, r: extrapolated(p, e, r, counter=False, rate=False),
    "idelta": lambda p, e, r: p[-1][1] - p[-2][1] if len(p) > 1 else None,
    "sum_over_time": lambda p, e, r: summed(values(p)),
    "avg_over_time": lambda p, e, r: mean(values(p)),
    "count_over_time": lambda p, e, r: float(len(p)),
    "present_over_time": lambda p, e, r: 1.0,
    "last_over_time": lambda p, e, r: p[-1][1],
    "first_over_time": lambda p, e, r: p[0][1],
    "min_over_time": lambda p, e, r: least(values(p)),
    "max_over_time": lambda p, e, r: -least([-v for v in values(p)]),
    "stdvar_over_time": lambda p, e, r: variance(values(p)),
    "quantile_over_time": lambda p, e, r: quantile(0.3, values(p)),
    "changes": lambda p, e, r: pairs_where(
        p, lambda a, b: a != b and not (math.isnan(a) and math.isnan(b))
    ),
    "deriv": lambda p, e, r: slope(p),
}
COUNTERS = {
    "rate": lambda p, e, r: counted(p, e, r, rate=True),
    "increase": lambda p, e, r: counted(p, e, r, rate=False),
    "irate": lambda p, e, r: last_two(p),
    "resets": lambda p, e, r: float(sum(resets(p))),
}
"""Functions over windows to which start timestamps matter."""
CALLS = {"abs": abs, "sgn": lambda v: v if math.isnan(v) or v == 0 else math.copysign(1.0, v)}
AGGREGATIONS = {
    "sum": summed,
    "avg": mean,
    "min": least,
    "max": lambda numbers: -least([-n for n in numbers]),
    "count": lambda numbers: float(len(numbers)),
    "group": lambda numbers: 1.0,
    "stdvar": variance,
    "quantile": lambda numbers: quantile(0.7, numbers),
}


def aggregated(op: str, how: str, names, vector: Vector) -> Vector:
    groups: dict[Labels, list[float]] = {}
    for labels, value in vector.items():
        if how == "by":
            key = tuple(pair for pair in labels if pair[0] in names)
        else:
            key = without(labels, "__name__", *names)
        groups.setdefault(key, []).append(value)
    return {labels: AGGREGATIONS[op](numbers) for labels, numbers in groups.items()}


def divided(left: float, right: float) -> float:
    if right == 0:
        return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left)
    return left / right


ARITHMETIC = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": divided,
}
COMPARISONS = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
}


def binary(op: str, matching, left, right) -> Vector:
    how, names, returns_bool = matching
    if isinstance(left, float) or isinstance(right, float):
        return with_number(op, returns_bool, left, right)

    def key(labels: Labels) -> Labels:
        if how == "on":
            return tuple(pair for pair in labels if pair[0] in names)
        return without(labels, "__name__", *names)

    if op in {"and", "or", "unless"}:
        ours, theirs = set(map(key, left)), set(map(key, right))
        if op == "or":
            return left | {labels: v for labels, v in right.items() if key(labels) not in ours}
        return {labels: v for labels, v in left.items() if (key(labels) in theirs) == (op == "and")}
    if not left or not right:
        return {}
    one: dict[Labels, float] = {}
    for labels, value in right.items():
        added(one, key(labels), value)
    result: Vector = {}
    matched: set[Labels] = set()
    for labels, value in left.items():
        if (match_key := key(labels)) not in one:
            continue
        if match_key in matched:
            raise AmbiguousError(labels)
        matched.add(match_key)
        other = one[match_key]
        kept = match_key if how == "on" else without(labels, *names)
        if op in ARITHMETIC:
            added(result, without(kept, "__name__"), ARITHMETIC[op](value, other))
        elif returns_bool:
            added(result, without(kept, "__name__"), float(COMPARISONS[op](value, other)))
        elif COMPARISONS[op](value, other):
            added(result, kept, value)
    return result


def with_number(op: str, returns_bool: bool, left, right) -> Vector:
    vector = right if isinstance(left, float) else left
    result: Vector = {}
    for labels, value in vector.items():
        a, b = (left, value) if isinstance(left, float) else (value, right)
        if op in ARITHMETIC:
            added(result, without(labels, "__name__"), ARITHMETIC[op](a, b))
        elif returns_bool:
            added(result, without(labels, "__name__"), float(COMPARISONS[op](a, b)))
        elif COMPARISONS[op](a, b):
            result[labels] = value
    return result
