"""What the platform itself keeps to some: of the query history, one's own queries."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from madang.core.errors import MadangError
from madang.lake.evolution import conform
from madang.project.system import QUERY_HISTORY
from madang.query import QUERY_HISTORY_SCHEMA, Identity, QueryRequest, ResultFormat
from unit.query.conftest import House

BOSS = Identity("boss", role="admin", scope="admin", user_id=1)
KIM = Identity("kim", user_id=2)
TOKEN = Identity("kim", user_id=2, token="t1", token_name="MADANG_TOKEN")
NAMESAKE = Identity("kim", user_id=9)
ASKED = [
    {"query_id": "boss", "user": "boss", "user_id": 1, "sql": "the boss's secret"},
    {"query_id": "kim", "user": "kim", "user_id": 2, "sql": "0"},
    {"query_id": "t1", "user": "kim", "user_id": 2, "token": "t1", "sql": "1"},
    {"query_id": "t2", "user": "kim", "user_id": 2, "token": "t2", "sql": "2"},
    {"query_id": "of before", "user": "kim", "sql": "3"},
    {"query_id": "a token's of before", "user": "token:MADANG_TOKEN", "sql": "a secret"},
]
SEEN = [
    (BOSS, {row["query_id"] for row in ASKED}),
    (KIM, {"kim", "t1", "t2", "of before"}),
    (TOKEN, {"t1"}),
    (NAMESAKE, {"of before"}),
    (Identity("eve'--", user_id=3), set()),
    (Identity("eve", user_id=3, token="' OR true --"), set()),
]


def ask(house: House, identity: Identity, sql: str, **options: object) -> list[dict[str, object]]:
    request = QueryRequest(
        sql=sql,
        identity=identity,
        format=ResultFormat.ARROW,
        **options,  # type: ignore[arg-type]
    )
    with house.door.answer(request) as answer:
        arrow = b"".join(bytes(piece) for piece in answer.pieces)
    return pa.ipc.open_stream(arrow).read_all().to_pylist()


@pytest.fixture(params=["fresh", "table", "both"])
def asked(house: House, request: pytest.FixtureRequest) -> House:
    """A house with a history: in the stream, in the table, or half of it in each."""
    stream = house.store.open(QUERY_HISTORY, QUERY_HISTORY_SCHEMA)
    rows = [{"ts": number, **row} for number, row in enumerate(ASKED)]
    stream.submit(pa.RecordBatch.from_pylist(rows, schema=QUERY_HISTORY_SCHEMA)).result(10)
    delivered = {"fresh": 0, "table": len(rows), "both": 3}[request.param]
    if delivered:
        batch = pa.Table.from_pylist(rows[:delivered], schema=QUERY_HISTORY_SCHEMA)
        columns = {"_time": batch["ts"], "_partition": pa.array([0] * delivered, pa.int32())}
        columns["_offset"] = pa.array(range(delivered), pa.int64())
        columns |= {name: batch[name] for name in batch.column_names if name != "ts"}
        made = house.lake.create(QUERY_HISTORY, pa.table(columns).schema)
        made.commit(pa.table(columns), expected={}, reached={f"{QUERY_HISTORY}/0": delivered})
    return house


@pytest.mark.parametrize(("identity", "theirs"), SEEN)
def test_one_sees_one_s_own_queries_and_an_admin_all(
    asked: House, identity: Identity, theirs: set[str]
) -> None:
    rows = ask(asked, identity, "SELECT query_id FROM system.query_history")
    assert {row["query_id"] for row in rows} == theirs
    [row] = ask(asked, identity, "SELECT count(*) AS n FROM query_history")
    assert row["n"] == len(theirs)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CAST(sql AS INTEGER) AS n FROM system.query_history",
        "SELECT 1 AS n FROM system.query_history WHERE CAST(sql AS INTEGER) >= 0",
        "SELECT 1 AS n FROM system.query_history GROUP BY CAST(sql AS INTEGER)",
        "SELECT 1 AS n FROM query_history a JOIN query_history b ON a.sql::INT = b.sql::INT",
        "SELECT 1 AS n FROM system.query_history WHERE error(sql) IS NULL LIMIT 0",
    ],
)
def test_errors_tell_nothing_of_others(asked: House, sql: str) -> None:
    try:
        found = ask(asked, KIM, sql)
    except MadangError as error:
        assert "secret" not in f"{error} {error.hint}"
    else:
        assert len(found) in (0, 4)


def test_nor_does_the_past(asked: House) -> None:
    if not asked.lake.exists(QUERY_HISTORY):
        return
    [snapshot] = asked.lake.table(QUERY_HISTORY).state().snapshots
    past = f"system.query_history FOR SYSTEM_VERSION AS OF {snapshot.snapshot_id}"
    for sql in (f"SELECT query_id AS q FROM {past}", f"FROM (FROM {past}) SELECT query_id AS q"):
        assert {row["q"] for row in ask(asked, KIM, sql)} == {"kim", "t1", "t2", "of before"} & {
            row["q"] for row in ask(asked, BOSS, sql)
        }
    rows = ask(asked, KIM, "SELECT query_id FROM system.query_history", fresh=False)
    assert "boss" not in {row["query_id"] for row in rows}


def test_a_history_of_before_there_were_ids(house: House) -> None:
    added = ("user_id", "token", "token_name")
    old = pa.schema([field for field in QUERY_HISTORY_SCHEMA if field.name not in added])
    rows = pa.Table.from_pylist([{"ts": 0, **row} for row in ASKED], schema=old)
    rows = rows.append_column("_time", rows["ts"]).drop_columns(["ts"])
    made = house.lake.create(QUERY_HISTORY, rows.schema)
    made.commit(conform(rows, made.schema), expected={}, reached={})
    found = ask(house, KIM, "SELECT * FROM system.query_history", fresh=False)
    assert {row["query_id"] for row in found} == {"kim", "t1", "t2", "of before"}
    assert "user_id" not in found[0]
    assert ask(house, TOKEN, "SELECT * FROM system.query_history", fresh=False) == []


def test_duckdb_names_a_value_in_its_error() -> None:
    with pytest.raises(duckdb.Error, match="secret"):
        duckdb.sql("SELECT CAST('the secret' AS INTEGER)").fetchall()
