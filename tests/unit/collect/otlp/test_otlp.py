from __future__ import annotations

import json

import numpy as np
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from madang.collect.otlp import OtlpDecoder, answer
from madang.collect.otlp.messages import (
    JSON_MESSAGES,
    KEY_VALUE,
    MESSAGES,
    NATIVE_HISTOGRAM,
    RESPONSE,
)
from madang.collect.pushed import FamilyMetadata
from madang.core.errors import InvalidInputError, TooLargeError
from madang.core.samples import canonical_labels, is_stale, labels_of, series_id

T = 1_700_000_000_123_456_789
T_MS = T // 1_000_000


def value(given):
    match given:
        case bool():
            return {"bool_value": given}
        case int():
            return {"int_value": given}
        case float():
            return {"double_value": given}
        case bytes():
            return {"bytes_value": given}
        case list():
            return {"array_value": {"values": [value(one) for one in given]}}
        case dict():
            return {"kvlist_value": {"values": pairs(given)}}
    return {"string_value": given}


def pairs(attributes):
    return [{"key": key, "value": value(one)} for key, one in attributes.items()]


def wires(attributes):
    return [KEY_VALUE(**pair).SerializeToString() for pair in pairs(attributes)]


def request(*metrics, resource=None):
    return MESSAGES["Request"](
        resource_metrics=[
            {
                "resource": {"attributes": pairs(resource or {})},
                "scope_metrics": [{"metrics": list(metrics)}],
            }
        ]
    )


def number(given=1.0, attributes=None, **more):
    field = "as_int" if isinstance(given, int) else "as_double"
    point = {"time_unix_nano": T, field: given, "attributes": wires(attributes or {}), **more}
    return {key: one for key, one in point.items() if one is not None}


def gauge(name, *points, **more):
    return {"name": name, "gauge": {"data_points": list(points)}, **more}


def total(name, *points, temporality=2, monotonic=True, **more):
    data = {
        "data_points": list(points),
        "aggregation_temporality": temporality,
        "is_monotonic": monotonic,
    }
    return {"name": name, "sum": data, **more}


def decode(*metrics, resource=None, **options):
    decoder = OtlpDecoder(**options)
    body = request(*metrics, resource=resource).SerializeToString()
    first, second = decoder.decode(body), decoder.decode(body)
    assert repr(rows(first)) == repr(rows(second))
    return first


def rows(pushed):
    samples = pushed.samples
    assert len(set(samples.labels)) == len(samples.labels)
    assert pushed.series_ids.tolist() == [series_id(labels) for labels in samples.labels]
    return sorted(
        (samples.labels[place], ts_ms, value)
        for place, ts_ms, value in zip(
            samples.series.tolist(), samples.ts_ms.tolist(), samples.values.tolist(), strict=True
        )
    )


def shown(pushed):
    """The samples as Prometheus writes them."""
    found = {}
    for labels, ts_ms, number_ in rows(pushed):
        assert ts_ms == T_MS
        named = labels_of(labels)
        name = named.pop("__name__")
        inside = ",".join(f'{key}="{one}"' for key, one in named.items())
        found[f"{name}{{{inside}}}" if inside else name] = number_
    return found


def test_gauges_and_sums():
    pushed = decode(
        gauge("temperature", number(21.5, {"room": "a"}), number(3, {"room": "b"}), unit="Cel"),
        total("requests", number(7), description="All of them"),
        total("queue", number(-2), monotonic=False),
    )
    assert shown(pushed) == {
        'temperature_celsius{room="a"}': 21.5,
        'temperature_celsius{room="b"}': 3.0,
        "requests_total": 7.0,
        "queue": -2.0,
    }
    assert pushed.metadata == [
        FamilyMetadata("temperature_celsius", "gauge", "", "Cel"),
        FamilyMetadata("requests_total", "counter", "All of them", ""),
        FamilyMetadata("queue", "gauge", "", ""),
    ]
    assert answer(pushed) == b""
    assert answer(pushed, is_json=True) == b"{}"


def test_resources_are_told_by_job_instance_and_target_info():
    resource = {
        "service.namespace": "shop",
        "service.name": "cart",
        "service.instance.id": "i-1",
        "host.name": "h",
        "k8s.pod.name": "p",
        "한글": "left away",
    }
    pushed = decode(
        gauge("up", number(1, {"job": "mine", "k8s.pod.name": "own"}), number(2)),
        resource=resource,
        promoted=["k8s.pod.name"],
    )
    assert shown(pushed) == {
        'up{instance="i-1",job="shop/cart",k8s_pod_name="own"}': 1.0,
        'up{instance="i-1",job="shop/cart",k8s_pod_name="p"}': 2.0,
        'target_info{host_name="h",instance="i-1",job="shop/cart",k8s_pod_name="p"}': 1.0,
    }


