from __future__ import annotations

import threading
from datetime import UTC, datetime

import orjson
import pyarrow as pa
import pytest

from madang.lake import DEAD_LETTER_SCHEMA, Tally
from madang.lake.lineage import Source
from madang.operate.accounts import Role
from madang.operate.health import DELIVERY_FILE
from madang.operate.state_file import StateFile
from madang.operate.tallies import StreamTallies, Tallies
from madang.server import tail

NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def reader(server):
    with server.client("read") as opened:
        yield opened


def send(server, stream, *values, query=""):
    with server.client("ingest") as client:
        answer = client.post(f"/ingest/{stream}{query}", content=b"\n".join(values), headers=NDJSON)
        assert answer.is_success, answer.text


def bury(server, stream, *letters):
    """Make dead letters ``(code, value)`` of a stream."""
    now = datetime.now(UTC)
    rows = [
        {
            "ts": now,
            "stream": stream,
            "partition": 0,
            "offset": number,
            "code": code,
            "reason": f"{code} it is",
            "attributes": [("source", "http")],
            "key": None,
            "value": value,
        }
        for number, (code, value) in enumerate(letters)
    ]
    batch = pa.RecordBatch.from_pylist(rows, schema=DEAD_LETTER_SCHEMA)
    server.open_stream(f"{stream}.dead").submit(batch).result()


def error_of(response):
    return response.json()["error"]


def test_newest_records_come_by_default(server, reader):
    stream = server.new_stream()
    send(server, stream, *(b'{"n":%d}' % number for number in range(10)))
    found = reader.get(f"/api/streams/{stream}/records?limit=3").json()
    assert [row["value"] for row in found["records"]] == ['{"n":7}', '{"n":8}', '{"n":9}']
    assert found["next"] == {"0": 10}
    first = found["records"][0]
    assert first["offset"] == 7
    assert first["encoding"] == "utf8"
    assert first["attributes"] == {"source": "http", "reading": "json"}
    assert datetime.fromisoformat(first["ts"]).tzinfo is not None


def test_records_page_forward(server, reader):
    stream = server.new_stream(partitions=3, key="k")
    send(server, stream, *(b'{"k":"%d"}' % number for number in range(50)))
    seen, following = [], reader.get(f"/api/streams/{stream}/records?from=earliest&limit=1").json()
    assert len(following["records"]) == 1
    for part in range(3):
        offset = 0
        while True:
            url = f"/api/streams/{stream}/records?partition={part}&offset={offset}&limit=7"
            page = reader.get(url).json()
            if not page["records"]:
                break
            seen += [row["value"] for row in page["records"]]
            offset = page["next"][str(part)]
    assert sorted(seen) == sorted(f'{{"k":"{number}"}}' for number in range(50))


def test_binary_values_are_base64_and_long_ones_are_cut(server, reader):
    stream = server.new_stream()
    send(server, stream, b"\xff\x00", b'"' + "가".encode() * 50_000 + b'"')
    binary, long = reader.get(f"/api/streams/{stream}/records").json()["records"]
    assert (binary["value"], binary["encoding"]) == ("/wA=", "base64")
    assert long["encoding"] == "utf8"
    assert long["size_bytes"] == 150_002
    assert len(long["value"].encode()) <= 65_536


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("partition=1", "partition"),
        ("partition=-1", "partition"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("offset=-1&partition=0", "offset"),
        ("from=middle", "from"),
    ],
)
def test_bad_questions(server, reader, query, field):
    answer = reader.get(f"/api/streams/orders/records?{query}")
    assert answer.status_code == 400
    assert error_of(answer)["where"]["name"] == field


def test_offset_beyond_the_end_is_empty(server, reader):
    stream = server.new_stream()
    send(server, stream, b"{}")
    found = reader.get(f"/api/streams/{stream}/records?partition=0&offset=99").json()
    assert found["records"] == []


