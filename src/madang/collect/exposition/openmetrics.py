"""OpenMetrics 1.0 text: as Prometheus reads it, or strictly, with its order and rules for values.

Strictly read, the pages of most Go programs are refused: their library names a gauge and a counter
such that two families share a name. Prometheus reads them, and so does a scrape here. It differs
from Prometheus as text does (see there), and in times: those beyond 64 bits stay at the end of the
range, and those with whole milliseconds are exact.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import numpy.typing as npt

from madang.collect.exposition.families import Families, KnownSample
from madang.collect.exposition.known import FLOAT_LABELS, PageCache
from madang.collect.exposition.layout import Layout, Lines, cut, first_of_each, split_lines
from madang.collect.exposition.loose_families import LooseFamilies
from madang.collect.exposition.metadata import decoded, read_family_name
from madang.collect.exposition.numbers import milliseconds
from madang.collect.exposition.page import (
    NO_TIMESTAMP,
    Created,
    Exemplar,
    Family,
    MetricType,
    Page,
    PageLimits,
)
from madang.collect.exposition.problem import MalformedPageError, shown_at
from madang.collect.exposition.rules import Rules
from madang.collect.exposition.series_text import Grammar, read_series, unescape
from madang.collect.exposition.tails import Tails, read_changed, read_tails

_METADATA = re.compile(rb"# (HELP|TYPE|UNIT) ")
_INFINITE_BOUND = re.compile(rb'[{,]"?le"?="\+Inf"')
_BOUND = re.compile(rb"(?:^|\xff)le\xff([^\xff]*)")
_EOF = b"# EOF"

_TYPE_OF_TEXT = {kind.value.encode(): kind for kind in MetricType}


def parse_openmetrics(
    body: bytes, cache: PageCache, limits: PageLimits, grammar: Grammar = Grammar.OPENMETRICS
) -> Page:
    """A page of OpenMetrics text.

    Raises:
        MalformedPageError: the page is refused whole.
        TooLargeError: it is over a limit.
    """
    lines = split_lines(body, limits)
    layout, cache.layout = cache.layout, None
    if (
        isinstance(layout, Layout)
        and isinstance(layout.rest, _OpenMetricsRest)
        and layout.rest.grammar is grammar
    ):
        try:
            page = _like_the_one_before(lines, layout, layout.rest, cache)
        except MalformedPageError:
            page = None  # the long way finds the place, or sees that it is well-formed after all
        if page is not None:
            return page
    return _OpenMetricsReading(lines, cache, grammar).page()


@dataclass(frozen=True, slots=True, eq=False)
class _OpenMetricsRest:
    """What a layout keeps for this format: ``timed`` if samples had times, ordered by them."""

    metadata: tuple[Family, ...]
    rules: Rules
    timed: bool
    grammar: Grammar


@dataclass(frozen=True, slots=True)
class _Description:
    kind: bytes
    name: bytes
    text: bytes


def _like_the_one_before(
    lines: Lines, layout: Layout, rest: _OpenMetricsRest, cache: PageCache
) -> Page | None:
    strict = rest.grammar is Grammar.OPENMETRICS_STRICT
    found = None if rest.timed and (strict or layout.repeats) else layout.tails_of(lines)
    if found is None:
        return None
    pieces, changed = found
    tails = read_changed(lines, layout, changed, rest.grammar)
    if tails.ts_ms is not None and (strict or layout.repeats):
        return None  # what their order allows is another matter on each page
    starts = lines.starts[layout.samples] + layout.key_sizes[layout.samples]
    _check(rest.rules, tails, starts)
    layout.lines, layout.pieces = lines, pieces
    layout.values = None if tails.ts_ms is not None else tails.values
    layout.exemplars = tails.exemplars
    cache.layout = layout
    return replace(_page(layout, rest, tails, cache), same_series=True)


def _check(rules: Rules, tails: Tails, starts: npt.NDArray[np.int32]) -> None:
    rules.check(tails.values, starts)
    for exemplar in tails.exemplars:
        if not rules.may_have_exemplar[exemplar.place]:
            message = "only buckets and the totals of counters have exemplars"
            raise MalformedPageError(message, int(starts[exemplar.place]))


def _page(layout: Layout, rest: _OpenMetricsRest, tails: Tails, cache: PageCache) -> Page:
    kept = layout.kept
    first, at = rest.rules.created
    seconds = tails.values[at].tolist()
    created = [
        Created(place, milliseconds(second))
        for place, second in zip(first.tolist(), seconds, strict=True)
        if second == second and abs(second) != float("inf")  # noqa: PLR0124 (NaN)
    ]
    exemplars: Sequence[Exemplar] = tails.exemplars
    if kept is not None:
        moved = np.full(len(layout.series), -1)
        moved[kept] = np.arange(len(kept))
        created = [Created(int(moved[c.place]), c.ts_ms) for c in created]
        exemplars = [
            replace(e, place=int(moved[e.place])) for e in exemplars if moved[e.place] >= 0
        ]
    return Page(
        labels=cache.known.labels,
        series=layout.page_series,
        values=tails.values if kept is None else tails.values[kept],
        ts_ms=tails.ts_ms if kept is None or tails.ts_ms is None else tails.ts_ms[kept],
        metadata=rest.metadata,
        exemplars=exemplars,
        created=created,
        duplicates=len(layout.series) - len(layout.page_series),
    )


class _OpenMetricsReading:
    """A page read line by line; lines that are known are looked up, the order is checked anew."""

    def __init__(self, lines: Lines, cache: PageCache, grammar: Grammar) -> None:
        self._lines = lines
        self._body = lines.body
        self._cache = cache
        self._float_label: bytes | None = None
        self._grammar = grammar
        self._families: Families | LooseFamilies = (
            Families() if grammar is Grammar.OPENMETRICS_STRICT else LooseFamilies()
        )

    def page(self) -> Page:
        lines = self._lines
        self._check_end()
        items, sizes = self._read_keys()
        key_sizes = np.array(sizes, np.int32)
        is_sample = np.fromiter((type(i) is KnownSample for i in items), np.bool_, len(items))
        samples = np.flatnonzero(is_sample).astype(np.int32)
        starts = lines.starts[samples] + key_sizes[samples]
        tails = read_tails(self._body, starts, lines.ends[samples], self._grammar)
        families = self._check_order(items, tails)
        rules = families.rules.compiled(len(samples))
        _check(rules, tails, starts)
        series = np.array([i.place for i in items if type(i) is KnownSample], np.int32)
        kept = first_of_each(series, tails.ts_ms, NO_TIMESTAMP)
        timed = tails.ts_ms is not None
        rest = _OpenMetricsRest(tuple(families.metadata), rules, timed, self._grammar)
        layout = Layout(
            lines=lines,
            pieces=cut(lines, lines.starts + key_sizes),
            key_sizes=key_sizes,
            samples=samples,
            series=series,
            page_series=series if kept is None else series[kept],
            kept=kept,
            repeats=first_of_each(series, None, NO_TIMESTAMP) is not None,
            values=None if timed else tails.values,
            exemplars=tails.exemplars,
            rest=rest,
        )
        self._cache.layout = layout
        return _page(layout, rest, tails, self._cache)

    def _check_end(self) -> None:
        lines = self._lines
        last = self._body[lines.starts[-1] :] if len(lines) else b""
        if last.removesuffix(b"\n") != _EOF:
            at = int(lines.starts[-1]) if len(lines) else 0
            raise MalformedPageError("expected '# EOF' as the last line", at)

    def _read_keys(self) -> tuple[list[KnownSample | _Description | None], list[int]]:
        """By line: a known sample or metadata (None: the end); and the size of its key."""
        items: list[KnownSample | _Description | None] = []
        sizes: list[int] = []
        known = self._cache.texts
        texts = known.setdefault((self._grammar, None), {})
        described = known.setdefault("openmetrics metadata", {})
        if len(described) > 2 * len(self._lines) + 1000:  # help texts that change with every page
            described.clear()
        last = len(self._lines) - 1
        starts = self._lines.starts.tolist()
        for line, start in zip(self._body.split(b"\n"), starts, strict=False):
            size = line.rfind(b" ") + 1
            item = texts.get(line[:size])
            if item is None:
                if line[:1] == b"#":
                    size = len(line)
                    item = described.get(line)
                    if item is None and (len(items) < last or line != _EOF):
                        item = described[line] = self._describe(line, start)
                    if item is not None and item.kind == b"TYPE":
                        kind = _TYPE_OF_TEXT.get(item.text, MetricType.UNKNOWN)
                        self._float_label = FLOAT_LABELS.get(kind)
                        texts = known.setdefault((self._grammar, self._float_label), {})
                else:
                    item, size = self._read_sample(line, start, texts)
            items.append(item)
            sizes.append(size)
        return items, sizes

    def _describe(self, line: bytes, start: int) -> _Description:
        if line == _EOF:
            raise MalformedPageError("there is more behind '# EOF'", start)
        match = _METADATA.match(line)
        if match is None:
            raise MalformedPageError("expected '# HELP', '# TYPE', '# UNIT' or '# EOF'", start)
        end = start + len(line)
        name, at = read_family_name(self._body, start + match.end(), end)
        if self._body[at : at + 1] != b" ":
            raise MalformedPageError(f"expected a blank, found {shown_at(self._body, at)}", at)
        text = line[at + 1 - start :]
        decoded(text, at + 1)
        return _Description(
            match[1], name.encode(), unescape(text) if match[1] == b"HELP" else text
        )

    def _read_sample(
        self, line: bytes, start: int, texts: dict[bytes, KnownSample]
    ) -> tuple[KnownSample, int]:
        known = self._cache.known
        size = line.rfind(b'"} ') + 3
        head = line[:size]
        place: int | None = None
        if size <= 2 and b"{" not in line:
            size = line.find(b" ") + 1
            head = line[:size]
            name = line[: size - 1] if size else b""
            place = known.place_of_name(name)
        elif size > 2:
            if (item := texts.get(head)) is not None:
                return item, size
            if head.isascii():
                place = known.place_of_plain(head, self._float_label)
                name = head[: head.find(b"{")]
        if place is None:
            text = read_series(self._body, start, self._grammar)
            name, place = text.name, known.place_of(text, start, self._float_label)
            size = text.end - start
            head = line[:size]
        labels = known.labels[place]
        odd = b"inf" in head.lower() and _is_odd_infinity(labels, head)
        item = KnownSample(place, name, labels, odd)
        if len(texts) < len(known) * 2 + 1000:  # one series may be written in many ways
            texts[head] = item
        return item, size

    def _check_order(
        self, items: list[KnownSample | _Description | None], tails: Tails
    ) -> Families | LooseFamilies:
        families = self._families
        exact = tails.exact
        place = 0
        for item, start in zip(items, self._lines.starts.tolist(), strict=True):
            if type(item) is KnownSample:
                families.add(place, item, exact.get(place), start)
                place += 1
            elif item is not None:
                described = cast("_Description", item)
                families.describe(described.kind, described.name, described.text, start)
            else:
                families.finish(start)
        return families


def _is_odd_infinity(labels: bytes, head: bytes) -> bool:
    """Whether there is an infinite ``le`` that is not written ``+Inf``."""
    match = _BOUND.search(labels)
    if match is None or not match[1].lower().endswith((b"inf", b"infinity")):
        return False
    return match[1] != b"-Inf" and _INFINITE_BOUND.search(head) is None
