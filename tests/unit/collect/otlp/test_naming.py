from __future__ import annotations

import pytest

from madang.collect.otlp import label_name, metric_name


@pytest.mark.parametrize(
    ("name", "unit", "kind", "expected"),
    [
        ("http.server.duration", "s", "histogram", "http_server_duration_seconds"),
        ("system.io", "By", "counter", "system_io_bytes_total"),
        ("requests.total.count", "1", "counter", "requests_count_total"),
        ("utilization", "1", "gauge", "utilization_ratio"),
        ("utilization_ratio", "1", "gauge", "utilization_ratio"),
        ("active", "{connections}", "gauge", "active"),
        ("speed", "m/s", "gauge", "speed_meters_per_second"),
        ("rate", "{packets}/s", "gauge", "rate_per_second"),
        ("disk.read_bytes", "By", "counter", "disk_read_bytes_total"),
        ("a..b__c", "", "gauge", "a_b_c"),
        ("2xx", "", "gauge", "_2xx"),
        ("fuel", "gal/100mi", "gauge", "fuel_gal_per_100mi"),
        ("온도.sensor", "Cel", "gauge", "sensor_celsius"),
        ("job:rate", "", "gauge", "job:rate"),
        ("load", "%", "gauge", "load_percent"),
    ],
)
def test_metric_names(name, unit, kind, expected):
    assert metric_name(name, unit, kind) == expected


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [("http.method", "http_method"), ("1st", "key_1st"), ("_x", "key_x"), ("a--b", "a_b")],
)
def test_label_names(attribute, expected):
    assert label_name(attribute) == expected


@pytest.mark.parametrize("nothing", ["", "한글", "._"])
def test_names_of_which_nothing_is_left(nothing):
    with pytest.raises(ValueError, match="made of"):
        metric_name(nothing, "s", "counter")
    with pytest.raises(ValueError, match="made of"):
        label_name(nothing)