def test_typed_stream_takes_its_columns_from_the_first_batch(server, reader):
    stream = server.new_stream(format="typed")
    assert reader.get(f"/api/streams/{stream}/records").status_code == 404
    table = pa.table(
        {
            "at": pa.array([0, None], pa.timestamp("ns", "UTC")),
            "n": [1, 2],
            "raw": [b"\xff", None],
        }
    )
    kind = {"Content-Type": "application/vnd.apache.arrow.stream"}
    with server.client("ingest") as client:
        refused = client.post(f"/ingest/{stream}", content=b"{}", headers=NDJSON)
        assert refused.status_code == 415
        body = arrow_body(table)
        assert client.post(f"/ingest/{stream}", content=body, headers=kind).json()["records"] == 2
        assert client.post(f"/ingest/{stream}", content=b'{"n":3}', headers=NDJSON).is_success
    rows = reader.get(f"/api/streams/{stream}/records").json()["records"]
    assert orjson.loads(rows[0]["value"]) == {
        "at": "1970-01-01T00:00:00.000000+00:00",
        "n": 1,
        "raw": "\\xff",
    }
    assert orjson.loads(rows[2]["value"])["n"] == 3


def test_a_stream_in_full(server, reader):
    stream = server.new_stream(description="What they do", partitions=2)
    send(server, stream, b"{}")
    found = reader.get(f"/api/streams/{stream}").json()
    assert found["spec"]["partitions"] == 2
    assert found["description"] == "What they do"
    assert "partitions: 2" in found["yaml"]
    assert found["file"] == f"streams/{stream}.yml"
    assert [column["name"] for column in found["schema"]] == ["ts", "key", "headers", "value"]
    assert sum(bounds["end"] for bounds in found["partition_bounds"]) == 1
    assert found["lag_records"] == 1
    assert found["freshness_s"] >= 0
    assert found["table"] == f"lake.{stream}"
    assert found["editable"]
    assert found["time_zone"] == "Asia/Seoul"


def test_records_without_a_usable_time_are_told(server, reader):
    stream = server.new_stream(time={"field": "at"})
    path = f"/api/streams/{stream}"
    nothing = {"count": 0, "last_at": None, "reasons": []}
    assert reader.get(path).json()["time_fallbacks"] == nothing
    counts = {"missing": Tally(1), "unreadable": Tally(3, "soon")}
    server.data.run.mkdir(exist_ok=True)
    state = StreamTallies(
        "lake.x", Tallies(counts, 1_767_225_600_000_000), Tallies({}, None)
    ).fields()
    StateFile(server.data.run / DELIVERY_FILE).write({stream: state})
    wanted = {
        "count": 4,
        "last_at": "2026-01-01T00:00:00.000000+00:00",
        "reasons": [
            {"reason": "unreadable", "count": 3, "example": "soon"},
            {"reason": "missing", "count": 1, "example": None},
        ],
    }
    assert reader.get(path).json()["time_fallbacks"] == wanted
    told = reader.get("/api/status").json()["time_fallbacks"]
    assert told == [{"stream": stream, **wanted}]
    metrics = reader.get("/metrics").text.splitlines()
    name = "madang_event_time_fallback_total"
    assert f'{name}{{reason="unreadable",stream="{stream}"}} 3.0' in metrics


def test_own_streams_are_listed_and_not_editable(reader):
    streams = {row["name"]: row for row in reader.get("/api/streams").json()["streams"]}
    assert streams["orders"]["editable"]
    assert not streams["system.access_log"]["editable"]
    assert reader.get("/api/streams/system.access_log").json()["yaml"] == ""


def test_unknown_stream(reader):
    for path in ("", "/records", "/tail", "/dead-letters", "/dead-letters/summary"):
        answer = reader.get(f"/api/streams/oders{path}")
        assert answer.status_code == 404
        assert error_of(answer)["hint"] == "did you mean 'orders'?"


