"""One family's metrics as lines of text, each with its place among those of all groups."""

from __future__ import annotations

from math import inf

from madang.collect.exposition.numbers import format_float
from madang.collect.exposition.series_text import METRIC
from madang.collect.exposition.writing import escaped, label_name
from madang.collect.pushgateway.messages import HISTOGRAMS, SUMMARY, VALUE_FIELDS
from madang.collect.pushgateway.series import bucket_count, histogram_count
from madang.collect.wire_messages import AnyMessage

MetricLines = tuple[int, list[bytes], bytes]
"""How many labels a metric has, their values, and its lines."""


def family_lines(family: AnyMessage) -> list[MetricLines]:
    """The metrics of a family as lines of text 0.0.4, with what they are sorted by."""
    found = []
    for metric in family.metric:
        out: list[bytes] = []
        _write_metric(out, family, metric)
        count, values = order_of(metric)
        found.append((count, values, b"".join(out)))
    return found


def order_of(metric: AnyMessage) -> tuple[int, list[bytes]]:
    """What metrics of one name are sorted by."""
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
