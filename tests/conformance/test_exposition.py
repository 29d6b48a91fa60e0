"""A real page of a node exporter: value for value what the Python client's own parser reads."""

from __future__ import annotations

import math

from prometheus_client.parser import text_string_to_metric_families

from conformance.cases import CASES, needs
from madang.collect.exposition import PageCache, parse_page
from madang.core.samples import canonical_labels

PAGE = CASES / "exposition" / "node_exporter.prom"
pytestmark = needs("exposition")


def theirs(text):
    """Canonical labels → value, by the Python client."""
    read = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {"__name__": sample.name, **sample.labels}
            # Prometheus 3 writes these two as OpenMetrics does, whatever the page has.
            for name in {"histogram": ["le"], "summary": ["quantile"]}.get(family.type, []):
                if name in labels and labels[name] != "+Inf" and "." not in labels[name]:
                    labels[name] = str(float(labels[name]))
            read[canonical_labels(labels)] = sample.value
    return read


def test_every_sample_and_family_of_the_page_is_read():
    body = PAGE.read_bytes()
    cache = PageCache()
    expected = theirs(body.decode())
    for attempt in range(3):  # read, then found to be the page before
        page = parse_page(body, cache=cache)
        ours = {page.labels[s]: v for s, v in zip(page.series, page.values, strict=True)}
        assert len(page) == 3027
        assert len(page.metadata) == 1228
        assert page.duplicates == 0
        assert page.same_series == (attempt > 0)
        assert ours.keys() == expected.keys()
        assert all(v == expected[k] or (math.isnan(v) and math.isnan(expected[k]))
                   for k, v in ours.items())  # fmt: skip


def test_every_help_text_and_type_of_the_page_is_read():
    text = PAGE.read_text()
    page = parse_page(text.encode())
    ours = {family.name: (family.type, family.help) for family in page.metadata}
    for family in text_string_to_metric_families(text):
        # The client cuts `_total` off a counter's name.
        total = family.name + "_total"
        name = total if family.type == "counter" and total in ours else family.name
        assert ours[name] == (family.type, family.documentation), name