def test_delivery_takes_the_lag_away(server, reader):
    stream = server.new_stream()
    send(server, stream, b"{}", b"{}")
    server.open_stream(stream).commit("lake", {0: 2})
    found = reader.get(f"/api/streams/{stream}").json()
    assert found["lag_records"] == 0
    assert found["freshness_s"] == 0
    assert found["groups"] == [{"name": "lake", "offsets": {"0": 2}, "lag": 0}]
    assert found["partition_bounds"][0]["delivered"] == 2


def test_put_stream_opens_it_at_once(server):
    with server.client("admin") as client:
        made = client.put("/api/streams/fresh_one", json={"partitions": 2, "format": "plain"})
        assert made.status_code == 201
        assert made.json()["file"] == "streams/fresh_one.yml"
        assert made.json()["table"] == "lake.fresh_one"
        assert client.post("/ingest/fresh_one", content=b"a line").json()["records"] == 1
        again = client.put("/api/streams/fresh_one", json={"partitions": 3, "format": "plain"})
        assert again.status_code == 200
        for form in ("logfmt", "plain", "logfmt"):
            client.put("/api/streams/fresh_one", json={"partitions": 3, "format": form})
            client.post("/ingest/fresh_one", content=b"a=1", headers={"Content-Type": "text/plain"})
            newest = client.get("/api/streams/fresh_one/records?limit=1").json()["records"][0]
            assert newest["attributes"]["reading"] == form
        assert client.put("/api/streams/from_nothing", json={}).status_code == 201
    assert (server.directory / "streams" / "fresh_one.yml").exists()


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("Big", {}, 400),
        ("a-b", {}, 400),
        ("x" * 64, {}, 400),
        ("..", {}, 404),
        ("system.mine", {}, 403),
        ("system", {}, 400),
        ("odd", {"partitons": 2}, 400),
        ("odd", {"partitions": 0}, 400),
        ("odd", {"format": "xml"}, 400),
        ("odd", {"name": "even"}, 400),
    ],
)
def test_bad_streams_are_not_written(server, name, body, status):
    with server.client("admin") as client:
        answer = client.put(f"/api/streams/{name}", json=body)
    assert answer.status_code == status, answer.text
    assert not (server.directory / "streams" / "odd.yml").exists()


def test_put_makes_a_typed_stream_whose_first_batch_is_to_come(server):
    with server.client("admin") as client:
        for partitions, status in ((2, 201), (3, 200)):
            spec = {"format": "typed", "partitions": partitions}
            assert client.put("/api/streams/typed_one", json=spec).status_code == status
        body = arrow_body(pa.table({"n": [1, 2]}))
        kind = {"Content-Type": "application/vnd.apache.arrow.stream"}
        assert client.post("/ingest/typed_one", content=body, headers=kind).json()["records"] == 2
        assert client.put("/api/streams/typed_one", json={**spec, "partitions": 4}).is_success
        found = client.get("/api/streams/typed_one").json()
    assert found["partitions"] == 4


def arrow_body(table):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def test_put_says_in_which_line_it_is_wrong(server):
    with server.client("admin") as client:
        sent = '{"format": "json",\n "partitons": 2}'
        answer = client.put(
            "/api/streams/odd", content=sent, headers={"Content-Type": "application/json"}
        )
    assert error_of(answer)["where"] == {"name": "body", "line": 2, "column": 2}


def test_put_opens_a_stream_while_another_file_is_broken(server):
    broken = server.directory / "streams" / "broken.yml"
    broken.write_text("partitons: 2\n")
    try:
        with server.client("admin") as client:
            made = client.put("/api/streams/beside_a_broken_one", json={"format": "plain"})
            assert made.status_code == 201, made.text
            (problem,) = made.json()["broken_elsewhere"]
            assert problem["where"] == {"name": "streams/broken.yml", "line": 1, "column": 1}
            sent = client.post("/ingest/beside_a_broken_one", content=b"a line")
            assert sent.json()["records"] == 1
    finally:
        broken.unlink()
        server.publish()
    with server.client("admin") as client:
        made = client.put("/api/streams/beside_a_broken_one", json={"format": "plain"})
        assert made.json()["broken_elsewhere"] == []


