"""Tries to reach anything but the granted tables. Every attempt must fail, with a plain error."""

from __future__ import annotations

from pathlib import Path

import pytest

from madang.core.errors import (
    DeadlineError,
    DeniedError,
    InvalidInputError,
    MadangError,
    NotFoundError,
    TooLargeError,
)
from madang.query import Identity, Rights
from madang.query.engine import Engine, EngineSettings
from unit.query.conftest import House, order_rows

SECRET = "hunter2"
REFUSED = (DeniedError, InvalidInputError, NotFoundError)

FILES = [
    "SELECT * FROM '{secret}'",
    'SELECT * FROM "{secret}"',
    "FROM read_text('{secret}')",
    "FROM read_blob('{secret}')",
    "FROM read_csv('{secret}')",
    "FROM read_csv_auto('{secret}')",
    "FROM \"read_csv\"('{secret}')",
    "FROM READ_CSV('{secret}')",
    "FROM read_json('{secret}')",
    "FROM read_ndjson_objects('{secret}')",
    "FROM sniff_csv('{secret}')",
    "FROM glob('{folder}/*')",
    "FROM read_parquet('{parquet}')",
    "FROM parquet_scan('{parquet}')",
    "FROM parquet_metadata('{parquet}')",
    "FROM parquet_schema('{parquet}')",
    "FROM parquet_kv_metadata('{parquet}')",
    "FROM read_duckdb('{catalog}')",
    "SELECT * FROM '{parquet}'",
    "SELECT * FROM '{parquet}' AT (VERSION => 1)",
    "SELECT (SELECT content FROM read_text('{secret}'))",
    "SELECT 1 WHERE EXISTS (FROM read_text('{secret}'))",
    "SELECT 1 ORDER BY (SELECT content FROM read_text('{secret}'))",
    "SELECT 1 LIMIT (SELECT size FROM read_text('{secret}'))",
    "WITH x AS (FROM read_text('{secret}')) FROM x",
    "WITH read_text AS (SELECT 1) FROM read_text('{secret}')",
    "WITH RECURSIVE x AS (SELECT 1 UNION ALL SELECT size FROM read_text('{secret}')) FROM x",
    "SELECT 1 UNION ALL SELECT size FROM read_text('{secret}')",
    "FROM orders, LATERAL (FROM read_text('{secret}'))",
    "FROM orders JOIN read_text('{secret}') ON true",
    "PIVOT (FROM read_text('{secret}')) ON filename IN ('a') USING count(*)",
    "DESCRIBE FROM read_text('{secret}')",
    "SUMMARIZE FROM read_text('{secret}')",
    "EXPLAIN ANALYZE FROM read_text('{secret}')",
    "SELECT list_transform([1], lambda x: (SELECT size FROM read_text('{secret}')))",
    "SELECT count(*) FILTER (WHERE (SELECT true FROM read_text('{secret}'))) FROM orders",
    "SELECT sum(amount) OVER (PARTITION BY (SELECT size FROM read_text('{secret}'))) FROM orders",
    "VALUES ((SELECT content FROM read_text('{secret}')))",
    "FROM orders FOR SYSTEM_VERSION AS OF (SELECT size FROM read_text('{secret}'))",
    "FROM orders FOR SYSTEM_TIME AS OF (SELECT last_modified FROM read_text('{secret}'))",
    "/* ' */ FROM read_text('{secret}') -- '",
    "FROM/**/read_text/**/('{secret}')",
    "FROM read\u005ftext('{secret}')",
    "FROM \uff52ead_text('{secret}')",
    "FROM orders; FROM read_text('{secret}')",
    "SELECT 1) AS x, read_text('{secret}') AS (y",
    "SELECT 1\n) AS _rows(c0), (SELECT content FROM read_text('{secret}')) AS x(y) --",
    "SELECT e'\\' AS a FROM orders FOR SYSTEM_TIME AS OF now() -- ' FROM read_text('{secret}')",
    "SELECT $$ ' $$ FROM read_text('{secret}')",
    "FROM query('FROM read_text(''{secret}'')')",
    "FROM query_table(['{secret}'])",
    "FROM json_execute_serialized_sql(json_serialize_sql('FROM read_text(''{secret}'')'))",
    "SELECT json_serialize_sql('SELECT 1')",
    "FROM seq_scan('{secret}')",
    "FROM arrow_scan(1, 2, 3)",
    "FROM pandas_scan(94000000000000)",
    "FROM python_map_function(1)",
    "FROM __fresh_0",
    "FROM memory.lake.orders",
    "FROM temp.__tables",
]
STATEMENTS = [
    "COPY orders TO '{folder}/out.csv'",
    "COPY (SELECT 1) TO '{folder}/out.csv'",
    "COPY x FROM '{secret}'",
    "ATTACH '{catalog}' AS c (TYPE sqlite)",
    "ATTACH '{folder}/new.db'",
    "DETACH memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "FORCE INSTALL spatial FROM community",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "PRAGMA enable_external_access = true",
    "PRAGMA database_list",
    "PRAGMA version",
    "SET VARIABLE x = 1",
    "SET search_path = 'temp'",
    "EXPORT DATABASE '{folder}'",
    "IMPORT DATABASE '{folder}'",
    "CALL pragma_version()",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE p",
    "CREATE TABLE x AS SELECT 1",
    "CREATE TEMP TABLE x (a INT)",
    "CREATE MACRO m() AS (SELECT 1)",
    "CREATE MACRO m() AS TABLE FROM read_text('{secret}')",
    "CREATE SECRET s (TYPE s3)",
    "CREATE TYPE t AS ENUM (FROM read_text('{secret}'))",
    "DROP VIEW orders",
    "INSERT INTO orders VALUES (1)",
    "UPDATE orders SET amount = 1",
    "DELETE FROM orders",
    "TRUNCATE orders",
    "ALTER TABLE orders ADD COLUMN x INT",
    "MERGE INTO orders USING orders o ON true WHEN MATCHED THEN DELETE",
    "WITH x AS (DELETE FROM orders RETURNING *) FROM x",
    "WITH x AS (INSERT INTO orders VALUES (1) RETURNING *) FROM x",
    "CHECKPOINT",
    "VACUUM",
    "ANALYZE",
    "BEGIN",
    "USE memory",
    "EXPLAIN COPY orders TO '{folder}/out.csv'",
    "EXPLAIN ANALYZE INSERT INTO orders VALUES (1)",
    "EXPLAIN EXPLAIN SELECT 1",
    "SHOW ALL TABLES FROM memory",
    "SHOW DATABASES",
    "SHOW VARIABLES",
]
INSIDE = [
    "SELECT getenv('MADANG_TEST_SECRET')",
    "SELECT current_setting('temp_directory')",
    "SELECT getvariable('x')",
    "SELECT nextval('x')",
    "SELECT write_log('x')",
    "SELECT sleep_ms(100000)",
    "SELECT pg_sleep(100)",
    "SELECT which_secret('s3://x', 's3')",
    "SELECT main.getenv('X')",
    "SELECT system.main.getvariable('X')",
    "SELECT 'x'.getvariable()",
    "SELECT list_transform(['x'], lambda x: getvariable(x))",
    "FROM duckdb_settings()",
    "FROM duckdb_secrets()",
    "FROM duckdb_views()",
    "FROM duckdb_tables",
    "FROM duckdb_logs",
    "FROM information_schema.tables",
    "FROM pg_catalog.pg_class",
    "FROM sqlite_master",
    "FROM pragma_database_size()",
    "FROM duckdb_temporary_files()",
    "FROM 'http://127.0.0.1:1/x.parquet'",
    "FROM read_parquet('s3://bucket/x.parquet')",
    "FROM read_csv('https://example.com/x.csv')",
    "FROM test_all_types()",
    "FROM histogram_values(orders, amount)",
    "FROM which_secret('x', 's3')",
    "FROM checkpoint()",
    "FROM enable_logging()",
]


