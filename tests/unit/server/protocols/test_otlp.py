from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madang.collect.otlp.messages import MESSAGES, RESPONSE, STATUS

PATH = "/otlp/v1/metrics"
PROTOBUF = "application/x-protobuf"


def told(now_ms, *values, temporality=2):
    points = [{"asDouble": value, "timeUnixNano": str(now_ms * 1_000_000)} for value in values]
    metric = {"name": "requests", "sum": {"dataPoints": points, "isMonotonic": True}}
    metric["sum"]["aggregationTemporality"] = temporality
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}


def wire(now_ms, value):
    point = {"as_double": value, "time_unix_nano": now_ms * 1_000_000}
    gauge = {"name": "queue", "unit": "By", "gauge": {"data_points": [point]}}
    request = MESSAGES["Request"](resource_metrics=[{"scope_metrics": [{"metrics": [gauge]}]}])
    return request.SerializeToString()


def send(server, content, kind=PROTOBUF, token="ingest", path=PATH, **more):
    with server.client(token) as client:
        return client.post(path, content=content, headers={"Content-Type": kind, **more})


@pytest.mark.parametrize("path", [PATH, "/prometheus/api/v1/otlp/v1/metrics"])
def test_protobuf(server, stored, now_ms, path):
    answer = send(server, wire(now_ms, 4.5), path=path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == PROTOBUF
    assert stored.rows() == [({"__name__": "queue_bytes"}, now_ms, 4.5, None)]
    assert stored.sources() == {"otlp"}


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_json(server, stored, now_ms, encoding):
    content = json.dumps(told(now_ms, 3.0)).encode()
    more = {"Content-Encoding": encoding} if encoding else {}
    answer = send(
        server, gzip.compress(content) if encoding else content, "application/json", **more
    )
    assert (answer.status_code, answer.json()) == (200, {})
    assert stored.rows() == [({"__name__": "requests_total", "job": "shop"}, now_ms, 3.0, None)]


def test_what_is_rejected_is_counted(server, stored, now_ms):
    answer = send(server, json.dumps(told(now_ms, 3.0, temporality=1)), "application/json")
    assert answer.status_code == 200
    assert answer.json()["partialSuccess"]["rejectedDataPoints"] == "1"
    answer = send(server, wire(now_ms + 3_600_000, 1.0))
    response = RESPONSE.FromString(answer.content)
    assert response.partial_success.rejected_data_points == 1
    assert b"ahead of the clock" in response.partial_success.error_message
    assert stored.rows() == []


def test_refusals_are_in_the_form_of_the_request(server):
    answer = send(server, b"\xff")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, PROTOBUF)
    assert b"ExportMetricsServiceRequest" in STATUS.FromString(answer.content).message
    answer = send(server, b"{", "application/json")
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["message"]
    assert send(server, b"", "text/plain").status_code == 415
    assert send(server, b"", token="read").status_code == 403
    assert send(server, b"", token=None).status_code == 401
    assert send(server, b"x", **{"Content-Encoding": "gzip"}).status_code == 400


def test_a_full_disk_is_said_by_a_status_after_which_senders_come_again(server, now_ms):
    server.store.space.min_free_bytes = 2**62
    try:
        answer = send(server, wire(now_ms, 1.0))
    finally:
        server.store.space.min_free_bytes = 0
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


@pytest.fixture(scope="module")
def open_client(server):
    with server.client("ingest") as client:
        yield client


@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["resourceMetrics", "scopeMetrics", "metrics", "sum", "name"]),
                    inner,
                    max_size=3,
                )
            ),
            max_leaves=8,
        ).map(lambda value: json.dumps(value).encode()),
    ),
    kind=st.sampled_from([PROTOBUF, "application/json"]),
)
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_are_too_much(open_client, content, kind):
    answer = open_client.post(PATH, content=content, headers={"Content-Type": kind})
    assert answer.status_code in (200, 400, 413)