def test_dead_letters_are_listed_newest_first(server, reader):
    stream = server.new_stream()
    empty = reader.get(f"/api/streams/{stream}/dead-letters").json()
    assert empty == {"total": 0, "replayed_to": 0, "letters": []}
    assert not (server.data.streams / f"{stream}.dead").exists()
    bury(server, stream, *(("bad_json", b"{%d" % number) for number in range(5)))
    found = reader.get(f"/api/streams/{stream}/dead-letters?limit=2").json()
    assert found["total"] == 5
    assert [letter["value"] for letter in found["letters"]] == ["{4", "{3"]
    assert found["letters"][0]["source_offset"] == 4
    assert found["letters"][0]["attributes"] == {"source": "http"}
    older = reader.get(f"/api/streams/{stream}/dead-letters?before=3&limit=2").json()
    assert [letter["offset"] for letter in older["letters"]] == [2, 1]
    assert reader.get(f"/api/streams/{stream}").json()["dead_letters"] == 5


def test_reasons_are_counted(server, reader):
    stream = server.new_stream()
    bury(server, stream, ("contract", b"1"), ("bad_json", b"2"), ("bad_json", b"3"))
    found = reader.get(f"/api/streams/{stream}/dead-letters/summary").json()
    assert [(row["code"], row["count"]) for row in found["reasons"]] == [
        ("bad_json", 2),
        ("contract", 1),
    ]
    assert found["complete"]


def test_letters_of_one_reason_are_marked_and_no_longer_counted_once_replayed(server):
    stream = server.new_stream()
    bury(server, stream, ("bad_json", b"{"), ("other", b"x"), ("bad_json", b"{{"))
    with server.session("editor") as client:
        client.post(f"/api/streams/{stream}/replay", json={"code": "bad_json"})
        letters = client.get(f"/api/streams/{stream}/dead-letters").json()["letters"]
        assert [one["replayed"] for one in letters] == [True, False, True]
        assert client.get(f"/api/streams/{stream}").json()["dead_letters"] == 1
        bury(server, stream, ("bad_json", b"{{{"))
        assert client.get(f"/api/streams/{stream}").json()["dead_letters"] == 2
        reasons = client.get(f"/api/streams/{stream}/dead-letters/summary").json()["reasons"]
        assert {one["code"]: (one["count"], one["waiting"]) for one in reasons} == {
            "bad_json": (3, 1),
            "other": (1, 1),
        }
        client.post(f"/api/streams/{stream}/replay", json={})
        assert client.get(f"/api/streams/{stream}").json()["dead_letters"] == 0


def test_replay_appends_what_was_not_yet(server):
    stream = server.new_stream()
    bury(server, stream, ("bad_json", b"1"), ("contract", b"2"))
    with server.session("editor") as client:
        done = client.post(f"/api/streams/{stream}/replay", json={}).json()
        assert done == {"replayed": 2, "from_offset": 0, "to_offset": 2}
        again = client.post(f"/api/streams/{stream}/replay", json={}).json()
        assert again["replayed"] == 0
        shown = client.get(f"/api/streams/{stream}").json()
        assert shown["dead_letters"] == 0, "what was replayed waits for nobody"
        assert client.get(f"/api/streams/{stream}/dead-letters").json()["total"] == 2
        bury(server, stream, ("bad_json", b"3"))
        assert client.post(f"/api/streams/{stream}/replay", json={}).json()["replayed"] == 1
        asked = {"from_offset": 1, "to_offset": 2}
        assert client.post(f"/api/streams/{stream}/replay", json=asked).json()["replayed"] == 1
    assert server.values(stream) == [b"1", b"2", b"3", b"2"]


