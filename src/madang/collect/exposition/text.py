"""Text 0.0.4 and 1.0.0: what Prometheus's own parser accepts and refuses.

Held against that of Prometheus 3 with random pages, it differs on purpose where a page is broken:
a NUL byte at the start of a line or in a comment does not end the page without a word, blanks
before a name are not part of it, and a name in quotes is neither empty nor over two lines.
"""

from __future__ import annotations

import numpy as np

from madang.collect.exposition.known import PageCache
from madang.collect.exposition.layout import Layout, Lines, cut, first_of_each, split_lines
from madang.collect.exposition.metadata import TextMetadata
from madang.collect.exposition.page import NO_TIMESTAMP, Family, Page, PageLimits
from madang.collect.exposition.problem import MalformedPageError
from madang.collect.exposition.series_text import Grammar, read_series
from madang.collect.exposition.tails import read_changed, read_tails
from madang.core.utf8 import is_utf8


def parse_text(body: bytes, cache: PageCache, limits: PageLimits) -> Page:
    """A page of text 0.0.4.

    Raises:
        MalformedPageError: the page is refused whole.
        TooLargeError: it is over a limit.
    """
    lines = split_lines(body, limits)
    layout, cache.layout = cache.layout, None
    if isinstance(layout, Layout) and isinstance(layout.rest, _TextRest):
        try:
            page = _like_the_one_before(lines, layout, layout.rest, cache)
        except MalformedPageError:
            page = None  # it may be well-formed in another way, or the long way finds the place
        if page is not None:
            return page
    return _TextReading(lines, cache).page()


class _TextRest:
    """What a layout keeps for this format."""

    __slots__ = ("metadata",)

    def __init__(self, metadata: tuple[Family, ...]) -> None:
        self.metadata = metadata


def _like_the_one_before(
    lines: Lines, layout: Layout, rest: _TextRest, cache: PageCache
) -> Page | None:
    found = layout.tails_of(lines)
    if found is None:
        return None
    pieces, changed = found
    tails = read_changed(lines, layout, changed, grammar=Grammar.TEXT)
    kept = layout.kept
    if layout.repeats and (tails.ts_ms is not None or layout.values is None):
        return None  # with times, which of them stay is another matter on each page
    layout.lines, layout.pieces = lines, pieces
    layout.values = None if tails.ts_ms is not None else tails.values
    cache.layout = layout
    return Page(
        labels=cache.known.labels,
        series=layout.page_series,
        values=tails.values if kept is None else tails.values[kept],
        ts_ms=tails.ts_ms,
        metadata=rest.metadata,
        duplicates=0 if kept is None else len(layout.series) - len(kept),
        same_series=True,
    )


class _TextReading:
    """A page read line by line, where its series are looked up or read label by label."""

    def __init__(self, lines: Lines, cache: PageCache) -> None:
        self._lines = lines
        self._body = lines.body
        self._cache = cache
        self._metadata = TextMetadata()
        self._utf8 = is_utf8(self._body)
        self._texts = cache.texts.setdefault(None, {})
        self._comparable = True
        self._ends: dict[int, int] = {}
        """Lines that end behind a newline, as one is within a label's value."""

    def page(self) -> Page:
        places, sizes = self._read_keys()
        lines = self._lines
        if self._ends:
            ends = lines.ends.copy()
            ends[list(self._ends)] = list(self._ends.values())
            lines = Lines(lines.body, lines.starts, ends)
        at = np.array(places, np.int32)
        key_sizes = np.array(sizes, np.int32)
        samples = np.flatnonzero(at >= 0).astype(np.int32)
        series = at[samples]
        tails = read_tails(
            self._body,
            lines.starts[samples] + key_sizes[samples],
            lines.ends[samples],
            grammar=Grammar.TEXT,
        )
        kept = first_of_each(series, tails.ts_ms, NO_TIMESTAMP)
        metadata = self._metadata.families()
        page_series = series if kept is None else series[kept]
        if self._comparable:
            self._cache.layout = Layout(
                lines=lines,
                pieces=cut(lines, lines.starts + key_sizes),
                key_sizes=key_sizes,
                samples=samples,
                series=series,
                page_series=page_series,
                kept=kept,
                repeats=first_of_each(series, None, NO_TIMESTAMP) is not None,
                values=None if tails.ts_ms is not None else tails.values,
                exemplars=[],
                rest=_TextRest(metadata),
            )
        return Page(
            labels=self._cache.known.labels,
            series=page_series,
            values=tails.values if kept is None else tails.values[kept],
            ts_ms=tails.ts_ms if kept is None or tails.ts_ms is None else tails.ts_ms[kept],
            metadata=metadata,
            duplicates=len(series) - len(page_series),
        )

    def _read_keys(self) -> tuple[list[int], list[int]]:
        """By line: its series, or -1; and the size of its key."""
        places: list[int] = []
        sizes: list[int] = []
        behind = 0  # lines that begin before this belong to one before them
        texts = self._texts
        starts = self._lines.starts.tolist()
        for line, start in zip(self._body.split(b"\n"), starts, strict=False):
            size = line.rfind(b" ") + 1
            place = texts.get(line[:size])
            if place is None or start < behind:
                if start < behind:
                    place, size = -1, 0
                elif not line or line.lstrip(b" \t")[:1] in (b"#", b""):
                    self._metadata.read(self._body, start, start + len(line))
                    texts = self._cache.texts.setdefault(self._metadata.float_label, {})
                    self._texts = texts
                    place, size = -1, len(line)
                else:
                    place, size = self._read_series(line, start)
                    if size > len(line):
                        behind = self._over_lines(len(places), start + size)
            places.append(place)
            sizes.append(size)
        return places, sizes

    def _read_series(self, line: bytes, start: int) -> tuple[int, int]:
        float_label = self._metadata.float_label
        place: int | None
        size = line.rfind(b'"} ') + 3
        if size <= 2 and b"{" not in line:
            size = line.find(b" ") + 1
            place = self._cache.known.place_of_name(line[: size - 1]) if size else None
            if place is not None:
                self._remember(line[:size], place)
                return place, size
        elif size > 2:
            head = line[:size]
            place = self._texts.get(head)
            if place is not None:
                return place, size
            if self._utf8 or is_utf8(head):
                place = self._cache.known.place_of_plain(head, float_label)
            if place is not None:
                self._remember(head, place)
                return place, size
        text = read_series(self._body, start, Grammar.TEXT)
        place = self._cache.known.place_of(text, start, float_label)
        key = self._body[start : text.end]
        if key.endswith(b" "):
            self._remember(key, place)
        elif not key.endswith((b"}", b"\t")):
            # `a-1` is the value -1 of `a`; but `a` may be followed by anything on the next page.
            self._comparable = False
        return place, len(key)

    def _remember(self, key: bytes, place: int) -> None:
        if len(self._texts) > 2 * len(self._cache) + 1000:  # written in another way on every page
            self._texts.clear()
        self._texts[key] = place

    def _over_lines(self, line: int, key_end: int) -> int:
        """A newline is in a label's value: the line goes on. Returns where it ends."""
        end = self._body.find(b"\n", key_end)
        self._ends[line] = len(self._body) if end < 0 else end
        self._comparable = False
        return self._ends[line]
