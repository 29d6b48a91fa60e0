"""What is asked of a target, and what its answer is taken for."""

from __future__ import annotations

import pytest

from madang.collect.exposition import SCRAPE_PROTOCOLS, Exposition, accept_header, exposition_of
from madang.core.errors import InvalidInputError


def test_the_header_is_that_of_prometheus_3():
    assert accept_header() == (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    )
    assert accept_header(["PrometheusProto", "PrometheusText0.0.4"]) == (
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
        "encoding=delimited;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4"
    )
    assert accept_header(SCRAPE_PROTOCOLS).endswith(",*/*;q=0.1")


@pytest.mark.parametrize(
    ("content_type", "exposition"),
    [
        ("text/plain; version=0.0.4; charset=utf-8", Exposition.TEXT),
        ("Text/Plain", Exposition.TEXT),
        ("application/openmetrics-text; version=1.0.0", Exposition.OPENMETRICS),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
            Exposition.PROTOBUF,
        ),
    ],
)
def test_content_types(content_type, exposition):
    assert exposition_of(content_type) is exposition
    assert exposition_of(content_type, "PrometheusProto") is exposition


@pytest.mark.parametrize("content_type", [None, "", "  ", "application/json", ";", "text/html"])
def test_an_unknown_content_type_needs_a_fallback(content_type):
    with pytest.raises(InvalidInputError, match="Content-Type") as caught:
        exposition_of(content_type)
    assert "fallback_scrape_protocol" in caught.value.hint
    assert exposition_of(content_type, "PrometheusText0.0.4") is Exposition.TEXT
    with pytest.raises(InvalidInputError, match="unknown scrape protocol"):
        exposition_of(content_type, "text")