@pytest.fixture
def names(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    house.deliver(order_rows(0, 3), reached=3)
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    monkeypatch.setenv("MADANG_TEST_SECRET", SECRET)
    return {
        "secret": str(secret),
        "folder": str(tmp_path),
        "parquet": house.lake.table("lake.orders").pin().files[0].path,
        "catalog": str(house.data.catalog),
    }


def test_nothing_but_granted_tables_is_reached(house: House, names: dict[str, str]) -> None:
    assert house.rows("SELECT count(*) AS n FROM orders") == [{"n": 3}]
    before = sorted(Path(names["folder"]).iterdir())
    through = []
    for attempt in [*FILES, *STATEMENTS, *INSIDE]:
        sql = attempt
        for name, value in names.items():
            sql = sql.replace(f"{{{name}}}", value)
        try:
            answer = house.ask(sql)
        except REFUSED as error:
            assert SECRET not in str(error), sql
        else:
            through.append((sql, answer[:200]))
    assert through == []
    assert len(FILES) + len(STATEMENTS) + len(INSIDE) > 100
    assert sorted(Path(names["folder"]).iterdir()) == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM range(1000000000000000)",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
        "WITH RECURSIVE r AS (SELECT 1 n UNION ALL SELECT n FROM r, range(9)) SELECT max(n) FROM r",
        "SELECT count(*) FROM range(1000000) a, range(1000000) b, range(1000000) c",
        "SELECT range(100000000000)",
        "SELECT repeat('x', 100000000000)",
        "SELECT repeat(repeat('x', 1000000), 1000000)",
        "SELECT list(range) FROM range(1000000000)",
        "SELECT string_agg(range::VARCHAR, ',') FROM range(1000000000)",
        "SELECT count(*) FROM range(100000000) WHERE regexp_matches(repeat('a', range), '(a*)*b')",
    ],
)
def test_bombs_end(house: House, sql: str) -> None:
    with pytest.raises((DeadlineError, TooLargeError, InvalidInputError)):
        house.ask(sql, timeout_s=0.3)
    assert house.rows("SELECT 1 AS a") == [{"a": 1}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 10_000 + "1" + ")" * 10_000,
        "SELECT " + "1+" * 20_000 + "1",
        "SELECT " + "[" * 5_000 + "]" * 5_000,
        "SELECT " + "NOT " * 20_000 + "true",
        "FROM (" * 3_000 + "SELECT 1" + ")" * 3_000,
        "SELECT '" + "x" * 2_000_000 + "'",
        "/*" * 100_000,
        "SELECT 1 -- \x00",
        "SELECT '\ud800'",
        "SELECT " + "CASE WHEN true THEN " * 5_000 + "1" + " END" * 5_000,
    ],
    ids=lambda sql: sql[:20].encode("ascii", "replace").decode(),
)
def test_monstrous_texts_get_an_error(house: House, sql: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        house.ask(sql)
    assert len(str(caught.value)) < 1000
    assert house.rows("SELECT 1 AS a") == [{"a": 1}]


def test_the_lock_alone_keeps_other_files_out(house: House, names: dict[str, str]) -> None:
    """Even if the guard let everything through, only granted files open."""
    house.deliver(order_rows(3, 3), reached=6)
    granted, other = (file.path for file in house.lake.table("lake.orders").pin().files)
    engine = Engine(EngineSettings(2**26, 1, house.data.spill, 2**20))
    engine.prepare([], {}, [granted])
    assert engine.bind(f"SELECT count(*) FROM read_parquet('{granted}')", None).fetchall() == [(3,)]
    for sql in [
        f"FROM read_parquet('{other}')",
        f"FROM read_text('{names['secret']}')",
        f"FROM glob('{names['folder']}/*')",
        f"COPY (SELECT 1) TO '{names['folder']}/out.csv'",
        f"ATTACH '{names['folder']}/x.db'",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET allowed_paths = ['/etc/passwd']",
        "SET temp_directory = '/tmp/elsewhere'",
        "SET memory_limit = '100GB'",
        "INSTALL httpfs",
        "LOAD httpfs",
    ]:
        with pytest.raises(Exception, match=r"locked|disabled|Permission|not allowed"):
            engine.bind(sql, None).fetchall()
    engine.close()


def test_a_policy_hides_tables_rows_and_columns(house: House) -> None:
    class Auditor:
        def rights(self, identity: Identity, table: str) -> Rights:
            if table.startswith("system."):
                return Rights(allowed=False, reason="ask an admin")
            return Rights(row_filter="amount < 2", masks={"item": "'***'"})

    house.deliver(order_rows(0, 5), reached=5)
    house.append(*[b'{"item":"secret","amount":1}'] * 6)
    house.door._policy = Auditor()
    found = house.rows("SELECT item, count(*) AS n FROM orders GROUP BY item")
    assert found == [{"item": "***", "n": 3}]
    assert {"name": "system.query_history"} not in house.rows("SHOW TABLES")
    with pytest.raises(DeniedError, match=r"kim may not read system\.query_history") as caught:
        house.ask("SELECT 1 FROM system.query_history")
    assert str(caught.value.where) == "sql:1:15"


def test_a_token_that_ingests_reads_nothing(house: House) -> None:
    from madang.query import QueryRequest

    request = QueryRequest(sql="FROM orders", identity=Identity("agent", scope="ingest"))
    with pytest.raises(MadangError), house.door.answer(request):
        pass


def test_every_function_was_looked_at() -> None:
    """A new DuckDB brings new functions: allow or forbid each in functions.txt."""
    import duckdb

    from madang.query.guard import forbidden_functions, scalar_functions

    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions()"
            " WHERE function_type IN ('scalar', 'aggregate', 'macro')"
        ).fetchall()
    names = {name for (name,) in found if not name.startswith("__internal")}
    assert names - scalar_functions() - forbidden_functions() == set()
    assert scalar_functions() & forbidden_functions() == set()
