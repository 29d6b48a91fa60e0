from __future__ import annotations

import gzip
import io
import zlib
from concurrent.futures import ThreadPoolExecutor

import orjson
import pyarrow as pa
import pytest
import zstandard
from prometheus_client import REGISTRY

from madang.core.errors import OverloadedError
from madang.server.flight import Flight
from madang.stream import partition_of

NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def orders(server):
    return server.new_stream()


@pytest.fixture(scope="module")
def client(server):
    with server.client("ingest") as opened:
        yield opened


def error_of(response):
    return response.json()["error"]


def test_ndjson_is_acknowledged_with_offsets(server, client, orders):
    first = client.post(f"/ingest/{orders}", content=b'{"a":1}\n{"a":2}\n', headers=NDJSON)
    assert first.status_code == 200
    assert first.json() == {
        "stream": orders,
        "records": 2,
        "duplicate": False,
        "partitions": [{"partition": 0, "first_offset": 0, "last_offset": 1}],
    }
    second = client.post(f"/ingest/{orders}", content=b'{"a":3}', headers=NDJSON)
    assert second.json()["partitions"] == [{"partition": 0, "first_offset": 2, "last_offset": 2}]
    assert server.values(orders) == [b'{"a":1}', b'{"a":2}', b'{"a":3}']


@pytest.mark.parametrize(
    ("kept_as", "kind", "body", "values"),
    [
        ("json", "application/json", b'[{"a":1}, {"a":2}]', [b'{"a":1}', b'{"a":2}']),
        ("json", "application/json", b' {"a": 1} ', [b'{"a": 1}']),
        ("json", None, b'{"a":1}\n{"a":2}', [b'{"a":1}', b'{"a":2}']),
        ("plain", "text/plain", "가\r\n나".encode(), ["가".encode(), "나".encode()]),
        ("csv", "text/csv", b"a,b\n1,2\n3,4\n", [b"1,2", b"3,4"]),
        ("json", "application/x-ndjson", b'{"a":\n\xff\xfe\n', [b'{"a":', b"\xff\xfe"]),
    ],
)
def test_formats(server, client, kept_as, kind, body, values):
    stream = server.new_stream(format=kept_as)
    headers = {"Content-Type": kind} if kind else {}
    answer = client.post(f"/ingest/{stream}", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert server.values(stream) == values


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_packed_arrow_buffers_are_booked_as_large_as_they_unpack(
    server, client, orders, monkeypatch, encoding
):
    used, book = [0], Flight.book

    def booked(flight, size_bytes, **options):
        book(flight, size_bytes, **options)
        used.append(flight.used_bytes)

    monkeypatch.setattr(Flight, "book", booked)
    table = pa.table({"a": pa.array([0] * 100_000, pa.int64())})
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    body = gzip.compress(sink.getvalue()) if encoding else sink.getvalue()
    headers = {"Content-Type": "application/vnd.apache.arrow.stream"}
    headers |= {"Content-Encoding": encoding} if encoding else {}
    answer = client.post(f"/ingest/{orders}", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert len(body) < 10_000
    assert max(used) >= table.nbytes
    assert client.post(f"/ingest/{orders}", content=b"{}").status_code == 200
    assert used[-1] == 2


@pytest.mark.parametrize("name", ["_time", "_partition", "_offset", "_rest", "_Rest"])
def test_a_typed_stream_has_no_column_that_a_table_has_of_its_own(server, client, name):
    stream = server.new_stream(format="typed")
    media = {"Content-Type": "application/vnd.apache.arrow.stream"}
    for column, status in ((name, 400), ("_other", 200)):
        sink = io.BytesIO()
        table = pa.table({"good": [1], column: [1]})
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        answer = client.post(f"/ingest/{stream}", content=sink.getvalue(), headers=media)
        assert answer.status_code == status, answer.text
        assert status == 200 or repr(name) in error_of(answer)["message"]


def test_a_body_alone_always_fits_and_one_beside_another_only_if_there_is_room():
    flight = Flight(100)
    flight.book(90)
    flight.book(300, own_bytes=90)
    with pytest.raises(OverloadedError):
        flight.book(1)
    flight.release(300)
    flight.book(10)
    with pytest.raises(OverloadedError):
        flight.book(1, own_bytes=90)
    flight.release(100)
    assert flight.used_bytes == 0


def test_arrow(server, client, orders):
    sink = io.BytesIO()
    table = pa.table({"a": [1, 2], "b": ["x", None]})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    kind = {"Content-Type": "application/vnd.apache.arrow.stream"}
    answer = client.post(f"/ingest/{orders}", content=sink.getvalue(), headers=kind)
    assert answer.json()["records"] == 2
    assert [orjson.loads(value)["a"] for value in server.values(orders)] == [1, 2]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (pa.duration("us"), "which a table cannot hold"),
        (pa.decimal256(60, 2), "which a table cannot hold"),
        (pa.list_(pa.month_day_nano_interval()), "which a table cannot hold"),
        (pa.struct([("k", pa.int64()), ("k", pa.int64())]), "'k' occurs twice"),
        (pa.struct([("", pa.int64())]), "has no name"),
    ],
)
def test_a_typed_stream_that_no_table_can_take_is_refused_at_once(server, client, kind, reason):
    stream = server.new_stream(format="typed")
    media = {"Content-Type": "application/vnd.apache.arrow.stream"}
    for wrong, status in ((kind, 400), (pa.timestamp("ns"), 200)):
        sink = io.BytesIO()
        table = pa.table({"good": [1], "a": pa.nulls(1, wrong)})
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        answer = client.post(f"/ingest/{stream}", content=sink.getvalue(), headers=media)
        assert answer.status_code == status, answer.text
        assert status == 200 or reason in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
    ],
)
def test_encodings(server, client, orders, encoding, packed):
    headers = {**NDJSON, "Content-Encoding": encoding}
    answer = client.post(f"/ingest/{orders}", content=packed(b'{"a":1}\n{"a":2}'), headers=headers)
    assert answer.json()["records"] == 2