def test_a_resource_without_identity_or_attributes_has_no_target_info():
    for resource in ({"host.name": "h"}, {"service.name": "cart"}):
        assert len(decode(gauge("up", number(1)), resource=resource).samples) == 1


def test_attribute_values_become_texts():
    attributes = {
        "bool": True,
        "int": -5,
        "float": 1e6,
        "small": 0.25,
        "bytes": b"\x00\xff",
        "list": ["a", 1, [True]],
        "map": {"a": {"b": 1.5}},
        "empty": "",
        "x.y": "1",
        "x-y": "2",
    }
    assert list(shown(decode(gauge("g", number(1, attributes))))) == [
        'g{bool="true",bytes="AP8=",float="1000000",int="-5",list="["a",1,[true]]",'
        'map="{"a":{"b":1.5}}",small="0.25",x_y="2;1"}'
    ]


def histogram(*points, temporality=2):
    data = {"data_points": list(points), "aggregation_temporality": temporality}
    return {"name": "latency", "unit": "s", "histogram": data}


def test_histograms_become_classic_ones():
    point = {
        "time_unix_nano": T,
        "count": 10,
        "sum": 2.5,
        "bucket_counts": [1, 2, 7],
        "explicit_bounds": [0.005, 1],
        "attributes": wires({"path": "/"}),
    }
    without_buckets = {"time_unix_nano": T, "count": 4}
    assert shown(decode(histogram(point, without_buckets))) == {
        'latency_seconds_bucket{le="0.005",path="/"}': 1.0,
        'latency_seconds_bucket{le="1",path="/"}': 3.0,
        'latency_seconds_bucket{le="+Inf",path="/"}': 10.0,
        'latency_seconds_count{path="/"}': 10.0,
        'latency_seconds_sum{path="/"}': 2.5,
        'latency_seconds_bucket{le="+Inf"}': 4.0,
        "latency_seconds_count": 4.0,
    }


def test_exemplars_go_with_their_bucket():
    exemplar = {
        "time_unix_nano": T,
        "as_double": 0.5,
        "trace_id": bytes(range(16)),
        "span_id": bytes(8),
        "filtered_attributes": wires({"user": "u"}),
    }
    point = {
        "time_unix_nano": T,
        "count": 1,
        "bucket_counts": [0, 1, 0],
        "explicit_bounds": [0.1, 1.0],
        "exemplars": [exemplar],
    }
    (found,) = decode(histogram(point)).exemplars
    assert labels_of(found.series) == {"__name__": "latency_seconds_bucket", "le": "1"}
    assert labels_of(found.labels) == {
        "trace_id": "000102030405060708090a0b0c0d0e0f",
        "span_id": "0" * 16,
        "user": "u",
    }
    assert (found.value, found.ts_ms) == (0.5, T_MS)


def test_summaries():
    quantiles = [{"quantile": 0.5, "value": 1.0}, {"quantile": 0.99, "value": 9.0}]
    point = {"time_unix_nano": T, "count": 3, "sum": 12.0, "quantile_values": quantiles}
    assert shown(decode({"name": "rpc", "summary": {"data_points": [point]}})) == {
        'rpc{quantile="0.5"}': 1.0,
        'rpc{quantile="0.99"}': 9.0,
        "rpc_count": 3.0,
        "rpc_sum": 12.0,
    }


def exponential(**point):
    data = {"data_points": [{"time_unix_nano": T, **point}], "aggregation_temporality": 2}
    return {"name": "latency", "exponential_histogram": data}


def test_exponential_histograms_become_native_ones():
    pushed = decode(
        exponential(
            scale=3,
            count=17,
            sum=4.5,
            zero_count=2,
            zero_threshold=1e-9,
            positive={"offset": -1, "bucket_counts": [3, 0, 0, 5, 6]},
            negative={"offset": 4, "bucket_counts": [1]},
        )
    )
    assert pushed.samples.labels == [canonical_labels({"__name__": "latency"})]
    assert (len(pushed.samples), pushed.histograms.sums.tolist()) == (0, [4.5])
    found = NATIVE_HISTOGRAM["Histogram"].FromString(pushed.histograms.messages[0])
    assert (found.schema, found.count_int, found.zero_count_int) == (3, 17, 2)
    assert (found.timestamp, found.zero_threshold) == (T_MS, 1e-9)
    assert [(span.offset, span.length) for span in found.positive_spans] == [(0, 1), (2, 2)]
    assert list(found.positive_deltas) == [3, 2, 1]
    assert [(span.offset, span.length) for span in found.negative_spans] == [(5, 1)]
    assert list(found.negative_deltas) == [1]


