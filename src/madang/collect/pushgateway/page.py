"""All groups as one page, as ``/metrics`` answers: families by name, metrics by their labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from madang.collect.exposition.writing import family_name
from madang.collect.pushgateway.families import StoredFamily
from madang.collect.pushgateway.family_lines import MetricLines, order_of
from madang.collect.pushgateway.group import Group
from madang.collect.pushgateway.messages import (
    COUNTER,
    GAUGE,
    HISTOGRAMS,
    SUMMARY,
    family_class,
)
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
    lines: list[MetricLines] = field(default_factory=list)


def text_page(groups: Iterable[Group]) -> bytes:
    """All groups in text 0.0.4."""
    out: list[bytes] = []
    for merged in _merged(groups, as_text=True):
        family = merged.newest.message
        name = family_name(family.name)
        if family.HasField("help"):
            text = family.help.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
            out.append(b"# HELP %b %b\n" % (name, text))
        kind = b"histogram" if family.type in HISTOGRAMS else _TYPES.get(family.type, b"untyped")
        out.append(b"# TYPE %b %b\n" % (name, kind))
        merged.lines.sort()
        out += [lines for _, _, lines in merged.lines]
    return b"".join(out)


def protobuf_page(groups: Iterable[Group]) -> bytes:
    """All groups in Prometheus's protobuf, delimited."""
    out: list[bytes] = []
    for merged in _merged(groups, as_text=False):
        family = family_class()()
        family.CopyFrom(merged.newest.message)
        del family.metric[:]
        family.metric.extend(sorted(merged.metrics, key=order_of))
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


def _merged(groups: Iterable[Group], *, as_text: bool) -> list[_Merged]:
    found: dict[bytes, _Merged] = {}
    for group in groups:
        for name, family in group.families.items():
            merged = found.setdefault(name, _Merged(family))
            if as_text:
                merged.lines += family.lines
            else:
                merged.metrics += family.message.metric
            if family.changed_at_us > merged.newest.changed_at_us:
                merged.newest = family
    return [merged for _, merged in sorted(found.items())]
