"""Samples → a page of text 0.0.4, as /federate and a push gateway's /metrics answer."""

from __future__ import annotations

from collections.abc import Iterable

from madang.collect.exposition.page import NO_TIMESTAMP, Family, MetricType
from madang.collect.exposition.writing import (
    family_name,
    number_texts,
    series_name,
    series_text,
)
from madang.core.samples import Samples

_TYPES = {
    MetricType.COUNTER: b"counter",
    MetricType.GAUGE: b"gauge",
    MetricType.HISTOGRAM: b"histogram",
    MetricType.SUMMARY: b"summary",
    MetricType.INFO: b"gauge",
    MetricType.STATESET: b"gauge",
}
_PARTS = {
    MetricType.HISTOGRAM: ("_bucket", "_sum", "_count"),
    MetricType.SUMMARY: ("_sum", "_count"),
}
_SUFFIXED = {MetricType.COUNTER: "_total", MetricType.INFO: "_info"}
"""Types whose sample in OpenMetrics has another name than its family; here it is the family."""


def write_text(samples: Samples, metadata: Iterable[Family] = ()) -> bytes:
    """A page: each family with its metadata first, the samples of a family in their order.

    Args:
        samples: Those with ``NO_TIMESTAMP`` are written without a time.
        metadata: Families, by the names of any format; those without samples are written as well.
            Types that the format lacks become the nearest that it has.
    """
    families = {_family_name_here(family): family for family in metadata}
    parts = {
        name + suffix: name
        for name, family in families.items()
        for suffix in _PARTS.get(family.type, ())
    }
    blocks: dict[str, list[bytes]] = {}
    block_of: list[list[bytes]] = []
    texts: list[bytes] = []
    for labels in samples.labels:
        sample = series_name(labels).decode()
        name = sample if sample in families else parts.get(sample, sample)
        block_of.append(blocks.setdefault(name, []))
        texts.append(series_text(labels))
    rows = zip(
        samples.series.tolist(),
        number_texts(samples.values.tolist()),
        samples.ts_ms.tolist(),
        strict=True,
    )
    for series, number, ts_ms in rows:
        line = texts[series] + b" " + number
        block_of[series].append(line if ts_ms == NO_TIMESTAMP else b"%b %d" % (line, ts_ms))
    out: list[bytes] = []
    for name in (*blocks, *(name for name in families if name not in blocks)):
        lines = blocks.get(name, [])
        described = families.get(name)
        if described is not None:
            out += _header(name, described)
        out += lines
    return b"\n".join((*out, b"")) if out else b""


def _family_name_here(family: Family) -> str:
    suffix = _SUFFIXED.get(family.type, "")
    return family.name if family.name.endswith(suffix) else family.name + suffix


def _header(name: str, family: Family) -> list[bytes]:
    written = family_name(name.encode())
    lines = []
    if family.help:
        text = family.help.replace("\\", "\\\\").replace("\n", "\\n")
        lines.append(b"# HELP " + written + b" " + text.encode())
    lines.append(b"# TYPE " + written + b" " + _TYPES.get(family.type, b"untyped"))
    return lines
