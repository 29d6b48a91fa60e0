"""The commands against a real platform: what the fake server of the unit tests cannot promise."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from madang.cli import main
from madang.testing.running_platform import RunningPlatform, write_project


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    base = tmp_path_factory.mktemp("platform")
    project = write_project(
        base / "project",
        {
            "madang.yml": "name: test\nquery: {workers: 1}\n",
            "streams/orders.yml": "# the shop's\ndeliver:\n  buffer_time: 200ms\n",
        },
    )
    with RunningPlatform(project, base / "data") as running:
        yield running


@pytest.fixture(autouse=True)
def here(platform: RunningPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MADANG_URL", "MADANG_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MADANG_DATA", str(platform.data))


def asked(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    found = main([*arguments, "--json"])
    said = capsys.readouterr()
    assert found == code, said.err
    return json.loads(said.out)


def test_a_file_goes_in_once_and_comes_out_of_sql(
    platform: RunningPlatform, tmp_path: Path, capsys: Any
) -> None:
    file = tmp_path / "orders.ndjson"
    file.write_text('{"이름": "홍길동", "n": 1}\n{"이름": "b", "n": 2}\nbroken{\n')
    for _ in range(2):
        asked(capsys, "ingest", str(file))
    # Fresh: before any delivery, and with the repeated file counted once.
    result = asked(capsys, "sql", "select 이름, n from orders order by n desc")
    assert result["rows"] == [["b", 2], ["홍길동", 1]]
    platform.wait_for(lambda: platform.delivered("orders"))
    assert asked(capsys, "tables", "orders")["rows"] == 2
    listed = {one["name"]: one for one in asked(capsys, "streams")}
    assert listed["orders"]["records_total"] == 3
    assert listed["orders"]["dead_letters"] == 1
    assert asked(capsys, "replay", "orders")["replayed"] == 1


def test_a_stream_and_a_table_are_shown(capsys: Any) -> None:
    assert main(["streams", "orders"]) == 0
    shown = capsys.readouterr().out
    assert "delivered to lake.orders" in shown
    assert "file: streams/orders.yml" in shown
    assert "invalid_json" in shown
    assert "column as kept in the stream" in shown
    assert "what records become: madang tables show lake.orders" in shown
    assert main(["tables", "orders"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("lake.orders: 2 rows")
    assert [line for line in shown if line.startswith("day ")]
    assert [line for line in shown if line.startswith("snapshot ")]
    assert asked(capsys, "streams", "show", "orders")["dead_letter_reasons"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["streams", "tail", "orders"],
        ["sql", "select count(*) from range(1000000000000) t(i) where i % 7 = 3"],
        ["ingest", "-", "--stream", "orders"],
    ],
    ids=["tail", "sql", "ingest"],
)
def test_ctrl_c_ends_a_command_without_a_word(
    platform: RunningPlatform, arguments: list[str]
) -> None:
    command = [sys.executable, "-m", "madang.cli", *arguments]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        platform.wait_for(lambda: _is_connected(process.pid, platform.port))
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert (process.wait(10), said) == (130, b"")


def _is_connected(pid: int, port: int) -> bool:
    found = psutil.Process(pid).net_connections("tcp")
    return any(one.raddr and one.raddr.port == port for one in found)


def test_a_stream_is_written_into_the_project(
    platform: RunningPlatform, tmp_path: Path, capsys: Any
) -> None:
    made = asked(capsys, "streams", "create", "clicks", "--format", "csv", "--partitions", "2")
    assert made["table"] == "lake.clicks"
    text = (platform.project / "streams" / "clicks.yml").read_text()
    assert text == "format: csv\npartitions: 2\n"
    file = tmp_path / "clicks.csv"
    file.write_text('page,who\n"a\nb",kim\n/,lee\n')
    assert asked(capsys, "ingest", str(file))["records"] == 2
    rows = asked(capsys, "sql", "select page from clicks order by page")["rows"]
    assert rows == [["/"], ["a\nb"]]


def test_a_change_by_the_api_keeps_comments(platform: RunningPlatform, capsys: Any) -> None:
    spec = {"deliver": {"buffer_time": 0.2}, "description": "주문"}
    answer = platform.client.put("/api/streams/orders", json=spec)
    assert answer.status_code == 200, answer.text
    text = (platform.project / "streams" / "orders.yml").read_text()
    assert text == "# the shop's\ndeliver:\n  buffer_time: 200ms\ndescription: 주문\n"
    refused = platform.client.put("/api/streams/orders", json={"partitons": 3})
    assert refused.status_code == 400
    assert refused.json()["error"]["hint"] == "did you mean 'partitions'?"


def test_a_broken_change_is_told_and_the_last_good_state_goes_on(
    platform: RunningPlatform, capsys: Any
) -> None:
    file = platform.project / "streams" / "bad.yml"
    file.write_text("fromat: json\n")

    def told() -> bool:
        errors = platform.client.get("/api/status").json()["project"]["errors"]
        return [error["where"]["line"] for error in errors] == [1]

    platform.wait_for(told)
    status = asked(capsys, "status", code=1)
    assert status["project"]["errors"][0]["message"] == "unknown key 'fromat'"
    file.unlink()
    platform.wait_for(lambda: not platform.client.get("/api/status").json()["project"]["errors"])


def test_a_token_reaches_as_far_as_its_scope(capsys: Any) -> None:
    token = asked(capsys, "token", "create", "reader", "--scope", "read")
    assert asked(capsys, "sql", "select 1 as one", "--token", token["token"])["rows"] == [[1]]
    assert main(["streams", "create", "x", "--token", token["token"]]) == 1
    assert "permission" in capsys.readouterr().err
    assert main(["token", "revoke", token["id"]]) == 0
    assert main(["sql", "select 1", "--token", token["token"]]) == 1


def test_a_mistake_in_sql_has_its_place(capsys: Any) -> None:
    assert main(["sql", "select\n  nothing from system.logs"]) == 1
    assert capsys.readouterr().err.startswith("error: sql:2:3: ")


def test_a_killed_role_is_told_in_the_table_of_logs(platform: RunningPlatform) -> None:
    pid = platform.role_pid("collect")
    os.kill(pid, signal.SIGKILL)
    query = "select of, exit from system.logs where role = 'supervisor' and of_pid = $pid"

    def told() -> bool:
        answer = platform.client.post("/api/sql", json={"sql": query, "params": {"pid": pid}})
        return answer.status_code == 200 and answer.json()["rows"] == [
            ["collect", "ended by SIGKILL"]
        ]

    platform.wait_for(told)


def test_results_are_saved_in_open_formats(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    query = "select range as n from range(100000)"
    parquet, arrow = tmp_path / "n.parquet", tmp_path / "n.arrow"
    assert main(["sql", query, "-f", "parquet", "-o", str(parquet)]) == 0
    assert main(["sql", query, "-f", "arrow", "-o", str(arrow)]) == 0
    assert pq.read_table(parquet).num_rows == 100_000
    with pa.OSFile(str(arrow)) as file:
        assert pa.ipc.open_stream(file).read_all().num_rows == 100_000
