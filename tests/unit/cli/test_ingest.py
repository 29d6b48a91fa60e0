from __future__ import annotations

import gzip
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from madang.cli import main, pieces
from madang.cli.pieces import open_file
from madang.cli.sending import stream_of
from madang.core.errors import InvalidInputError, TooLargeError


def accepted(request: Any) -> dict[str, Any]:
    lines = [line for line in request.body.splitlines() if line.strip()]
    return {"stream": "orders", "records": len(lines), "duplicate": False, "partitions": []}


@pytest.fixture
def orders(platform: Any) -> Any:
    platform.on("GET /api/streams/orders", {"spec": {"format": "json"}})
    platform.on("POST /ingest/orders", accepted)
    return platform


def bodies(platform: Any) -> list[Any]:
    return [one for one in platform.requests if one.method == "POST"]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (b"", "ndjson"),
        (b"\n\r\n\n", "ndjson"),
        (b"\n\r\n\n", "plain"),
        (b"\n\n", "csv"),
        (b"a,b\n\n\n", "csv"),
        (b"\n \n", "json"),
        (b"\n" * (pieces.PIECE_BYTES + 5), "plain"),
    ],
)
def test_a_file_without_a_record_is_none_sent(
    orders: Any, tmp_path: Path, capsys: Any, text: bytes, form: str
) -> None:
    (tmp_path / "orders").write_bytes(text)
    assert main(["ingest", str(tmp_path / "orders"), "--format", form]) == 0
    assert bodies(orders) == []
    assert "→ orders: 0 records" in capsys.readouterr().out


def test_blank_lines_between_pieces_are_none(orders: Any, tmp_path: Path, capsys: Any) -> None:
    text = b"first\n" + b"\n" * (3 * pieces.PIECE_BYTES) + b"last"
    (tmp_path / "orders").write_bytes(text)
    assert main(["ingest", str(tmp_path / "orders"), "--format", "plain"]) == 0
    assert b"".join(one.body for one in bodies(orders)).split() == [b"first", b"last"]
    assert "2 records" in capsys.readouterr().out


def test_a_file_sent_again_has_the_same_keys(orders: Any, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "orders.ndjson"
    file.write_text('{"a": 1}\n{"a": 2}\n')
    assert main(["ingest", str(file)]) == 0
    assert main(["ingest", str(file)]) == 0
    first, second = bodies(orders)
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.headers["Content-Type"] == "application/x-ndjson"
    assert "2 records" in capsys.readouterr().out
    file.write_text('{"a": 1}\n{"a": 3}\n')
    main(["ingest", str(file)])
    assert bodies(orders)[2].headers["Idempotency-Key"] != first.headers["Idempotency-Key"]


def frames(data: bytes) -> bytes:
    return zstandard.compress(data[:3]) + zstandard.compress(data[3:])


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, frames, bytes])
def test_packed_files_are_unpacked(orders: Any, tmp_path: Path, pack: Any) -> None:
    file = tmp_path / "orders.log.packed"
    file.write_bytes(pack(b'{"a": 1}\n'))
    assert main(["ingest", str(file), "-s", "orders"]) == 0
    assert bodies(orders)[0].body == b'{"a": 1}\n'


def test_what_may_pass_is_tried_again(platform: Any, tmp_path: Path, capsys: Any) -> None:
    from .conftest import Sequenced

    platform.on("GET /api/streams/orders", {"spec": {}})
    busy = platform.error(429, "overloaded", "too much")
    platform.on("POST /ingest/orders", Sequenced((*busy, {"Retry-After": "0.01"}), accepted))
    file = tmp_path / "orders.ndjson"
    file.write_text("{}\n")
    assert main(["ingest", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == 1
    assert len(bodies(platform)) == 2


def test_an_error_names_the_file_and_stops(orders: Any, tmp_path: Path, capsys: Any) -> None:
    orders.on("POST /ingest/orders", orders.error(413, "too_large", "a record is too large"))
    file = tmp_path / "orders.ndjson"
    file.write_text("{}\n")
    assert main(["ingest", str(file)]) == 1
    assert f"error: {file}: a record is too large" in capsys.readouterr().err
    assert main(["ingest", str(tmp_path / "none.ndjson"), "-s", "orders"]) == 1
    assert "No such file" in capsys.readouterr().err


def test_a_stream_is_made_only_if_asked(platform: Any, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("a,b\n1,2\n")
    platform.on(
        "GET /api/streams/orders",
        platform.error(404, "not_found", "there is no stream 'orders'"),
    )
    assert main(["ingest", str(file)]) == 1
    assert "--create makes it" in capsys.readouterr().err
    platform.on("PUT /api/streams/orders", (201, {"name": "orders"}))
    platform.on("POST /ingest/orders", accepted)
    assert main(["ingest", str(file), "--create"]) == 0
    assert [one.json for one in platform.requests if one.method == "PUT"] == [{"format": "csv"}]


def test_standard_input_is_new_each_time(orders: Any, monkeypatch: Any) -> None:
    for _ in range(2):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"{}\n"))))
        assert main(["ingest", "-", "-s", "orders"]) == 0
    first, second = bodies(orders)
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]


def test_parquet_and_arrow_files_become_arrow_streams(orders: Any, tmp_path: Path) -> None:
    table = pa.table({"a": list(range(40_000))})
    pq.write_table(table, tmp_path / "orders.parquet")
    with pa.ipc.new_file(tmp_path / "orders.arrow", table.schema) as writer:
        writer.write_table(table)
    orders.on("POST /ingest/orders", {"records": 1})
    for name in ("orders.parquet", "orders.arrow"):
        orders.requests.clear()
        assert main(["ingest", str(tmp_path / name)]) == 0
        sent = pa.concat_tables(pa.ipc.open_stream(one.body).read_all() for one in bodies(orders))
        assert sent.equals(table)


