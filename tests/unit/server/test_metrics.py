"""``/metrics`` tells how data flows, not only how many requests came."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from madang.query import QueryState, QueryStatus
from madang.server.metrics import observe_query


def samples(text):
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_streams_roles_and_the_disk(world):
    world.serve()
    with world.client("ingest") as client:
        client.post("/ingest/orders", content=b'{"a":1}\n{"a":2}\n')
        found = samples(client.get("/metrics").text)
    assert found["madang_stream_records_total", "orders"] == 2
    assert found["madang_stream_lag_records", "orders"] == 2
    assert found["madang_stream_freshness_seconds", "orders"] >= 0
    assert found["madang_stream_dead_letters", "orders"] == 0
    assert found["madang_stream_size_bytes", "orders"] > 0
    assert found["madang_stream_records_total", "clicks"] == 0
    assert found["madang_disk_free_bytes",] == 50


def test_queries_by_how_they_ended():
    from prometheus_client import REGISTRY

    def value(name, **labels):
        return REGISTRY.get_sample_value(name, labels) or 0

    before = value("madang_query_read_bytes_total")
    failed = value("madang_query_duration_seconds_count", state="failed")
    observe_query(QueryStatus("q", QueryState.FAILED, "u", "x", "", 1.5, 0, 70, False))
    assert value("madang_query_read_bytes_total") == before + 70
    assert value("madang_query_duration_seconds_count", state="failed") == failed + 1
