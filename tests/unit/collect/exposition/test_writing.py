"""What is written is read as the same again, by our parsers and by the Python client's."""

from __future__ import annotations

import math

import numpy as np
import prometheus_client.openmetrics.parser as theirs_openmetrics
import prometheus_client.parser as theirs
from hypothesis import given
from hypothesis import strategies as st

from madang.collect.exposition import (
    NO_TIMESTAMP,
    Exemplar,
    Exposition,
    Family,
    MetricType,
    parse_page,
    write_openmetrics,
    write_text,
)
from madang.core.samples import Samples, canonical_labels, labels_of

NAMES = st.sampled_from(["a", "a_total", "a_count", "b:c", "m.n", "é", 'q"\\\n', "h_bucket", "_"])
LABELS = st.dictionaries(
    st.one_of(
        st.sampled_from(["le", "quantile", "Z", "x.y", "한글", "%b"]),
        st.text(min_size=1, max_size=2),
    ),
    st.text(max_size=4),
    max_size=3,
).map(lambda labels: {k: v for k, v in labels.items() if k != "__name__"})
TIMES = st.one_of(st.just(NO_TIMESTAMP), st.integers(0, 4_000_000_000_000))
FAMILIES = st.lists(
    st.builds(
        Family,
        st.sampled_from(["a", "a_total", "b:c", "m.n", "h", "é", "z_s"]),
        st.sampled_from(MetricType),
        st.text(max_size=5),
        st.sampled_from(["", "s"]),
    ),
    max_size=4,
    unique_by=lambda family: family.name,
)


@st.composite
def samples(draw, *, times=TIMES):
    """Samples of distinct series."""
    series = draw(st.lists(st.tuples(NAMES, LABELS), max_size=8))
    labels = list(dict.fromkeys(canonical_labels({"__name__": n, **rest}) for n, rest in series))
    count = len(labels)
    values = draw(st.lists(st.floats(), min_size=count, max_size=count))
    return Samples(
        labels=labels,
        series=np.arange(count, dtype=np.int32),
        ts_ms=np.array(draw(st.lists(times, min_size=count, max_size=count)), np.int64),
        values=np.array(values, np.float64),
    )


def bag(labels, series, times, values, *, le_as_it_is=False):
    """Samples without their order."""
    said = set()
    for place, ts_ms, value in zip(series.tolist(), times.tolist(), values.tolist(), strict=True):
        own = labels_of(labels[place])
        for name in () if le_as_it_is else ("le", "quantile"):
            own.pop(name, None)  # written anew under some types
        said.add((tuple(own.items()), ts_ms, "NaN" if math.isnan(value) else value))
    return said


def bag_of(page):
    again = page.samples(NO_TIMESTAMP)
    return bag(again.labels, again.series, again.ts_ms, again.values)


@given(samples(), FAMILIES)
def test_text_is_read_as_the_same(those, metadata):
    page = parse_page(write_text(those, metadata))
    assert bag_of(page) == bag(those.labels, those.series, those.ts_ms, those.values)
    assert page.duplicates == 0
    again = page.samples(NO_TIMESTAMP)
    assert bag_of(parse_page(write_text(again, page.metadata))) == bag_of(page)


@given(samples(), FAMILIES)
def test_openmetrics_is_read_as_the_same_strictly(those, metadata):
    text = write_openmetrics(those, metadata)
    page = parse_page(text, Exposition.OPENMETRICS, strict=True)
    assert bag_of(page) == bag(those.labels, those.series, those.ts_ms, those.values)
    again = write_openmetrics(page.samples(NO_TIMESTAMP), page.metadata, page.exemplars)
    assert again == text or bag_of(parse_page(again, Exposition.OPENMETRICS)) == bag_of(page)


OPENMETRICS = """# TYPE req_seconds histogram
# UNIT req_seconds seconds
# HELP req_seconds How \\"long\\".
req_seconds_bucket{le="0.1"} 1 # {t="u"} 0.05 1.5
req_seconds_bucket{le="+Inf"} 3
req_seconds_count 3
req_seconds_sum 1.5
req_seconds_created 1000.25
# TYPE hits counter
hits_total{path="/"} 2 1700000000.123
# TYPE up stateset
up{up="a"} 1
# TYPE build info
build_info{v="1"} 1
# EOF
"""


def test_openmetrics_is_written_as_it_was_read():
    page = parse_page(OPENMETRICS.encode(), Exposition.OPENMETRICS, strict=True)
    samples = page.samples(NO_TIMESTAMP)
    assert samples.ts_ms.max() == 1_700_000_000_123
    assert write_openmetrics(samples, page.metadata, page.exemplars).decode() == OPENMETRICS


def test_openmetrics_as_text():
    page = parse_page(OPENMETRICS.encode(), Exposition.OPENMETRICS, strict=True)
    assert write_text(page.samples(NO_TIMESTAMP), page.metadata).decode() == (
        '# HELP req_seconds How "long".\n'
        "# TYPE req_seconds histogram\n"
        'req_seconds_bucket{le="0.1"} 1\n'
        'req_seconds_bucket{le="+Inf"} 3\n'
        "req_seconds_count 3\n"
        "req_seconds_sum 1.5\n"
        "req_seconds_created 1000.25\n"
        "# TYPE hits_total counter\n"
        'hits_total{path="/"} 2 1700000000123\n'
        "# TYPE up gauge\n"
        'up{up="a"} 1\n'
        "# TYPE build_info gauge\n"
        'build_info{v="1"} 1\n'
    )


def test_what_breaks_a_rule_is_written_without_a_type():
    text = b"""# TYPE x gauge
x 1
# TYPE x_total counter
x_total 2
# TYPE h histogram
h_bucket{le="1"} 5
h_count 7
# TYPE n_total counter
n_total -1
"""
    page = parse_page(text)
    written = write_openmetrics(page.samples(NO_TIMESTAMP), page.metadata)
    read = parse_page(written, Exposition.OPENMETRICS, strict=True)
    assert bag_of(read) == bag_of(page)
    types = {family.name: family.type for family in read.metadata}
    assert types["x"] is MetricType.GAUGE
    assert {types[n] for n in ("x_total", "h_bucket", "h_count", "n_total")} == {MetricType.UNKNOWN}


def test_the_python_client_reads_both():
    page = parse_page(OPENMETRICS.encode(), Exposition.OPENMETRICS)
    samples = page.samples(NO_TIMESTAMP)
    exemplars = [Exemplar(0, canonical_labels({"t": "u"}), 0.05, 1500)]
    text = write_text(samples, page.metadata).decode()
    openmetrics = write_openmetrics(samples, page.metadata, exemplars).decode()
    for families in (
        list(theirs.text_string_to_metric_families(text)),
        list(theirs_openmetrics.text_string_to_metric_families(openmetrics)),
    ):
        said = {(s.name, s.value) for family in families for s in family.samples}
        assert ("req_seconds_sum", 1.5) in said
        assert len(said) == 8


def test_nothing_is_written_as_nothing():
    none = Samples([], np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0))
    assert write_text(none) == b""
    assert write_openmetrics(none) == b"# EOF\n"
    assert write_text(none, [Family("a", MetricType.GAUGE)]) == b"# TYPE a gauge\n"