def test_scales_finer_than_prometheus_has_are_merged():
    pushed = decode(exponential(scale=10, positive={"offset": -5, "bucket_counts": [1] * 9}))
    found = NATIVE_HISTOGRAM["Histogram"].FromString(pushed.histograms.messages[0])
    assert found.schema == 8
    # -5 | -4 … -1 | 0 … 3 in fours.
    assert [(span.offset, span.length) for span in found.positive_spans] == [(-1, 3)]
    assert list(np.cumsum(found.positive_deltas)) == [1, 4, 4]


def test_a_point_without_a_recorded_value_ends_its_series():
    point = {"time_unix_nano": T, "flags": 1, "bucket_counts": [0, 0], "explicit_bounds": [1.0]}
    pushed = decode(
        gauge("g", number(None, flags=1)),
        histogram(point),
        {"name": "s", "summary": {"data_points": [{"time_unix_nano": T, "flags": 1}]}},
    )
    assert len(pushed.samples) == 7
    assert is_stale(pushed.samples.values).all()
    assert is_stale(decode(exponential(flags=1)).histograms.sums).all()


def test_what_is_wrong_is_told_by_its_place_and_the_rest_is_taken():
    pushed = decode(
        gauge("good", number(1), number(None), number(2, {"a": "b"}, time_unix_nano=0)),
        total("delta", number(1), number(2), temporality=1),
        total("none", number(1), temporality=0),
        {"name": "empty"},
        gauge("…", number(1)),
        histogram({"time_unix_nano": T, "explicit_bounds": [1.0], "bucket_counts": [1]}),
        histogram({"time_unix_nano": T, "explicit_bounds": [2, 1], "bucket_counts": [1, 1, 1]}),
        exponential(scale=-5),
        gauge("label", number(1, {"…": "x"})),
        gauge("broken", number(1) | {"attributes": [b"\xff"]}),
        gauge("good", number(3, {"c": "d"})),
    )
    assert shown(pushed) == {"good": 1.0, 'good{c="d"}': 3.0}
    assert {one.position: one.reason.split(":")[0] for one in pushed.refused} == {
        2: "a data point has no value",
        3: "a data point's time is 0",
        4: "delta temporality is not supported",
        6: "no temporality is not supported",
        7: "no metric's name can be made of '…'",
        8: "a histogram has 1 bounds and 1 buckets",
        9: "the bounds of a histogram do not grow",
        10: "an exponential histogram of scale -5; -4 is the least",
        11: "no label can be made of the attribute '…'",
        12: "an attribute is not as protobuf writes it",
    } | {7: {one.position: one.reason for one in pushed.refused}[7].split(":")[0]}
    assert pushed.refused_count == 12
    response = RESPONSE.FromString(answer(pushed))
    assert response.partial_success.rejected_data_points == 12
    assert b"point 2: good: a data point has no value" in response.partial_success.error_message
    told = json.loads(answer(pushed, is_json=True))["partialSuccess"]
    assert told["rejectedDataPoints"] == "12"


def test_deltas_are_kept_where_asked():
    pushed = decode(total("d", number(4), temporality=1, unit="By"), keep_deltas=True)
    assert shown(pushed) == {"d_bytes": 4.0}
    assert pushed.metadata[0].type == "unknown"


def test_json():
    body = {
        "resourceMetrics": [
            {
                "resource": {
                    "attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]
                },
                "scopeMetrics": [
                    {
                        "scope": {"name": "meter"},
                        "metrics": [
                            {
                                "name": "requests",
                                "sum": {
                                    "aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE",
                                    "isMonotonic": True,
                                    "dataPoints": [
                                        {
                                            "timeUnixNano": str(T),
                                            "asInt": "12",
                                            "attributes": [
                                                {"key": "n", "value": {"intValue": "5"}}
                                            ],
                                            "exemplars": [
                                                {"traceId": "5B8EFFF798038103", "asDouble": 1.5}
                                            ],
                                        }
                                    ],
                                },
                                "new_field": 1,
                            }
                        ],
                    }
                ],
            }
        ]
    }
    decoder = OtlpDecoder()
    for temporality in ("AGGREGATION_TEMPORALITY_CUMULATIVE", 2):
        data = body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["sum"]
        data["aggregationTemporality"] = temporality
        pushed = decoder.decode(json.dumps(body).encode(), is_json=True)
        assert shown(pushed) == {'requests_total{job="cart",n="5"}': 12.0}
        assert labels_of(pushed.exemplars[0].labels) == {"trace_id": "5B8EFFF798038103"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"[" * 2000,
        b'{"resourceMetrics":1}',
        b'{"resourceMetrics":[null]}',
        b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":5}]}]}]}',
        b'{"resourceMetrics":[{"resource":{"attributes":[{"key":"a","value":'
        + b'{"arrayValue":{"values":[' * 200
        + b"]}}" * 200
        + b"}]}}]}",
    ],
)
def test_bodies_of_json_that_are_something_else(body):
    with pytest.raises(InvalidInputError):
        OtlpDecoder().decode(body, is_json=True)


