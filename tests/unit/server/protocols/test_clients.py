"""Clients of the systems that Madang stands in for, as their users use them."""

from __future__ import annotations

import socket
import warnings

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from madang.project import OwnPortSpec
from madang.server.own_ports import OwnPort

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # its own, at its import
    from influxdb_client import InfluxDBClient, Point
    from influxdb_client.client.exceptions import InfluxDBError
    from influxdb_client.client.write_api import SYNCHRONOUS
    from influxdb_client.rest import ApiException


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a port for InfluxDB's clients, which put paths behind a host."""
    from unit.server.conftest import World

    world = World(tmp_path_factory.mktemp("clients"))
    listener = socket.create_server(("127.0.0.1", 0))
    number = listener.getsockname()[1]
    ports = {number: OwnPort.of("influx", OwnPortSpec(port=0, anonymous=False), listener)}
    world.serve(further=[listener], ports=ports)
    world.influx_url = f"http://127.0.0.1:{number}"
    yield world
    world.close()


@pytest.mark.parametrize("own_port", [True, False])
@pytest.mark.parametrize("gzip", [True, False])
def test_influxdb_client(server, stored, now_ms, own_port, gzip):
    url = server.influx_url if own_port else f"{server.url}/influx"
    token = server.tokens["ingest"]
    with InfluxDBClient(url, token, org="us", enable_gzip=gzip) as client:
        assert client.ping()
        assert client.version() == "1.8.10"
        point = Point("mem").tag("host", "a b").field("free", 7).field("note", "text")
        api = client.write_api(write_options=SYNCHRONOUS)
        api.write(bucket="hosts", record=[point.time(now_ms * 10**6)])
        api.write(bucket="hosts", record=f"mem,host=x free=8 {now_ms}", write_precision="ms")
    assert stored.rows() == [
        ({"__name__": "mem_free", "bucket": "hosts", "host": "a b"}, now_ms, 7.0, None),
        ({"__name__": "mem_free", "bucket": "hosts", "host": "x"}, now_ms, 8.0, None),
    ]


def test_influxdb_client_is_told_what_is_wrong(server, stored):
    with InfluxDBClient(server.influx_url, server.tokens["ingest"], org="us") as client:
        api = client.write_api(write_options=SYNCHRONOUS)
        with pytest.raises((InfluxDBError, ApiException)) as refused:
            api.write(bucket="hosts", record="good v=1\nbad v=\n")
        assert "line 2" in str(refused.value)
    with InfluxDBClient(server.influx_url, "wrong", org="us") as client:
        with pytest.raises((InfluxDBError, ApiException)) as refused:
            client.write_api(write_options=SYNCHRONOUS).write(bucket="b", record="good v=1")
        assert "unknown, revoked or expired" in str(refused.value)
    assert [row[2] for row in stored.rows()] == [1.0]


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_opentelemetry(server, stored, compression):
    exporter = OTLPMetricExporter(
        endpoint=f"{server.url}/otlp/v1/metrics",
        headers={"authorization": f"Bearer {server.tokens['ingest']}"},
        compression=compression,
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
    resource = Resource.create({"service.name": "shop", "service.instance.id": "one"})
    provider = MeterProvider([reader], resource=resource)
    meter = provider.get_meter("tests")
    meter.create_counter("orders", unit="{order}").add(3, {"kind": "book"})
    meter.create_histogram("latency", unit="s").record(0.3)
    assert provider.force_flush()
    provider.shutdown()
    rows = stored.rows()
    identity = {"job": "shop", "instance": "one"}
    assert ({"__name__": "orders_total", "kind": "book", **identity}, 3.0) in [
        (row[0], row[2]) for row in rows
    ]
    found = stored.values()
    assert found["latency_seconds_count"] == 1.0
    assert found["latency_seconds_sum"] == 0.3
    assert found["target_info"] == 1.0