def test_a_replaced_stream_is_adopted_by_an_admin(server):
    stream = server.new_stream()
    send(server, stream, b"1", b"2")
    rows = pa.table({"n": [1, 2, 3, 4, 5]})
    table = server.lake.create(f"lake.{stream}", rows.schema)
    other = {stream: Source("another", {0: 1})}
    table.commit(rows, expected={}, reached={f"{stream}/0": 5}, sources=other)
    with server.session("editor") as client:
        assert client.post(f"/api/streams/{stream}/adopt", json={}).status_code == 403
    with server.client("admin") as client:
        done = client.post(f"/api/streams/{stream}/adopt", json={})
        assert done.json() == {"table": f"lake.{stream}", "starts": {"0": 0}, "records": 2}
        again = client.post(f"/api/streams/{stream}/adopt", json={})
        assert again.status_code == 409
        assert "nothing to adopt" in again.json()["error"]["message"]
        assert client.post("/api/streams/nosuch/adopt", json={}).status_code == 404


def tail_lines(server, stream, count, *, last_event_id=None, ready=None):
    """The first ``count`` lines of a tail that are no comments and not empty."""
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    lines = []
    with (
        server.client("read") as client,
        client.stream("GET", f"/api/streams/{stream}/tail", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if ready is not None and line.startswith("retry"):
                ready.set()
            if line and not line.startswith((":", "retry")):
                lines.append(line)
            if len(lines) == count:
                break
    return lines


def test_tail_shows_new_records_and_resumes(server):
    stream = server.new_stream()
    send(server, stream, b'"before"')
    ready, lines = threading.Event(), []
    tailing = threading.Thread(
        target=lambda: lines.extend(tail_lines(server, stream, 3, ready=ready))
    )
    tailing.start()
    assert ready.wait(10)
    send(server, stream, b'"one"', b'"two"')
    tailing.join(10)
    assert lines[:2] == ["id: 0:3", "event: records"]
    rows = orjson.loads(lines[2].removeprefix("data: "))
    assert [row["value"] for row in rows] == ['"one"', '"two"']
    resumed = tail_lines(server, stream, 3, last_event_id="0:1")
    assert resumed == lines


def test_tail_skips_and_says_so(server):
    stream = server.new_stream()
    send(server, stream, *(b"%d" % number for number in range(1300)))
    lines = tail_lines(server, stream, 3 + 5 * 3, last_event_id="0:0")
    assert lines[1] == "event: dropped"
    assert orjson.loads(lines[2].removeprefix("data: ")) == {"count": 300}
    events = [orjson.loads(line.removeprefix("data: ")) for line in lines[5::3]]
    assert [len(rows) for rows in events] == [200] * 5
    assert [row["value"] for rows in events for row in rows] == [
        str(number) for number in range(300, 1300)
    ]


def test_tail_ends_when_the_server_stops(world):
    stream = world.new_stream()
    world.serve()
    ready, lines = threading.Event(), []
    tailing = threading.Thread(
        target=lambda: lines.extend(tail_lines(world, stream, 3, ready=ready))
    )
    tailing.start()
    assert ready.wait(10)
    world.stop.set()
    tailing.join(5)
    assert not tailing.is_alive()
    assert lines == []


@pytest.mark.parametrize("busy", [False, True])
def test_tail_ends_with_the_session(server, monkeypatch, busy):
    monkeypatch.setattr(tail, "_KEEP_ALIVE_S", 0.5)
    stream = server.new_stream()
    name = f"watcher{busy}"
    server.accounts.users.create(name, Role.VIEWER, None)
    over = threading.Event()

    def keep_sending():
        while busy and not over.wait(0.1):
            send(server, stream, b"{}")

    sending = threading.Thread(target=keep_sending)
    sending.start()
    with (
        server.session(name) as client,
        client.stream("GET", f"/api/streams/{stream}/tail") as answer,
    ):
        lines = answer.iter_lines()
        while next(lines) != ": still here":
            pass
        server.accounts.users.delete(name)
        server.clock_s.advance(5)
        for _ in lines:
            pass
    over.set()
    sending.join()
