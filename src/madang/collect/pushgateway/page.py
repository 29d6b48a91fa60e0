"""All groups as one page, as ``/metrics`` answers: families by name, metrics by their labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

from madang.collect.exposition.numbers import format_float
from madang.collect.exposition.series_text import METRIC
from madang.collect.exposition.writing import escaped, family_name, label_name
from madang.collect.pushgateway.families import StoredFamily
from madang.collect.pushgateway.group import Group
from madang.collect.pushgateway.messages import (
    COUNTER,
    GAUGE,
    HISTOGRAMS,
    SUMMARY,
    VALUE_FIELDS,
    family_class,
)
from madang.collect.pushgateway.series import bucket_count, histogram_count
from madang.collect.wire_messages import AnyMessage

TEXT = "text/plain; version=0.0.4; charset=utf-8"
PROTOBUF = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)
_TYPES = {COUNTER: b"counter", GAUGE: b"gauge", SUMMARY: b"summary"}


@dataclass(slots=True)
class _Merged:
    """Metrics of one name, of all groups; the help text is the one that was pushed last."""

    newest: StoredFamily
    metrics: list[AnyMessage] = field(default_factory=list)

    def sorted(self) -> list[AnyMessage]:
        return sorted(self.metrics, key=_order)


def text_page(groups: Iterable[Group]) -> bytes:
    """All groups in text 0.0.4."""
    out: list[bytes] = []
    for merged in _merged(groups):
        family = merged.newest.message
        name = family_name(family.name)
        if family.HasField("help"):
            text = family.help.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
            out.append(b"# HELP %b %b\n" % (name, text))
        kind = b"histogram" if family.type in HISTOGRAMS else _TYPES.get(family.type, b"untyped")
        out.append(b"# TYPE %b %b\n" % (name, kind))
        for metric in merged.sorted():
            _write_metric(out, family, metric)
    return b"".join(out)


def protobuf_page(groups: Iterable[Group]) -> bytes:
    """All groups in Prometheus's protobuf, delimited."""
    out: list[bytes] = []
    for merged in _merged(groups):
        family = family_class()()
        family.CopyFrom(merged.newest.message)
        del family.metric[:]
        family.metric.extend(merged.sorted())
        message = family.SerializeToString()
        out += (_varint(len(message)), message)
    return b"".join(out)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _merged(groups: Iterable[Group]) -> list[_Merged]:
    found: dict[bytes, _Merged] = {}
    for group in groups:
        for name, family in group.families.items():
            merged = found.setdefault(name, _Merged(family))
            merged.metrics += family.message.metric
            if family.changed_at_us > merged.newest.changed_at_us:
                merged.newest = family
    return [merged for _, merged in sorted(found.items())]


def _order(metric: AnyMessage) -> tuple[int, list[bytes]]:
    return len(metric.label), [label.value for label in metric.label]


def _write_metric(out: list[bytes], family: AnyMessage, metric: AnyMessage) -> None:
    kind, name = family.type, family.name
    pairs = [b'%b="%b"' % (label_name(label.name), escaped(label.value)) for label in metric.label]
    if kind == SUMMARY:
        summary = metric.summary
        for one in summary.quantile:
            _write(out, name, [*pairs, _own(b"quantile", one.quantile)], one.value)
        _write(out, name + b"_sum", pairs, summary.sample_sum)
        _write(out, name + b"_count", pairs, summary.sample_count)
    elif kind in HISTOGRAMS:
        histogram = metric.histogram
        count = histogram_count(histogram)
        for bucket in histogram.bucket:
            own = _own(b"le", bucket.upper_bound)
            _write(out, name + b"_bucket", [*pairs, own], bucket_count(bucket))
        if not any(bucket.upper_bound == inf for bucket in histogram.bucket):
            _write(out, name + b"_bucket", [*pairs, _own(b"le", inf)], count)
        _write(out, name + b"_sum", pairs, histogram.sample_sum)
        _write(out, name + b"_count", pairs, count)
    else:
        _write(out, name, pairs, getattr(metric, VALUE_FIELDS[kind]).value)


def _own(label: bytes, bound: float) -> bytes:
    return b'%b="%b"' % (label, format_float(bound).encode())


def _write(out: list[bytes], name: bytes, pairs: list[bytes], value: float) -> None:
    number = format_float(float(value) or 0.0).encode()  # no sign of zero, as upstream
    if METRIC.fullmatch(name) is None:
        inner = b",".join([b'"%b"' % escaped(name), *pairs])
        out.append(b"{%b} %b\n" % (inner, number))
    else:
        out.append(b"%b{%b} %b\n" % (name, b",".join(pairs), number))
