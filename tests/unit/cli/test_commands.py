from __future__ import annotations

import json
import os
import pty
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from madang.cli import main
from madang.cli.app import app
from madang.cli.examples import EXAMPLES
from madang.cli.output import show_table, width

STATUS = {
    "at": "2026-11-21T00:00:00.000000Z",
    "health": "degraded",
    "problems": [
        {"code": "lag", "severity": "warning", "message": "orders lags", "hint": "look at deliver"}
    ],
    "disk": {"total_bytes": 2**40, "free_bytes": 2**39, "min_free_bytes": 2**29},
    "roles": [
        {
            "name": "serve", "pid": 12, "state": "running", "started_at": None,
            "restarts": 0, "memory_bytes": 3 * 2**20,
        }
    ],
    "project": {
        "directory": "/p", "version": "x", "loaded_at": None,
        "errors": [
            {
                "code": "project", "message": "unknown key 'a'", "hint": None,
                "where": {"name": "streams/a.yml", "line": 3, "column": 1},
            }
        ],
    },
}  # fmt: skip


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_status_names_what_is_wrong(platform: Any, capsys: Any) -> None:
    platform.on("GET /api/status", STATUS)
    code, out, _ = run(capsys, "status")
    assert code == 1
    assert out.splitlines()[:7] == [
        "health: degraded",
        "  warning: orders lags",
        "    look at deliver",
        "project: /p, loaded –",
        "  it was changed and is broken now; the last good state runs on:",
        "  streams/a.yml:3:1: unknown key 'a'",
        "disk: 512.0 GiB free of 1.0 TiB, at least 512.0 MiB are kept",
    ]
    reasons = [
        {"reason": "out_of_range", "count": 1200, "example": "0000-01-01"},
        {"reason": "missing", "count": 34, "example": None},
    ]
    fallbacks = [{"stream": "orders", "count": 1234, "last_at": None, "reasons": reasons}]
    platform.on("GET /api/status", {**STATUS, "time_fallbacks": fallbacks})
    _, out, _ = run(capsys, "status")
    assert (
        "orders: 1,234 records without a usable time, the arrival stands in (1,200 outside "
        "1970 to 2199, 34 without the field, such as '0000-01-01'; last –)"
    ) in out.splitlines()
    platform.on("GET /api/status", {**STATUS, "health": "ok"})
    code, out, _ = run(capsys, "status", "--json")
    assert code == 0
    assert json.loads(out)["health"] == "ok"


