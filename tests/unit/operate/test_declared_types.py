"""Declared types that a table cannot take are refused and told, never ignored."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from madang.cli import main
from madang.core.clock import SystemClock
from madang.core.datadir import DataDir
from madang.core.errors import ConflictError
from madang.lake import Lake
from madang.operate.declared_types import refuse_unfit, unfit_in_project, unfit_of
from madang.operate.delivery import Deliveries
from madang.operate.health import assess
from madang.process.layout import JSON_MARK
from madang.project import ProjectFollower, ProjectPublisher, StreamSpec
from madang.stream import LogStore

SCHEMA = pa.schema(
    [
        pa.field("_time", pa.timestamp("us", "UTC"), nullable=False),
        ("load", pa.int64()),
        ("ratio", pa.float64()),
        ("name", pa.string()),
        pa.field("any", pa.string(), metadata=JSON_MARK),
        ("o", pa.struct([("x", pa.int64())])),
        ("money", pa.decimal128(9, 2)),
    ]
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    opened = Lake(DataDir(tmp_path / "data"))
    opened.create("lake.orders", SCHEMA)
    return opened


@pytest.mark.parametrize(
    ("columns", "wrong"),
    [
        ({"load": "long", "ratio": "double", "name": "string", "any": "json"}, None),
        ({"ratio": "long", "name": "json", "any": "string", "new": "timestamp"}, None),
        ({"load": "double"}, ("load", "double", "long")),
        ({"name": "timestamp"}, ("name", "timestamp", "string")),
        ({"o.x": "double"}, ("o.x", "double", "long")),
        ({"o": "json"}, ("o", "json", "struct")),
        ({"money": "double"}, ("money", "double", "decimal128(9, 2)")),
    ],
)
def test_what_a_column_takes(lake, columns, wrong) -> None:
    found = unfit_of(lake, StreamSpec(name="orders", columns=columns))
    assert [(one.column, one.declared, one.actual) for one in found] == ([wrong] if wrong else [])


def test_no_table_no_trouble(lake) -> None:
    assert unfit_of(lake, StreamSpec(name="others", columns={"load": "double"})) == ()
    assert (
        unfit_of(lake, StreamSpec(name="orders", columns={"load": "double"}, deliver=False)) == ()
    )


def test_whole_numbers_may_become_doubles_where_none_is_too_large(lake) -> None:
    table, spec = lake.table("lake.orders"), StreamSpec(name="orders", columns={"load": "double"})
    times = pa.array([0], pa.timestamp("us", "UTC"))
    table.commit(pa.table({"_time": times, "load": [1]}), expected={}, reached={"orders/0": 1})
    assert unfit_of(lake, spec) == ()
    large = pa.table({"_time": times, "load": [2**53 + 1]})
    table.commit(large, expected={"orders/0": 1}, reached={"orders/0": 2})
    assert [one.column for one in unfit_of(lake, spec)] == ["load"]


def test_refused_at_its_line(lake) -> None:
    spec = StreamSpec(name="orders", columns={"load": "double"})
    with pytest.raises(ConflictError, match=r"load is declared double, but lake\.orders") as caught:
        refuse_unfit(lake, spec, b'{"columns":\n  {"load":"double"}}')
    assert str(caught.value.where).startswith("streams/orders.yml:2")
    assert "deliver to a new table" in str(caught.value.hint)


def test_edited_by_hand(lake, tmp_path: Path, capsys, monkeypatch) -> None:
    directory = tmp_path / "project"
    (directory / "streams").mkdir(parents=True)
    (directory / "madang.yml").write_text("name: test\nstorage:\n  min_free: 0\n")
    (directory / "streams" / "orders.yml").write_text("columns:\n  load: double\n")
    data = lake.data
    assert ProjectPublisher(directory, data).publish().errors == ()
    project = ProjectFollower(data).current()
    (problem,) = unfit_in_project(project, data)
    assert (problem.where.line, problem.severity) == (2, "warning")
    assert list(unfit_in_project(project, DataDir(tmp_path / "none"))) == []
    deliveries = Deliveries(
        ProjectFollower(data), LogStore(data.streams, min_free_bytes=0), lake, data
    )
    deliveries.follow_project()
    deliveries.write_states()
    health = assess(data, project, SystemClock().now_us())
    assert [one.code for one in health.problems] == ["type_not_taken"]
    assert "load is declared double" in health.problems[0].message
    monkeypatch.setenv("MADANG_DATA", str(data.root))
    assert main(["check", str(directory)]) == 0
    assert "streams/orders.yml:2" in capsys.readouterr().out
