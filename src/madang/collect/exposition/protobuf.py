"""Prometheus's protobuf exposition: messages of families, each behind its length.

A page that differs from the one before in nothing but numbers of the same width has them at the
same places: it is compared under a mask, and the numbers are gathered in bulk. Otherwise that is
tried family by family, then metric by metric, and what is left is read field by field.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from madang.collect.exposition.known import KnownSeries, PageCache
from madang.collect.exposition.layout import first_of_each
from madang.collect.exposition.page import (
    NO_TIMESTAMP,
    Created,
    Exemplar,
    Family,
    MetricType,
    NativeHistogram,
    Page,
    PageLimits,
)
from madang.collect.exposition.protobuf_family import (
    MetricParts,
    read_head,
    read_metric,
)
from madang.collect.exposition.protobuf_wire import broken, read_varint
from madang.core.errors import Place, TooLargeError

_BYTES = npt.NDArray[np.uint8]
_NOTHING = np.empty(0, np.int32)
_VARINT_MASK = b"\x80" * 9 + b"\xfe"
"""Which bits of a varint must be the same again: those that say where it ends, and of the tenth
byte all but the lowest, which alone is within 64 bits."""


@dataclass(slots=True, eq=False)
class _Metric:
    """A metric as it was; its bytes and what of them must be the same again, as two numbers."""

    raw: bytes
    parts: MetricParts
    mask: int = 0
    masked: int = 0

    def is_like(self, raw: bytes) -> bool:
        """Whether a message differs in nothing but numbers; if so, it is the one before next."""
        if raw != self.raw:
            if not self.parts.steady or len(raw) != len(self.raw):
                return False
            if self.mask == 0:
                self._make_mask()
            if int.from_bytes(raw, "little") & self.mask != self.masked:
                return False
            self.raw = raw
        return True

    def _make_mask(self) -> None:
        mask = bytearray(b"\xff" * len(self.raw))
        for (start, end), fixed in zip(self.parts.numbers, self.parts.fixed, strict=True):
            size = end - start
            mask[start:end] = bytes(size) if fixed else _VARINT_MASK[:size]
        self.mask = int.from_bytes(mask, "little")
        self.masked = int.from_bytes(self.raw, "little") & self.mask


@dataclass(slots=True, eq=False)
class _Message:
    """A family as it was: its bytes, what of them must be the same again, and its samples."""

    raw: bytes
    mask: _BYTES | None
    family: Family
    metrics: list[_Metric]
    series: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int32]
    fixed: npt.NDArray[np.bool_]


@dataclass(slots=True, eq=False)
class _PageBefore:
    """A page as it was; ``numbers`` are where its numbers are."""

    raw: _BYTES
    mask: _BYTES | None
    messages: list[_Message]
    numbers: _Numbers
    page: Page
    kept: npt.NDArray[np.intp] | None


def parse_protobuf(body: bytes, cache: PageCache, limits: PageLimits) -> Page:
    """A page of delimited ``io.prometheus.client.MetricFamily``.

    Of a native histogram the classic series are read as well; it is itself a sample of the bare
    name, whose value is the sum, and its message is in ``Page.histograms``.

    Raises:
        MalformedPageError: the page is refused whole.
        TooLargeError: it is over a limit.
    """
    if len(body) > limits.body_bytes:
        message = f"the page has {len(body)} bytes, {limits.body_bytes} are allowed"
        raise TooLargeError(message, where=Place("page"))
    before, cache.layout = cache.layout, None
    raw = np.frombuffer(body, np.uint8)
    if not isinstance(before, _PageBefore):
        before = None
    elif before.mask is not None and _alike(raw, before.raw, before.mask):
        values = before.numbers.read(raw)
        kept = before.kept
        page = replace(
            before.page,
            labels=cache.known.labels,
            values=values if kept is None else values[kept],
            same_series=True,
        )
        cache.layout = before
        return page
    return _read(body, raw, cache, before.messages if before else [], limits)


def _alike(new: _BYTES, old: _BYTES, mask: _BYTES) -> bool:
    return len(new) == len(old) and not ((new ^ old) & mask).any()


class _Numbers:
    """Where the numbers of a page are, in groups of one width."""

    def __init__(
        self,
        starts: npt.NDArray[np.int32],
        sizes: npt.NDArray[np.int32],
        fixed: npt.NDArray[np.bool_],
    ) -> None:
        self._count = len(starts)
        self._doubles = np.flatnonzero(fixed & (sizes > 0))
        self._double_starts = starts[self._doubles]
        self._varints: list[tuple[int, npt.NDArray[np.intp], npt.NDArray[np.int32]]] = []
        for size in np.unique(sizes[~fixed & (sizes > 0)]).tolist():
            places = np.flatnonzero(~fixed & (sizes == size))
            self._varints.append((size, places, starts[places]))

    def read(self, raw: _BYTES) -> npt.NDArray[np.float64]:
        """The numbers of a page whose bytes these are; 0 where one was left out."""
        values = np.zeros(self._count, np.float64)
        if len(self._doubles):
            at = self._double_starts[:, None] + np.arange(8, dtype=np.int32)
            values[self._doubles] = raw[at].view("<f8")[:, 0]
            values[np.isnan(values)] = np.nan  # one NaN: never one that marks staleness
        for size, places, starts in self._varints:
            whole = np.zeros(len(places), np.uint64)
            for byte in range(size):
                part = (raw[starts + byte] & 0x7F).astype(np.uint64)
                whole |= part << np.uint64(7 * byte)
            values[places] = whole
        return values


def _read(
    body: bytes, raw: _BYTES, cache: PageCache, known: list[_Message], limits: PageLimits
) -> Page:
    spans = _split(body, limits)
    messages: list[_Message] = []
    for start, end in spans:
        place = len(messages)
        messages.append(_message(body[start:end], raw[start:end], cache.known, known, place))
    offsets = np.array([start for start, _ in spans], np.int32)
    counts = np.array([len(message.series) for message in messages], np.int64)
    starts = np.concatenate([_NOTHING, *(message.starts for message in messages)])
    starts += np.repeat(offsets, counts)
    sizes = np.concatenate([_NOTHING, *(message.sizes for message in messages)])
    fixed = np.concatenate([_NOTHING.astype(np.bool_), *(message.fixed for message in messages)])
    series = np.concatenate([_NOTHING, *(message.series for message in messages)])
    numbers = _Numbers(starts, sizes, fixed)
    values = numbers.read(raw)
    times = [
        time for message in messages for metric in message.metrics for time in metric.parts.ts_ms
    ]
    ts_ms = np.array(times, np.int64) if any(t != NO_TIMESTAMP for t in times) else None
    kept = first_of_each(series, ts_ms, NO_TIMESTAMP)
    beside = _Beside(messages, counts, len(series), kept)
    page = Page(
        labels=cache.known.labels,
        series=series if kept is None else series[kept],
        values=values if kept is None else values[kept],
        ts_ms=ts_ms if kept is None or ts_ms is None else ts_ms[kept],
        metadata=beside.metadata,
        exemplars=beside.exemplars,
        created=beside.created,
        histograms=beside.histograms,
        duplicates=0 if kept is None else len(series) - len(kept),
    )
    mask: _BYTES | None = np.full(len(body), 0xFF, np.uint8)
    for (start, end), message in zip(spans, messages, strict=True):
        if mask is None or message.mask is None:
            mask = None
            break
        mask[start:end] = message.mask
    cache.layout = _PageBefore(raw, mask, messages, numbers, page, kept)
    return page


def _split(body: bytes, limits: PageLimits) -> list[tuple[int, int]]:
    spans = []
    at, end = 0, len(body)
    while at < end:
        size, start = read_varint(body, at, end)
        if start + size > end:
            raise broken(f"a family of {size} bytes, but {end - start} are left", at)
        at = start + size
        spans.append((start, at))
        if len(spans) > limits.lines:
            message = f"the page has more than {limits.lines} families"
            raise TooLargeError(message, where=Place("page"))
    return spans


def _message(
    body: bytes, raw: _BYTES, series: KnownSeries, known: list[_Message], place: int
) -> _Message:
    before = known[place] if place < len(known) else None
    if before is not None:
        if body == before.raw:
            return before
        if before.mask is not None and _alike(
            raw, np.frombuffer(before.raw, np.uint8), before.mask
        ):
            return replace(before, raw=body)
    head = read_head(body)
    same_kind = before is not None and _kind(before.family) == _kind(head.family)
    old = before.metrics if before is not None and same_kind else []
    metrics = []
    for index, (at, end) in enumerate(head.metrics):
        one = body[at:end]
        if index < len(old) and old[index].is_like(one):
            metrics.append(old[index])
        else:
            metrics.append(_Metric(one, read_metric(one, head, series)))
    counts = [len(metric.parts.series) for metric in metrics]
    offsets = np.repeat(np.array([at for at, _ in head.metrics], np.int32), counts)
    spans = [span for metric in metrics for span in metric.parts.numbers]
    numbers = np.array(spans, np.int32).reshape(-1, 2)
    sizes = numbers[:, 1] - numbers[:, 0]
    starts = numbers[:, 0] + offsets
    fixed = np.array([one for metric in metrics for one in metric.parts.fixed], np.bool_)
    at_series = np.array([one for metric in metrics for one in metric.parts.series], np.int32)
    steady = all(metric.parts.steady for metric in metrics)
    mask = _mask(len(body), starts, sizes, fixed) if steady else None
    return _Message(body, mask, head.family, metrics, at_series, starts, sizes, fixed)


def _kind(family: Family) -> tuple[str, MetricType]:
    return family.name, family.type


def _mask(
    size: int,
    starts: npt.NDArray[np.int32],
    sizes: npt.NDArray[np.int32],
    fixed: npt.NDArray[np.bool_],
) -> _BYTES:
    mask = np.full(size, 0xFF, np.uint8)
    doubles = starts[fixed & (sizes > 0)]
    mask[doubles[:, None] + np.arange(8)] = 0
    for byte in range(int(sizes[~fixed].max(initial=0))):
        mask[starts[~fixed & (sizes > byte)] + byte] = _VARINT_MASK[byte]
    return mask


class _Beside:
    """What families say beside samples, by the places of samples in the page."""

    def __init__(
        self,
        messages: list[_Message],
        counts: npt.NDArray[np.int64],
        total: int,
        kept: npt.NDArray[np.intp] | None,
    ) -> None:
        self.metadata: tuple[Family, ...] = tuple(message.family for message in messages)
        self.exemplars: list[Exemplar] = []
        self.created: list[Created] = []
        self.histograms: list[NativeHistogram] = []
        places = np.arange(total)
        if kept is not None:
            places = np.full(total, -1)
            places[kept] = np.arange(len(kept))
        first = (np.cumsum(counts) - counts).tolist()
        for start, message in zip(first, messages, strict=True):
            base = start
            for metric in message.metrics:
                parts = metric.parts
                self.exemplars += _moved(parts.exemplars, base, places)
                self.created += _moved(parts.created, base, places)
                self.histograms += _moved(parts.histograms, base, places)
                base += len(parts.series)


_Placed = TypeVar("_Placed", Exemplar, Created, NativeHistogram)


def _moved(those: tuple[_Placed, ...], base: int, places: npt.NDArray[np.intp]) -> list[_Placed]:
    """The same at their places in the page; without those of samples that were left out."""
    moved = []
    for one in those:
        place = int(places[base + one.place])
        if place >= 0:
            moved.append(replace(one, place=place))
    return moved
