"""Reads the scripts in which Prometheus's own tests of PromQL are written; see README.md."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from madang.metrics.matcher import Labels

HISTOGRAM = "histogram"
"""Stands for a native histogram, whatever is in it."""
Point = float | str | None

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwy])")
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_UNITS_MS |= {"w": 7 * 86_400_000, "y": 365 * 86_400_000}
_EVAL = re.compile(
    r"eval(?:_(?P<old>fail|warn|info|ordered))?\s+"
    r"(?:instant\s+(?:at\s+(?P<at>\S+))?\s+"
    r"|range\s+from\s+(?P<start>\S+)\s+to\s+(?P<end>\S+)\s+step\s+(?P<step>\S+)\s+)(?P<query>.*)"
)
_RANGE = re.compile(r"range vector from (\S+) to (\S+) step (\S+)")
_LABEL = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_][\w.]*)|(?P<quoted>\"(?:\\.|[^\"\\])*\"))\s*"
    r"(?:=\s*(?P<value>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'))?\s*,?"
)
_POINT = re.compile(r"\{\{[^}]*\}\}(?:[+-]\{\{[^}]*\}\})?(?:x\d+)?|\S+")
_STEPS = re.compile(
    r"(?P<first>.+?)(?:(?P<sign>[+-])(?P<step>[\d.eE]+(?:[eE][+-]?\d+)?))?x(?P<n>\d+)"
)
_START = re.compile(r"(?P<first>_|[+-]?[\d.a-z]+?)(?P<step>[+-][\d.a-z]+?)?(?:x(?P<n>\d+))?")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass
class Load:
    """Series with points, the first of which is at 0."""

    step_ms: int
    series: list[tuple[Labels, list[Point]]] = field(default_factory=list)
    starts: dict[Labels, list[int | None]] = field(default_factory=dict)
    """Start timestamps of series that have some, in milliseconds from each point's time on."""
    derive_histograms: bool = False


@dataclass
class Clear:
    """The storage is emptied."""


@dataclass
class Evaluation:
    """A query and what is expected of it."""

    line: int
    query: str
    at_ms: int = 0
    span_ms: tuple[int, int, int] | None = None
    """Start, end and step of a range query."""
    series: list[tuple[Labels, list[Point]]] = field(default_factory=list)
    scalar: float | None = None
    text: str | None = None
    matrix_ms: tuple[int, int, int] | None = None
    ordered: bool = False
    expects: list[tuple[str, str, str]] = field(default_factory=list)
    """What ('fail', 'warn', 'no_warn', …), how it is compared ('', 'msg', 'regex'), and text."""

    @property
    def fails(self) -> bool:
        return any(what == "fail" for what, _, _ in self.expects)

    @property
    def holds_histograms(self) -> bool:
        return any(point == HISTOGRAM for _, points in self.series for point in points)


Command = Load | Clear | Evaluation


def duration_ms(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    text = text.lstrip("+-")
    if re.fullmatch(r"[\d.]+", text):
        return sign * round(float(text) * 1000)
    return sign * round(sum(float(n) * _UNITS_MS[unit] for n, unit in _DURATION.findall(text)))


def unquoted(text: str) -> str:
    if text.startswith("`"):
        return text[1:-1]
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1])


def number(text: str) -> float:
    return float(int(text, 16)) if text.lower().startswith("0x") else float(text)


def points_of(text: str) -> list[Point]:
    points: list[Point] = []
    for word in _POINT.findall(text):
        if word.startswith("{{"):
            repeated = re.search(r"x(\d+)$", word)
            points += [HISTOGRAM] * (int(repeated[1]) + 1 if repeated else 1)
        elif word == "_":
            points.append(None)
        elif re.fullmatch(r"_x\d+", word):
            points += [None] * int(word[2:])
        elif word == "stale":
            points.append("stale")
        elif found := _STEPS.fullmatch(word):
            step = number((found["sign"] or "") + found["step"]) if found["step"] else 0.0
            first = number(found["first"])
            points += [first + step * n if step else first for n in range(int(found["n"]) + 1)]
        else:
            points.append(number(word))
    return points