def test_a_platform_that_does_not_run_is_one_clear_line(
    capsys: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.setenv("MADANG_DATA", str(tmp_path))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        code, out, err = run(capsys, "status", "--url", url)
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == f"error: Madang does not run at {url}"
    assert "madang up" in err
    monkeypatch.setattr("madang.project.settings.DEFAULT_URL", url)
    monkeypatch.delenv("MADANG_URL", raising=False)
    code, _, err = run(capsys, "status")
    assert err.splitlines()[0].endswith(f"at {url}, nor in the data directory {tmp_path}")


@pytest.mark.parametrize("url", ["ftp://x", "localhost:8080", "http://", "nonsense"])
def test_a_url_that_is_none_is_refused(url: str, capsys: Any) -> None:
    code, _, err = run(capsys, "status", "--url", url)
    assert code == 2
    assert "is not a URL" in err


def test_somebody_else_on_the_port_is_told(platform: Any, capsys: Any) -> None:
    platform.on("GET /api/status", b"<html>hello</html>")
    code, _, err = run(capsys, "status")
    assert code == 1
    assert "not Madang" in err


def test_the_local_admin_token_is_sent_to_the_local_platform_only(
    platform: Any, capsys: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    platform.on("GET /api/tokens", {"tokens": []})
    running = tmp_path / "data" / "run"
    running.mkdir(parents=True)
    (running / "admin.token").write_text("mdg_secret\n")
    run(capsys, "token", "list")
    assert "Authorization" not in platform.requests[-1].headers
    (running / "platform.json").write_text(json.dumps({"url": platform.url, "pid": os.getpid()}))
    run(capsys, "token", "list")
    assert platform.requests[-1].headers["Authorization"] == "Bearer mdg_secret"
    monkeypatch.setenv("MADANG_TOKEN", "mdg_environment")
    run(capsys, "token", "list")
    assert platform.requests[-1].headers["Authorization"] == "Bearer mdg_environment"
    run(capsys, "token", "list", "--token", "mdg_flag")
    assert platform.requests[-1].headers["Authorization"] == "Bearer mdg_flag"


def test_sql_shows_a_table_and_the_place_of_a_mistake(platform: Any, capsys: Any) -> None:
    platform.on(
        "POST /api/sql",
        {
            "query_id": "q",
            "columns": [{"name": "name", "type": "VARCHAR"}, {"name": "n", "type": "BIGINT"}],
            "rows": [["홍길동", 5], ["a", 12_345]], "row_count": 2, "truncated": False,
            "stats": {"duration_s": 0.012, "rows": 2, "bytes_read": 2048},
        },
    )  # fmt: skip
    code, out, err = run(capsys, "sql", "select 1", "-p", "day=3", "-p", "name=kim")
    assert code == 0
    assert out.splitlines() == ["name        n", "홍길동      5", "a       12345"]
    assert err == "2 rows, 12ms, 2.0 KiB read\n"
    assert platform.requests[-1].json["params"] == {"day": 3, "name": "kim"}
    stats = {"fresh_incomplete": ["lake.orders"]}
    answer = {"query_id": "q", "columns": [], "rows": [], "row_count": 0, "truncated": False}
    platform.on("POST /api/sql", {**answer, "stats": stats})
    assert "the newest records of lake.orders are missing" in run(capsys, "sql", "select 1")[2]
    place = {"name": "sql", "line": 1, "column": 8}
    platform.on(
        "POST /api/sql",
        platform.error(
            400, "invalid_input", "no column 'x'", hint="did you mean 'y'?", where=place
        ),
    )
    code, out, err = run(capsys, "sql", "select x")
    assert (code, out, err) == (1, "", "error: sql:1:8: no column 'x'\n  did you mean 'y'?\n")


def test_sql_saves_what_is_asked_for(platform: Any, capsys: Any, tmp_path: Path) -> None:
    platform.on("POST /api/sql", b"a,b\n1,2\n")
    target = tmp_path / "out.csv"
    assert run(capsys, "sql", "select 1", "-f", "csv", "-o", str(target))[0] == 0
    assert target.read_bytes() == b"a,b\n1,2\n"
    assert platform.requests[-1].path == "/api/sql?format=csv"
    assert list(tmp_path.glob("*.part")) == []
    code, _, err = run(capsys, "sql", "select 1", "-f", "cvs")
    assert code == 2
    assert "did you mean 'csv'?" in err


def test_streams_are_made_and_listed(platform: Any, capsys: Any) -> None:
    platform.on("GET /api/streams", {"streams": []})
    assert "streams create" in run(capsys, "streams")[1]
    platform.on(
        "PUT /api/streams/orders",
        (201, {"name": "orders", "file": "streams/orders.yml", "yaml": "", "table": "lake.orders"}),
    )
    code, out, _ = run(capsys, "streams", "create", "orders", "--format", "csv")
    assert code == 0
    assert out.splitlines()[0] == "streams/orders.yml"
    assert platform.requests[-1].json == {"format": "csv"}


def test_a_stream_that_exists_is_not_written_over(platform: Any, capsys: Any) -> None:
    platform.on("GET /api/streams/orders", {"name": "orders", "file": "streams/orders.yaml"})
    code, _, err = run(capsys, "streams", "create", "orders")
    assert (code, err) == (1, "error: the stream 'orders' exists\n  change streams/orders.yaml\n")
    assert [one.method for one in platform.requests] == ["GET"]


def test_a_name_with_a_slash_stays_one_step_of_the_path(platform: Any, capsys: Any) -> None:
    run(capsys, "streams", "tail", "../../x?y", "-F")
    assert platform.requests[-1].path == "/api/streams/..%2F..%2Fx%3Fy/records?limit=10"


def test_adopt_tells_where_delivery_goes_on(platform: Any, capsys: Any) -> None:
    answer = {"table": "lake.orders", "starts": {"0": 7, "1": 0}, "records": 1234}
    platform.on("POST /api/streams/orders/adopt", answer)
    code, out, _ = run(capsys, "streams", "adopt", "orders")
    assert code == 0
    assert "lake.orders goes on with orders/0 from offset 7" in out
    assert "records wait to be delivered" in out


def test_tail_shows_records_and_what_was_dropped(platform: Any, capsys: Any) -> None:
    record = {"partition": 0, "offset": 7, "ts": "t", "value": "a\x1b[2Jb"}
    events = f"event: records\ndata: {json.dumps([record])}\n\n: alive\n\n"
    events += 'event: dropped\ndata: {"count": 5}\n\n'
    platform.on("GET /api/streams/a/tail", events.encode())
    code, out, err = run(capsys, "streams", "tail", "a", "-n", "0")
    assert code == 0
    assert out == "0/7  t  a\\x1b[2Jb\n"
    assert "5 records not shown" in err


def test_a_token_alone_goes_to_stdout(platform: Any, capsys: Any) -> None:
    platform.on("POST /api/tokens", {"id": "1", "name": "x", "scope": "read", "token": "mdg_x"})
    code, out, _ = run(capsys, "token", "create", "x", "--scope", "read", "--expires-in", "90d")
    assert (code, out) == (0, "mdg_x\n")
    assert platform.requests[-1].json["expires_in_s"] == 90 * 86_400


def test_replay_says_how_many(platform: Any, capsys: Any) -> None:
    platform.on(
        "POST /api/streams/a/replay", {"replayed": 1200, "from_offset": 0, "to_offset": 1200}
    )
    code, out, _ = run(capsys, "replay", "a.dead", "--code", "json")
    assert (code, out) == (0, "1,200 replayed, up to dead letter 1200\n")
    assert platform.requests[-1].json == {"code": "json"}
    platform.on("POST /api/streams/a/replay", {"replayed": 3, "from_offset": 7, "to_offset": 10})
    assert "dead letters before 7 are gone" in run(capsys, "replay", "a", "--from", "2")[2]


@pytest.mark.parametrize(
    ("typed", "message", "hint"),
    [
        ("stauts", "no such command 'stauts'", "did you mean 'status'? `madang --help`"),
        (
            "status --jsno",
            "no such option: --jsno",
            "did you mean '--json'? `madang status --help`",
        ),
        (
            "streams shwo a",
            "no such command 'shwo'",
            "did you mean 'show'? `madang streams --help`",
        ),
        ("token lsit", "no such command 'lsit'", "did you mean 'list'?"),
        ("status extra", "got unexpected extra argument(s) (extra)", "`madang status --help`"),
        ("streams create", "missing argument 'name'", "`madang streams create --help`"),
        ("up --port 99999", "invalid value for '--port'", "`madang up --help`"),
        ("sql x -f cvs", "there is no format 'cvs'", "did you mean 'csv'?"),
        ("sql x -p y", "--param: 'y' is not name=value", "--param status=500"),
        ("sql x --timeout soon", "--timeout: 'soon' is not a duration", "write 500ms"),
        ("sql x --file y", "'y' is not name=pattern", "--file logs="),
        ("ingest x -f jsno", "there is no format 'jsno'", "did you mean 'json'?"),
        ("token create x --scope reed", "there is no scope 'reed'", "did you mean 'read'?"),
        ("token create x --expires-in x", "--expires-in: 'x' is not a duration", "write"),
        ("replay x --from 5 --to 2", "--from 5 is not before --to 2", "--to is the offset behind"),
        ("ingest /", "/ is a directory", "name its files"),
        ("schema --kind strem", "there is no kind 'strem'", "did you mean 'stream'?"),
        ("user add x --role boss", "there is no role 'boss'", "one of: admin, editor, viewer"),
    ],
)
def test_a_wrong_call_is_told_with_what_was_meant(
    typed: str, message: str, hint: str, platform: Any, capsys: Any
) -> None:
    code, out, err = run(capsys, *typed.split())
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}")
    assert f"\n  {hint}" in err


@pytest.mark.parametrize("command", EXAMPLES)
def test_each_command_shows_its_examples(command: str, capsys: Any) -> None:
    code, out, _ = run(capsys, *command.split(), "--help")
    assert code == 0
    assert f"    {EXAMPLES[command][0]}\n" in out
    assert all(mark not in out for mark in ("\x1b", "│", "╭"))


@pytest.mark.parametrize("line", [one for lines in EXAMPLES.values() for one in lines])
def test_examples_are_calls_that_can_be_made(line: str) -> None:
    words = shlex.split(line.rpartition("| ")[2].partition(" < ")[0])[1:]
    command = typer.main.get_command(app)
    context = command.make_context("madang", words)
    while words := [*context._protected_args, *context.args]:
        if not hasattr(command, "commands"):
            break
        name, command, words = command.resolve_command(context, words)
        context = command.make_context(name, words, parent=context)


def commands_of(group: Any, before: str = "") -> set[str]:
    below = getattr(group, "commands", None)
    if below is None:
        return {before.strip()}
    return {one for name in below for one in commands_of(below[name], f"{before} {name}")}


def test_each_command_has_examples() -> None:
    assert commands_of(typer.main.get_command(app)) == set(EXAMPLES)


def test_options_before_a_command_count_for_it(platform: Any, capsys: Any) -> None:
    platform.on("GET /api/tables/lake.orders", {"name": "lake.orders"})
    code, out, _ = run(capsys, "tables", "--json", "orders")
    assert (code, json.loads(out)) == (0, {"name": "lake.orders"})
    code, _, err = run(capsys, "tables", "--url", "http://127.0.0.1:1", "list")
    assert code == 1
    assert "127.0.0.1:1" in err


def test_columns_stand_under_one_another_with_korean(capsys: Any) -> None:
    show_table(("이름", "n>"), [("가나다", "1"), ("e\u0301", "22"), ("👩", "333")])
    lines = capsys.readouterr().out.splitlines()
    assert {width(line) for line in lines} == {width(lines[0])}


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys, madang.cli; madang.cli.main(['--help']);"
        "print(sorted({'pydantic','pyarrow','duckdb','fastapi','numpy','yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_table_tells_what_stands_in_rest(platform: Any, capsys: Any) -> None:
    table = {
        "name": "lake.orders", "rows": 3, "size_bytes": 10, "files": 1, "location": "/l",
        "columns": [{"name": "load", "type": "long"}],
        "misfits": {
            "count": 42, "last_at": "2026-11-21T00:00:00.000000Z",
            "columns": [{"column": "load", "reason": "fraction", "count": 42, "example": "0.25"}],
        },
    }  # fmt: skip
    platform.on("GET /api/tables/lake.orders", table)
    code, out, _ = run(capsys, "tables", "orders")
    assert code == 0
    assert "42 values stand in _rest, for no column took them" in out
    (line,) = [one for one in out.splitlines() if "0.25" in one]
    assert line.split()[:2] == ["load", "42"]
    assert "a fraction in a column of whole numbers" in line


def test_a_notice_is_told_and_all_is_well(platform: Any, capsys: Any) -> None:
    notice = {"code": "values_in_rest", "severity": "notice", "message": "42 values", "hint": "x"}
    platform.on("GET /api/status", {**STATUS, "health": "ok", "problems": [notice]})
    code, out, _ = run(capsys, "status")
    assert code == 0
    assert "  notice: 42 values" in out.splitlines()


def test_a_table_is_dropped_without_a_question_where_nobody_can_answer(
    platform: Any, capsys: Any
) -> None:
    dropped = {"name": "lake.orders", "rows": 1234, "size_bytes": 2048}
    platform.on("DELETE /api/tables/lake.orders", dropped)
    code, out, _ = run(capsys, "tables", "drop", "orders")
    assert (code, out) == (0, "dropped lake.orders: 1,234 rows, 2.0 KiB of files\n")
    code, out, _ = run(capsys, "tables", "drop", "lake.orders", "--json")
    assert (code, json.loads(out)) == (0, dropped)


@pytest.mark.parametrize(("said", "is_dropped"), [(b"n\n", False), (b"y\n", True)])
def test_a_person_is_asked_first(platform: Any, said: bytes, is_dropped: bool) -> None:
    platform.on("GET /api/tables/lake.orders", {"name": "lake.orders", "rows": 1234})
    platform.on("DELETE /api/tables/lake.orders", {"rows": 1234, "size_bytes": 0})
    us, theirs = pty.openpty()
    command = [sys.executable, "-m", "madang.cli", "tables", "drop", "orders"]
    os.write(us, said)
    environment = {**os.environ, "MADANG_URL": platform.url, "MADANG_TOKEN": "t"}
    done = subprocess.run(
        command, stdin=theirs, capture_output=True, text=True, env=environment, check=False
    )
    os.close(us)
    os.close(theirs)
    assert "lake.orders has 1,234 rows" in done.stdout + done.stderr
    assert ("DELETE" in [one.method for one in platform.requests]) is is_dropped
    assert (done.returncode == 0) is is_dropped