def test_a_bomb_is_refused(server, client, orders):
    headers = {**NDJSON, "Content-Encoding": "gzip"}
    answer = client.post(f"/ingest/{orders}", content=gzip.compress(bytes(10**8)), headers=headers)
    assert answer.status_code == 413
    assert server.values(orders) == []


def test_large_body_in_several_pieces(server, client, orders):
    record = b'{"text":"' + b"x" * 1000 + b'"}'
    answer = client.post(f"/ingest/{orders}", content=b"\n".join([record] * 5000), headers=NDJSON)
    assert answer.json()["records"] == 5000
    assert set(server.values(orders)) == {record}


def test_chunked_body(server, client, orders):
    answer = client.post(f"/ingest/{orders}", content=iter([b'{"a"', b":1}\n", b'{"a":2}']))
    assert answer.json()["records"] == 2
    assert server.values(orders) == [b'{"a":1}', b'{"a":2}']


def counted(metric, stream):
    return REGISTRY.get_sample_value(metric, {"stream": stream})


def test_idempotency_key(server, client, orders):
    headers = {**NDJSON, "Idempotency-Key": "batch-1"}
    first = client.post(f"/ingest/{orders}", content=b'{"a":1}', headers=headers).json()
    again = client.post(f"/ingest/{orders}", content=b'{"a":1}', headers=headers).json()
    assert not first["duplicate"]
    assert again == {**first, "duplicate": True}
    assert len(server.values(orders)) == 1
    # Every record is counted once, and what came again apart.
    assert counted("madang_ingest_records_total", orders) == 1
    assert counted("madang_ingest_duplicate_records_total", orders) == 1


def test_idempotency_key_over_partitions(server, client):
    clicks = server.new_stream(partitions=4, key="user")
    body = b"\n".join(b'{"user":"u%d"}' % number for number in range(100))
    headers = {**NDJSON, "Idempotency-Key": "batch-1"}
    first = client.post(f"/ingest/{clicks}", content=body, headers=headers).json()
    again = client.post(f"/ingest/{clicks}", content=body, headers=headers).json()
    assert len(first["partitions"]) == 4
    assert first["records"] == 100
    assert again == {**first, "duplicate": True}