def test_what_json_says_beside_is_passed_over():
    for body in (b"{}", b'{"a":' * 500 + b"1" + b"}" * 500, b'{"resourceMetrics":[{"x":[]}]}'):
        assert len(OtlpDecoder().decode(body, is_json=True).samples) == 0


def test_bodies_that_are_something_else():
    for body in (b"\xff", b"{}", b"\x0a\xff"):
        with pytest.raises(InvalidInputError):
            OtlpDecoder().decode(body)
    with pytest.raises(TooLargeError):
        OtlpDecoder(limit_bytes=10).decode(b"x" * 11)
    with pytest.raises(ValueError, match="made of"):
        OtlpDecoder(promoted=["…"])


def test_requests_of_too_many_parts(monkeypatch):
    monkeypatch.setattr("madang.collect.otlp.decoder._PARTS_LIMIT", 10)
    OtlpDecoder().decode(request(gauge("g", *[number()] * 7)).SerializeToString())
    for metrics in ([gauge("g", *[number()] * 8)], [{"name": "x"}] * 9):
        with pytest.raises(TooLargeError, match="more than 10 resources, metrics and data points"):
            OtlpDecoder().decode(request(*metrics).SerializeToString())


def test_series_are_forgotten_when_they_are_too_many():
    decoder = OtlpDecoder(known_limit_bytes=3000)
    for turn in range(20):
        points = [number(1, {"n": str(turn + i)}) for i in range(10)]
        pushed = decoder.decode(request(gauge("g", *points)).SerializeToString())
        assert shown(pushed) == {f'g{{n="{turn + i}"}}': 1.0 for i in range(10)}


@given(st.binary(max_size=100), st.booleans())
def test_any_bytes(body, is_json):
    try:
        OtlpDecoder().decode(body, is_json=is_json)
    except InvalidInputError:
        return


@given(st.data())
def test_a_body_that_is_broken_somewhere(data):
    wire = request(
        gauge("g", number(1, {"a": [1, {"b": b"c"}]})),
        histogram({"time_unix_nano": T, "count": 1, "explicit_bounds": [1], "bucket_counts": [1]}),
        exponential(positive={"bucket_counts": [1, 2]}),
        resource={"service.name": "s", "x": "y"},
    ).SerializeToString()
    at = data.draw(st.integers(0, len(wire) - 1))
    broken = (
        wire[:at] + data.draw(st.binary(max_size=3)) + wire[at + data.draw(st.integers(0, 3)) :]
    )
    decoder = OtlpDecoder()
    decoder.decode(wire)
    outcomes = []
    for one in (decoder, OtlpDecoder()):
        try:
            pushed = one.decode(broken)
            outcomes.append((repr(rows(pushed)), pushed.refused, list(pushed.histograms.messages)))
        except InvalidInputError as error:
            outcomes.append(error.message)
    assert outcomes[0] == outcomes[1]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["resourceMetrics", "scopeMetrics", "metrics"]), inner)
    ),
    max_leaves=8,
)


@given(json_values)
def test_any_json(given_json):
    try:
        OtlpDecoder().decode(json.dumps(given_json).encode(), is_json=True)
    except InvalidInputError:
        return


def test_json_and_protobuf_say_the_same():
    wire = request(
        gauge("g", number(1.5, {"a": [1, {"b": "c"}]}), unit="1"), resource={"service.name": "s"}
    )
    typed = JSON_MESSAGES["Request"].FromString(wire.SerializeToString())
    body = json_format.MessageToJson(typed).encode()
    assert rows(OtlpDecoder().decode(body, is_json=True)) == rows(
        OtlpDecoder().decode(wire.SerializeToString())
    )
