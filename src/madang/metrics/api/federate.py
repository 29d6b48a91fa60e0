"""``/federate``: the newest sample of each series that is asked for, as a page to scrape."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from madang.core.clock import Clock
from madang.core.samples import METRIC_NAME, is_opaque, is_stale
from madang.metrics.api.answers import Answer
from madang.metrics.api.knowledge import Knowledge
from madang.metrics.api.params import Params
from madang.metrics.matcher import Labels
from madang.metrics.number_text import page_text
from madang.metrics.storage import SampleStorage, SeriesSet

ANY_NAMES = "escaping=allow-utf-8"
"""What a scraper's ``Accept`` says if it reads names beyond letters, digits, ``_`` and ``:``."""
_PAGE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
_PAGE_OF_ANY_NAMES = "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
_INSTANCE = "instance"
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


class Federation:
    """Writes pages; a series that ended, or has no sample within the lookback, is not on them.

    Every sample has its time. Labels of the server (``external_labels``) are added where a series
    lacks them, and an empty ``instance``, so that the scraper keeps what is there. For scrapers
    that do not read all names, others than theirs are written with ``_`` in place of what is odd.
    """

    def __init__(self, storage: SampleStorage, clock: Clock, knowledge: Knowledge) -> None:
        self._storage = storage
        self._clock = clock
        self._knowledge = knowledge

    def answer(self, params: Params, accept: str) -> Answer:
        """A page. Raises InvalidInputError, TooLargeError.

        Args:
            params: ``match[]``.
            accept: The header of that name.
        """
        now_ms = self._clock.now_us() // 1000
        options = params.budget.options
        added = {_INSTANCE: "", **self._knowledge.external_labels()}
        found: dict[Labels, tuple[int, float]] = {}
        for matchers in params.matchers():
            params.budget.check_time()
            series = self._storage.select(
                matchers, now_ms - options.lookback_ms, now_ms, limit=params.budget.left
            )
            params.budget.read(series.samples, len(series))
            for labels, at_ms, value in _newest(series):
                found[labels] = at_ms, value
        params.budget.series = len(found)
        plain = ANY_NAMES not in accept.replace(" ", "").lower()
        if plain:
            found = {_plainly_named(labels): sample for labels, sample in found.items()}
        page = "".join(_lines(found, added)).encode()
        return Answer(200, page, _PAGE if plain else _PAGE_OF_ANY_NAMES)


def _newest(series: SeriesSet) -> Iterator[tuple[Labels, int, float]]:
    """The last sample of each series, unless it says that the series ended."""
    some = np.flatnonzero(np.diff(series.offsets))
    last = series.offsets[some + 1] - 1
    values = series.values[last]
    kept = ~is_stale(values) & ~is_opaque(values)
    if series.histograms is not None:  # no place for them in this format
        kept &= np.array([one is None for one in series.histograms[last].tolist()], np.bool_)
    places, times = some[kept].tolist(), series.ts_ms[last][kept].tolist()
    for place, at_ms, value in zip(places, times, values[kept].tolist(), strict=True):
        yield series.labels[place], at_ms, value


def _lines(found: Mapping[Labels, tuple[int, float]], added: Mapping[str, str]) -> Iterator[str]:
    # Labels are sorted and begin with the name, mostly; a series without one has no line.
    named = [(dict(labels), sample) for labels, sample in sorted(found.items())]
    named = [(labels, sample) for labels, sample in named if METRIC_NAME in labels]
    named.sort(key=lambda one: one[0][METRIC_NAME])
    written = ""
    for labels, (at_ms, value) in named:
        name = labels.pop(METRIC_NAME)
        if name != written:
            yield f"# TYPE {_name(name)} untyped\n"
            written = name
        pairs = [
            *labels.items(),
            *((own, text) for own, text in added.items() if own not in labels),
        ]
        yield f"{_series(name, pairs)} {page_text(value)} {at_ms}\n"


def _plainly_named(labels: Labels) -> Labels:
    """Labels with names that every scraper reads."""
    if all(_LABEL.fullmatch(label) for label, _ in labels) and _METRIC.fullmatch(
        dict(labels).get(METRIC_NAME, "_")
    ):
        return labels
    found: dict[str, str] = {}
    for label, value in labels:
        text = _plain(value, _METRIC) if label == METRIC_NAME else value
        found.setdefault(_plain(label, _LABEL), text)
    return tuple(sorted(found.items()))


def _plain(name: str, good: re.Pattern[str]) -> str:
    """A name with ``_`` in place of each sign that is not allowed where it stands."""
    return "".join(
        sign if good.fullmatch(sign if place == 0 else f"_{sign}") else "_"
        for place, sign in enumerate(name)
    )


def _series(name: str, pairs: Sequence[tuple[str, str]]) -> str:
    items = [
        f"{label if _LABEL.fullmatch(label) else _quoted(label)}={_quoted(value)}"
        for label, value in pairs
    ]
    if _METRIC.fullmatch(name):
        return f"{name}{{{','.join(items)}}}" if items else name
    return f"{{{','.join([_quoted(name), *items])}}}"


def _name(name: str) -> str:
    return name if _METRIC.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
