"""Short keys in place of text columns: what is rewritten, and that no answer changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations_with_replacement, pairwise

import duckdb
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.errors import InvalidInputError
from madang.query.rewrite import Rewritten
from madang.query.syntax import Parser
from madang.query.window_keys import with_short_keys
from unit.query.conftest import House

KEY = b"__madang_key"
ROWS = """
    CREATE TABLE logs AS SELECT
      n, n % 3 AS number, n % 2 = 0 AS flag,
      nullif('user ' || n % 5, 'user 4') AS "user", ['GET', 'PUT', NULL][1 + n % 3] AS method,
      ['', 'a', NULL, 'ab'][1 + n % 4] AS path, ['', 'b', 'bc'][1 + (n // 7) % 3] AS body,
      to_json({'n': n % 2}) AS nested, n / 2.0 AS price, to_days((n % 2)::INT) AS span,
      {'name': 'x' || n % 3} AS part
    FROM range(500) r(n)
"""


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(ROWS)
        yield connection


def rewritten(connection: duckdb.DuckDBPyConnection, sql: str) -> bytes:
    parser = Parser()

    def binds(text: Rewritten) -> bool:
        try:
            connection.sql(text.text.decode())
        except duckdb.Error:
            return False
        return True

    try:
        return with_short_keys(Rewritten(sql.encode()), parser, binds).text
    finally:
        parser.close()


KEYED = [
    'SELECT n, lag(n) OVER (PARTITION BY "user", method, body ORDER BY n) g FROM logs',
    "SELECT n, lag(n) OVER (PARTITION BY path, body ORDER BY n) FROM lake.main.logs",
    'SELECT n, sum(n) OVER (PARTITION BY l."user", l.path ORDER BY l.n) FROM logs AS l',
    "SELECT n, count(*) OVER (PARTITION BY logs.\"user\", logs.path) FROM logs WHERE body > ''",
    "SELECT n, row_number() OVER (PARTITION BY method, number, path ORDER BY n) FROM logs",
    "SELECT n, count(*) OVER (PARTITION BY method, nested, flag, span, price) FROM logs",
    "SELECT n, first_value(n) OVER w, count(*) OVER w FROM logs"
    " WINDOW w AS (PARTITION BY method, /* the path, */ path ORDER BY n)",
    "SELECT n, path FROM logs"
    " QUALIFY row_number() OVER (PARTITION BY method, path, body ORDER BY n) = 1",
    "WITH timed AS (SELECT path, n % 11 - lag(n % 11) OVER"
    ' (PARTITION BY "user", method, path, body ORDER BY n) AS gap FROM logs)'
    " SELECT path, count(*), count(*) FILTER (gap <= 3) FROM timed GROUP BY path -- the end",
    "SELECT g, count(*) FROM (SELECT lag(n) OVER (PARTITION BY (path), (body) ORDER BY n) g"
    " FROM logs) AS inside GROUP BY g",
    'WITH a AS (SELECT n, "user", path, rank() OVER (PARTITION BY method, body ORDER BY n) FROM'
    ' logs), b AS (SELECT n, lag(n) OVER (PARTITION BY "user", path ORDER BY n) FROM a) FROM b',
    "SELECT n, lag(n) OVER (PARTITION BY t.path, t.body ORDER BY n) FROM (SELECT n, path, body,"
    ' rank() OVER (PARTITION BY "user", method ORDER BY n) FROM logs) AS t',
    "SELECT n, lag(n) OVER (PARTITION BY path, body ORDER BY n) FROM (FROM logs WHERE flag)",
    "SELECT n, lag(n) OVER (PARTITION BY part.name, path ORDER BY n) FROM logs",
]
KEPT = [
    "SELECT n, lag(n) OVER (PARTITION BY path ORDER BY n) FROM logs",
    "SELECT n, path, body, lag(n) OVER (PARTITION BY path, body ORDER BY n) FROM logs",
    "SELECT *, lag(n) OVER (PARTITION BY path, body ORDER BY n) FROM logs",
    "SELECT n, lag(n) OVER (PARTITION BY number, flag, price ORDER BY n) FROM logs",
    "SELECT n, lag(n) OVER (PARTITION BY lower(path), body ORDER BY n) FROM logs",
    "SELECT n, rank() OVER (PARTITION BY path, body ORDER BY n),"
    ' rank() OVER (PARTITION BY path, "user" ORDER BY n) FROM logs',
    "SELECT count(*), rank() OVER (PARTITION BY path, body) FROM logs GROUP BY path, body",
    "SELECT n, method AS path, rank() OVER (PARTITION BY path, body) FROM logs",
    "SELECT n, rank() OVER (PARTITION BY path, body) FROM logs JOIN logs o USING (n, path, body)",
    "SELECT rowid, rank() OVER (PARTITION BY path, body ORDER BY n) FROM logs",
    "SELECT n, rank() OVER (PARTITION BY a, b ORDER BY n) FROM logs AS l(n, a, b)",
    "SELECT n, rank() OVER (PARTITION BY a, b ORDER BY n)"
    " FROM (SELECT n, path, body FROM logs) AS l(n, a, b)",
    "SELECT l, rank() OVER (PARTITION BY path, body ORDER BY n) FROM logs l",
    "SELECT n, to_json(logs), rank() OVER (PARTITION BY path, body ORDER BY n) FROM logs",
    "SELECT n, max(logs) OVER (PARTITION BY path, body ORDER BY n) FROM lake.main.logs",
    "SELECT unnamed_subquery, rank() OVER (PARTITION BY path, body ORDER BY n) FROM (FROM logs)",
    "SELECT n, rank() OVER (PARTITION BY path, body ORDER BY n) FROM logs l"
    " WHERE length(to_json(l)) < 100",
    "SELECT n, count(*) OVER (PARTITION BY a, b) FROM"
    " (SELECT n, path COLLATE NOCASE AS a, method COLLATE NOCASE AS b FROM logs)",
    "SELECT n, (SELECT max(n) FROM logs o WHERE o.path = logs.path),"
    " rank() OVER (PARTITION BY path, body ORDER BY n) FROM logs",
]


@pytest.mark.parametrize("sql", KEYED + KEPT)
def test_no_answer_changes(database: duckdb.DuckDBPyConnection, sql: str) -> None:
    sql = sql.replace("lake.main.", "memory.main.")
    text = rewritten(database, sql)
    assert (KEY in text) is (sql.replace("memory.main.", "lake.main.") in KEYED)
    rows = [database.execute(one).fetchall() for one in (text.decode(), sql)]
    assert sorted(rows[0], key=repr) == sorted(rows[1], key=repr)


def test_what_is_no_text_stays_beside_the_key(database: duckdb.DuckDBPyConnection) -> None:
    text = rewritten(
        database,
        "SELECT n, lag(n) OVER (PARTITION BY span, method, number, path ORDER BY n) FROM logs",
    )
    assert b'(PARTITION BY span, number, "__madang_key_0", "__madang_key_1" ORDER BY' in text


TEXTS = st.none() | st.text(alphabet=",01aé가\x00", max_size=4)


ROW_LISTS = st.integers(2, 6).flatmap(
    lambda width: st.lists(st.tuples(*[TEXTS] * width), min_size=1, max_size=40)
)


@given(ROW_LISTS)
def test_property_one_key_where_the_texts_are_equal(rows: list[tuple[str | None, ...]]) -> None:
    names = "abcdef"[: len(rows[0])]
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t (n INT, {', '.join(f'{one} TEXT' for one in names)})")
        connection.executemany(
            f"INSERT INTO t VALUES (?{', ?' * len(names)})",
            [(n, *row) for n, row in enumerate(rows)],
        )
        sql = f"SELECT n, min(n) OVER (PARTITION BY {', '.join(names)}) FROM t"
        text = rewritten(connection, sql)
        assert KEY in text
        found = dict(connection.execute(text.decode()).fetchall())
    assert found == {n: rows.index(row) for n, row in enumerate(rows)}


def test_a_statement_of_many_windows_is_not_bound_for_each(
    database: duckdb.DuckDBPyConnection,
) -> None:
    one = "SELECT n, rank() OVER (PARTITION BY path, body ORDER BY n) FROM logs"
    text = rewritten(database, " UNION ALL ".join([one] * 100))
    assert text.count(b'PARTITION BY "__madang_key_0"') == 16


@pytest.mark.parametrize("width", [2, 3, 4, 5, 6])
def test_one_text_split_in_all_ways_has_as_many_keys(
    database: duckdb.DuckDBPyConnection, width: int
) -> None:
    cuts = combinations_with_replacement(range(10 if width < 6 else 7), width - 1)
    splits = [pairwise([0, *cut, 10]) for cut in cuts]
    rows = [["a" * (end - begin) for begin, end in split] for split in splits]
    # Empty texts also as NULL.
    rows += [[text or None for text in row] for row in rows if "" in row]
    names = "abcdef"[:width]
    table = pa.table(
        {
            name: pa.array(column)
            for name, column in zip(names, zip(*rows, strict=True), strict=True)
        }
    )
    database.register(f"split_{width}", table)
    text = rewritten(
        database, f"SELECT count(*) OVER (PARTITION BY {', '.join(names)}) found FROM split_{width}"
    )
    assert KEY in text
    assert database.execute(f"SELECT max(found) FROM ({text.decode()})").fetchall() == [(1,)]


def test_texts_that_the_engines_own_hash_confuses(database: duckdb.DuckDBPyConnection) -> None:
    database.execute(
        "CREATE OR REPLACE TABLE alike AS SELECT n, 'x' AS a,"
        " 'aaaaaaa' || chr(33 + (n % 90)::INT) || 'bbbbbbb' || chr(33 + (n // 90)::INT) AS b"
        " FROM range(8100) r(n)"
    )
    text = rewritten(database, "SELECT n, count(*) OVER (PARTITION BY a, b) AS c FROM alike")
    assert KEY in text
    assert database.execute(f"SELECT max(c), count(*) FROM ({text.decode()})").fetchall() == [
        (1, 8100)
    ]


def test_texts_that_the_engines_own_hash_confuses_in_every_shift(
    database: duckdb.DuckDBPyConnection,
) -> None:
    # Bits (of the first byte of a word, 6 to a word) whose places' powers of the hash's factor add
    # up to 0 with some signs; the state before the text, so the salt, decides on the signs.
    bits = [377, 1740, 5650, 5844, 9171, 10521, 11415, 12237]
    plain, other = bytearray(8 * 2400), bytearray(8 * 2400)
    for bit in bits:
        other[bit // 6 * 8] ^= 1 << bit % 6
    texts = pa.table({"a": ["x", "x"], "b": [plain.decode(), other.decode()]})
    database.register("shifted", texts)
    for shift in range(8):
        met = database.execute(
            "SELECT count(*) FROM (SELECT left(md5(n::TEXT), 24 - $shift) AS salt"
            " FROM range(1500) r(n)) WHERE hash(salt || $one) = hash(salt || $two)",
            {"shift": shift, "one": plain.decode(), "two": other.decode()},
        ).fetchall()
        assert met[0][0] > 0
    text = rewritten(database, "SELECT count(*) OVER (PARTITION BY a, b) AS c FROM shifted")
    assert KEY in text
    assert database.execute(text.decode()).fetchall() == [(1,), (1,)]


def test_each_query_draws_a_salt_that_nobody_guesses(database: duckdb.DuckDBPyConnection) -> None:
    texts = [rewritten(database, KEYED[0]) for _ in range(50)]
    salts = {re.search(rb"concat\('([\w-]{12})', ", text) for text in texts}
    assert len({found[1] for found in salts if found}) == len(texts)


def test_the_door_answers_alike_and_places_errors_in_what_was_written(house: House) -> None:
    lines = [
        f'{{"sent":{n},"user":"u{n % 3}","method":"GET","path":"/p{n % 2}","body":"b"}}'
        for n in range(12)
    ]
    house.append(*(line.encode() for line in lines))
    sql = (
        "WITH timed AS (SELECT path, o.sent - lag(sent) OVER (\n"
        '  PARTITION BY "user", method, path, body ORDER BY sent) AS gap FROM orders AS o)\n'
        "SELECT path, count(gap)::INT AS n FROM timed GROUP BY path ORDER BY path"
    )
    assert house.rows(sql) == [{"path": "/p0", "n": 3}, {"path": "/p1", "n": 3}]
    plan = house.rows(f"EXPLAIN {sql}")
    assert "__madang_key" in str(plan)
    with pytest.raises(InvalidInputError) as caught:
        house.rows(sql.replace("count(gap)", "count(gaps)"))
    assert caught.value.where is not None
    assert (caught.value.where.line, caught.value.where.column) == (3, 20)
    assert "__madang_key" not in caught.value.message


def test_a_window_without_a_name_is_called_as_it_was_written(house: House) -> None:
    house.append(b'{"user":"u","path":"/p","body":"b","sent":1}')
    sql = 'SELECT max(sent) OVER (PARTITION BY "user", path, body) FROM orders'
    assert "__madang_key" in str(house.rows(f"EXPLAIN {sql}"))
    columns = orjson.loads(house.ask(sql))["columns"]
    assert columns[0]["name"] == 'max(sent) OVER (PARTITION BY "user", path, body)'