def starts_of(text: str) -> list[int | None]:
    starts: list[int | None] = []
    for word in text.split():
        found = _START.fullmatch(word)
        assert found is not None, text
        count = int(found["n"] or 0) + 1
        if found["first"] == "_":
            starts += [None] * (count if found["n"] is None else count - 1)
        else:
            first, step = duration_ms(found["first"]), duration_ms(found["step"] or "0")
            starts += [first + step * n for n in range(count)]
    return starts


def series_of(line: str) -> tuple[Labels, str]:
    """The labels at the beginning of a line, and the rest of it."""
    found = re.match(r"\s*([A-Za-z_:][\w:]*)?\s*", line)
    assert found is not None
    labels: dict[str, str] = {"__name__": found[1]} if found[1] else {}
    rest = line[found.end() :]
    if rest.startswith("{") and not rest.startswith("{{"):
        at = 1
        while not (end := re.match(r"\s*\}", rest[at:])):
            pair = _LABEL.match(rest, at)
            assert pair is not None, line
            assert pair.end() > at, line
            name = pair["name"] or unquoted(pair["quoted"])
            if pair["value"] is None:
                labels["__name__"] = name
            else:
                labels[name] = unquoted(pair["value"])
            at = pair.end()
        rest = rest[at + end.end() :]
    return tuple(sorted((name, value) for name, value in labels.items() if value)), rest


def read(path: Path) -> list[Command]:
    """The commands of a script, in order."""
    commands: list[Command] = []
    for number_, raw in enumerate(path.read_text().splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line == "clear":
            commands.append(Clear())
        elif found := re.fullmatch(r"load(_with_nhcb)?\s+(\S+)", line):
            commands.append(Load(duration_ms(found[2]), derive_histograms=bool(found[1])))
        elif line.startswith("eval") and (found := _EVAL.fullmatch(line)):
            commands.append(_evaluation(found, number_))
        elif isinstance(commands[-1], Load):
            labels, rest = series_of(line)
            if rest.startswith("@st"):
                commands[-1].starts[labels] = starts_of(rest.removeprefix("@st"))
            else:
                commands[-1].series.append((labels, points_of(rest)))
        else:
            assert isinstance(commands[-1], Evaluation), raw
            _expectation(commands[-1], line)
    return commands


def _evaluation(found: re.Match[str], line: int) -> Evaluation:
    evaluation = Evaluation(line, found["query"])
    if found["start"]:
        start, end, step = (duration_ms(found[name]) for name in ("start", "end", "step"))
        evaluation.span_ms = (start, end, step)
    else:
        evaluation.at_ms = duration_ms(found["at"] or "0")
    if found["old"] == "ordered":
        evaluation.ordered = True
    elif found["old"]:
        evaluation.expects.append((found["old"], "", ""))
    return evaluation


def _expectation(evaluation: Evaluation, line: str) -> None:
    if line.startswith("expected_fail_"):
        how, _, text = line.removeprefix("expected_fail_").partition(" ")
        evaluation.expects = [("fail", "msg" if how == "message" else "regex", text.strip())]
        return
    if line.startswith("expect "):
        line = line.removeprefix("expect ").strip()
        if line == "ordered":
            evaluation.ordered = True
        elif found := _RANGE.fullmatch(line):
            start, end, step = (duration_ms(part) for part in found.groups())
            evaluation.matrix_ms = (start, end, step)
        elif line.startswith("string "):
            evaluation.text = unquoted(line.removeprefix("string ").strip())
        else:
            what, _, how = line.partition(" ")
            kind, _, text = how.partition(":")
            evaluation.expects.append((what, kind.strip(), text.strip()))
        return
    labels, rest = series_of(line)
    try:
        bare = number(line)
    except ValueError:
        bare = math.nan if line == "NaN" else None  # type: ignore[assignment]
    if bare is not None:
        evaluation.scalar = bare
        return
    evaluation.series.append((labels, points_of(rest)))
