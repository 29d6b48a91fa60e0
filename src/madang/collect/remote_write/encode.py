"""Samples → bodies of remote write, packed: for the sender, and to try receivers out."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from madang.collect.pushed import FamilyMetadata
from madang.collect.remote_write.messages import METRIC_TYPES, V1, V2
from madang.collect.remote_write.plain import SAMPLE_BYTES, fits, write_samples
from madang.collect.remote_write.snappy import pack
from madang.collect.remote_write.varint import SMALL, varint
from madang.core.samples import METRIC_NAME, Samples, labels_of

_SEPARATOR = b"\xff"


class RemoteWriteEncoder:
    """Writes requests; keeps the wire form of the series it has written. Not safe across threads.

    Args:
        series_limit: How many series to keep before they are forgotten.
    """

    def __init__(self, series_limit: int = 1_000_000) -> None:
        self._limit = series_limit
        self._heads: dict[bytes, bytes] = {}
        self._names: dict[bytes, str] = {}

    def v1(self, samples: Samples, metadata: Sequence[FamilyMetadata] = ()) -> bytes:
        """A WriteRequest of 1.0; the samples of a series are one TimeSeries, in their order."""
        parts: list[bytes] = []
        for labels, wire in _by_series(samples):
            head = self._head(labels)
            parts.append(b"\x0a" + varint(len(head) + len(wire)) + head + wire)
        if metadata:
            request = V1["WriteRequest"]()
            for one in metadata:
                request.metadata.add(
                    type=_type_number(one.type),
                    metric_family_name=one.family.encode(),
                    help=one.help.encode(),
                    unit=one.unit.encode(),
                )
            parts.append(request.SerializeToString())
        return pack(b"".join(parts))

    def v2(self, samples: Samples, metadata: Sequence[FamilyMetadata] = ()) -> bytes:
        """A Request of 2.0; metadata of a family goes with each series of that metric name."""
        symbols: dict[bytes, int] = {b"": 0}
        told = {one.family: one for one in metadata}
        parts: list[bytes] = []
        for labels, wire in _by_series(samples):
            refs = [symbols.setdefault(text, len(symbols)) for text in labels.split(_SEPARATOR)]
            packed = b"".join([SMALL[ref] if ref < 0x4000 else varint(ref) for ref in refs])
            series = b"\x0a" + varint(len(packed)) + packed + wire
            if told and (one := told.get(self._name(labels))):
                series += _metadata_v2(one, symbols)
            parts.append(b"\x2a" + varint(len(series)) + series)
        table = [b"\x22" + varint(len(symbol)) + symbol for symbol in symbols]
        return pack(b"".join(table + parts))

    def _name(self, labels: bytes) -> str:
        found = self._names.get(labels)
        if found is None:
            if len(self._names) >= self._limit:
                self._names.clear()
            found = self._names[labels] = sys.intern(labels_of(labels)[METRIC_NAME])
        return found

    def _head(self, labels: bytes) -> bytes:
        found = self._heads.get(labels)
        if found is None:
            if len(self._heads) >= self._limit:
                self._heads.clear()
            series = V1["TimeSeries"]()
            parts = labels.split(_SEPARATOR)
            for name, value in zip(parts[::2], parts[1::2], strict=True):
                series.labels.add(name=name, value=value)
            found = self._heads[labels] = series.SerializeToString()
        return found


def _by_series(samples: Samples) -> Iterator[tuple[bytes, bytes]]:
    """Each series' labels and its samples on the wire."""
    if not len(samples):
        return
    order = np.argsort(samples.series, kind="stable")
    series = samples.series[order]
    firsts = np.flatnonzero(np.diff(series, prepend=-1))
    edges = [*firsts.tolist(), len(order)]
    places = series[firsts].tolist()
    times_ms, values = samples.ts_ms[order], samples.values[order]
    if fits(times_ms):
        wire = write_samples(times_ms, values)
        for place, start, end in zip(places, edges[:-1], edges[1:], strict=True):
            yield samples.labels[place], wire[start * SAMPLE_BYTES : end * SAMPLE_BYTES]
        return
    for place, start, end in zip(places, edges[:-1], edges[1:], strict=True):
        message: Any = V1["TimeSeries"]()
        pairs = zip(times_ms[start:end].tolist(), values[start:end].tolist(), strict=True)
        for ts_ms, value in pairs:
            message.samples.add(value=value, timestamp=ts_ms)
        yield samples.labels[place], message.SerializeToString()


def _metadata_v2(metadata: FamilyMetadata, symbols: dict[bytes, int]) -> bytes:
    refs = [
        symbols.setdefault(text.encode(), len(symbols)) for text in (metadata.help, metadata.unit)
    ]
    message = V2["Metadata"](type=_type_number(metadata.type), help_ref=refs[0], unit_ref=refs[1])
    wire: bytes = message.SerializeToString()
    return b"\x2a" + varint(len(wire)) + wire


def _type_number(kind: str) -> int:
    return METRIC_TYPES.index(kind) if kind in METRIC_TYPES else 0