@pytest.mark.parametrize("partitions", [1, 4])
def test_an_idempotency_key_stands_for_one_body(server, client, partitions):
    clicks = server.new_stream(partitions=partitions, key="user")
    headers = {**NDJSON, "Idempotency-Key": "batch-1"}
    body = b'{"user":"u0"}'
    assert client.post(f"/ingest/{clicks}", content=body, headers=headers).status_code == 200
    more = b"\n".join(b'{"user":"u%d"}' % number for number in range(20))
    refused = client.post(f"/ingest/{clicks}", content=more, headers=headers)
    assert refused.status_code == 409
    assert error_of(refused)["message"] == (
        "the idempotency key 'batch-1' was used before, for another body"
    )
    assert server.values(clicks) == [body]
    assert client.post(f"/ingest/{clicks}", content=body, headers=headers).json()["duplicate"]


@pytest.mark.parametrize("key", ["", '""', "x" * 257])
def test_bad_idempotency_key(client, orders, key):
    answer = client.post(f"/ingest/{orders}", content=b"{}", headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    assert error_of(answer)["where"]["name"] == "Idempotency-Key"


def test_records_of_a_key_stay_together(server, client):
    clicks = server.new_stream(partitions=4, key="user")
    answer = client.post(f"/ingest/{clicks}?key=minji", content=b"{}\n{}", headers=NDJSON).json()
    (part,) = answer["partitions"]
    assert part["partition"] == partition_of(b"minji", 4)


def test_many_at_once(server, client, orders):
    def send(number):
        body = b"\n".join(b'{"n":%d}' % number for _ in range(10))
        return client.post(f"/ingest/{orders}", content=body, headers=NDJSON).json()

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(send, range(200)))
    firsts = sorted(answer["partitions"][0]["first_offset"] for answer in answers)
    assert firsts == list(range(0, 2000, 10))


def test_unknown_stream_has_a_near_match(client):
    answer = client.post("/ingest/oders", content=b"{}")
    assert answer.status_code == 404
    assert error_of(answer)["hint"] == "did you mean 'orders'?"


@pytest.mark.parametrize("name", ["system.access_log", "orders.dead"])
def test_own_streams_are_closed(client, name):
    assert client.post(f"/ingest/{name}", content=b"{}").status_code == 403


@pytest.mark.parametrize("name", ["", "a/b", "../orders", "%2e%2e/orders", "오더", "x" * 5000])
def test_strange_names_are_unknown(client, name):
    answer = client.post(f"/ingest/{name}", content=b"{}")
    assert answer.status_code == 404
    assert error_of(answer)["code"] == "not_found"


@pytest.mark.parametrize(
    ("query", "headers", "body", "status", "code"),
    [
        ("", {}, b"", 400, "invalid_input"),
        ("", {}, b"\n\n", 400, "invalid_input"),
        ("?format=xml", {}, b"{}", 400, "invalid_input"),
        ("?formt=json", {}, b"{}", 400, "invalid_input"),
        ("?key=" + "x" * 300, {}, b"{}", 400, "invalid_input"),
        ("", {"Content-Type": "image/png"}, b"{}", 415, "unsupported_media"),
        ("", {"Content-Encoding": "br"}, b"{}", 415, "unsupported_media"),
        ("", {"Content-Encoding": "gzip"}, b"{}", 400, "invalid_input"),
        ("", NDJSON, b'"' + b"x" * 2 * 2**20 + b'"', 413, "too_large"),
        ("", NDJSON, b"x" * (8 * 2**20 + 1), 413, "too_large"),
    ],
)
def test_bad_requests(server, client, orders, query, headers, body, status, code):
    answer = client.post(f"/ingest/{orders}{query}", content=body, headers=headers)
    assert answer.status_code == status
    assert error_of(answer)["code"] == code
    assert server.values(orders) == []


def test_other_methods(client, orders):
    answer = client.get(f"/ingest/{orders}")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"


def test_read_token_may_not(server, orders):
    with server.client("read") as client:
        answer = client.post(f"/ingest/{orders}", content=b"{}")
    assert answer.status_code == 403
    assert "ingest" in error_of(answer)["message"]


def test_full_disk(world):
    orders = world.new_stream()
    world.serve()
    world.store.space.min_free_bytes = 2**62
    with world.client("ingest") as client:
        answer = client.post(f"/ingest/{orders}", content=b"{}")
    assert answer.status_code in (429, 507)
    assert int(answer.headers["Retry-After"]) >= 1
    assert error_of(answer)["code"] == "storage_full"