def test_a_file_that_is_no_parquet_is_told(orders: Any, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "orders.parquet").write_bytes(b"hello")
    assert main(["ingest", str(tmp_path / "orders.parquet")]) == 1
    assert "not a Parquet file" in capsys.readouterr().err


@given(
    st.lists(st.lists(st.text(alphabet='ab,"\n', max_size=6), min_size=2, max_size=2), max_size=40),
    st.integers(min_value=1, max_value=64),
)
def test_csv_is_never_cut_within_a_record(rows: list[list[str]], size: int) -> None:
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([["x", "y"], *rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", size)
        found = list(pieces.pieces(io.BytesIO(text.getvalue().encode()), "csv", header=True))
    read = [
        row
        for piece in found
        for row in list(csv.reader(io.StringIO(piece.body.decode(), newline="")))[1:]
    ]
    assert read == rows


def test_lines_are_cut_at_line_ends(monkeypatch: Any) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 10)
    data = b"".join(b"line %d\n" % number for number in range(50)) + b"last"
    found = [piece.body for piece in pieces.pieces(io.BytesIO(data), "plain", header=False)]
    assert b"".join(found) == data
    assert all(body.endswith(b"\n") for body in found[:-1])


def test_json_may_be_lines_or_a_document() -> None:
    def sent(text: bytes) -> list[tuple[bytes, str]]:
        found = pieces.pieces(io.BytesIO(text), "json", header=False)
        return [(piece.body, piece.content_type) for piece in found]

    assert sent(b'{"a": 1}\n{"a": 2}\n') == [(b'{"a": 1}\n{"a": 2}\n', "application/x-ndjson")]
    assert sent(b'[\n{"a": 1}\n]') == [(b'[\n{"a": 1}\n]', "application/json")]
    assert sent(b'{\n"a": 1\n}') == [(b'{\n"a": 1\n}', "application/json")]
    assert sent(b"  \n") == []


@pytest.mark.parametrize(
    ("file", "stream"),
    [("a/orders.ndjson", "orders"), ("Access-2026.log.gz", "access_2026"), ("x.y.z", "x")],
)
def test_the_files_name_suggests_the_stream(file: str, stream: str) -> None:
    assert stream_of(file) == stream


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_cut_off_file_is_told(orders: Any, tmp_path: Path, capsys: Any, pack: Any) -> None:
    (tmp_path / "orders.json.gz").write_bytes(pack(os.urandom(9999).hex().encode())[:-12])
    assert main(["ingest", str(tmp_path / "orders.json.gz"), "-f", "plain"]) == 1
    assert "the compressed file is damaged" in capsys.readouterr().err


def test_a_file_that_is_not_there_makes_no_stream(orders: Any, tmp_path: Path, capsys: Any) -> None:
    assert main(["ingest", str(tmp_path / "orders.ndjson"), "--create"]) == 1
    assert "orders.ndjson" in capsys.readouterr().err
    assert orders.requests == []


def test_a_file_that_is_named_compressed_and_is_not_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "orders.gz"
    file.write_bytes(b"no gzip")
    with pytest.raises(InvalidInputError, match="not compressed"), open_file(str(file)):
        pass
    file.write_bytes(b"")
    with open_file(str(file)) as opened:
        assert opened.read() == b""


@pytest.mark.parametrize("kind", ["stream", "file", "parquet"])
def test_large_arrow_batches_are_cut_to_fit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    monkeypatch.setattr(pieces, "MAX_BODY_BYTES", 100_000)
    monkeypatch.setattr(pieces, "_ARROW_BYTES", 40_000)
    monkeypatch.setattr(pieces, "_ARROW_ROWS", 2000)
    # The last rows are by far the longest.
    notes = ["n"] * 9000 + ["n" * 10_000] * 50
    table = pa.table({"id": range(9050), "note": notes, "empty": pa.nulls(9050)})
    file = tmp_path / "orders"
    if kind == "parquet":
        pq.write_table(table, file)
    else:
        make = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
        with make(file, table.schema) as writer:
            writer.write_table(table)
    with file.open("rb") as opened:
        form = "parquet" if kind == "parquet" else "arrow"
        found = [piece.body for piece in pieces.pieces(opened, form, header=False)]
    assert max(map(len, found)) <= 100_000
    rows = [pa.ipc.open_stream(body).read_all() for body in found]
    assert max(part.num_rows for part in rows) <= 2000
    assert pa.concat_tables(rows).to_pylist() == table.to_pylist()


def test_an_arrow_row_larger_than_a_body_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pieces, "MAX_BODY_BYTES", 100_000)
    table = pa.table({"note": ["a", "b" * 200_000, "c"]})
    file = tmp_path / "orders.arrow"
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    with file.open("rb") as opened, pytest.raises(TooLargeError, match="a row is larger"):
        list(pieces.pieces(opened, "arrow", header=False))


def test_an_arrow_batch_without_rows_or_columns_is_a_piece(tmp_path: Path) -> None:
    for table in (pa.table({"a": pa.array([], pa.int8())}), pa.table({})):
        file = tmp_path / "orders.arrow"
        with pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_batch(
                pa.RecordBatch.from_arrays(
                    [pa.array([], field.type) for field in table.schema], schema=table.schema
                )
            )
        with file.open("rb") as opened:
            (piece,) = pieces.pieces(opened, "arrow", header=False)
        assert pa.ipc.open_stream(piece.body).read_all().schema == table.schema
