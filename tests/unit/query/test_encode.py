from __future__ import annotations

import csv
import io
import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madang.core.errors import TooLargeError
from madang.query import DoorSettings, ResultFormat
from unit.query.conftest import House

RELAXED = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def cell(house: House, expression: str, **options: object) -> object:
    return json.loads(house.ask(f"SELECT {expression} AS v", **options))["rows"][0][0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("9007199254740992", 9007199254740992),
        ("9007199254740993", "9007199254740993"),
        ("-9007199254740993", "-9007199254740993"),
        ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
        ("1.5", 1.5),
        (".5::DECIMAL(1,1)", 0.5),
        ("(-.5)::DECIMAL(3,3)", -0.5),
        ("[.5::DECIMAL(20,20)]", ["0.50000000000000000000"]),
        ("1.5::DECIMAL(38,2)", "1.50"),
        ("'nan'::DOUBLE", "NaN"),
        ("'-inf'::FLOAT", "-Infinity"),
        ("1e308::DOUBLE", 1e308),
        ("5e-324::DOUBLE", 5e-324),
        ("NULL", None),
        ("NULL::DOUBLE", None),
        ("NULL::STRUCT(a DOUBLE)", None),
        ("TIMESTAMPTZ '2026-01-01 09:00:00+09'", "2026-01-01T00:00:00.000000Z"),
        ("TIMESTAMP '9999-12-31 23:59:59.999999'", "9999-12-31T23:59:59.999999"),
        ("'infinity'::TIMESTAMPTZ", "infinity"),
        ("TIMESTAMP_NS '2026-01-01 00:00:00.123456789'", "2026-01-01T00:00:00.123456789"),
        ("DATE '0001-01-01'", "0001-01-01"),
        ("INTERVAL '1 day 2 hours'", "1 day 02:00:00"),
        ("'\\xFF'::BLOB", "/w=="),
        ("{'a': 'nan'::DOUBLE, 'b': [1, NULL]}", {"a": "NaN", "b": [1, None]}),
        ("[{'t': TIMESTAMPTZ '2026-01-01 00:00:00+00'}]", [{"t": "2026-01-01T00:00:00.000000Z"}]),
        ("MAP {1: 'inf'::DOUBLE}", {"1": "Infinity"}),
        ("[[9007199254740993]]", [["9007199254740993"]]),
        ("[1, 2]::INT[2]", [1, 2]),
        ("""'{"a":\n [1, null]}'::JSON""", {"a": [1, None]}),
        ("'a\"b\\c\n\t\u2028한글😀'", 'a"b\\c\n\t\u2028한글😀'),
        ("'ok'::ENUM ('ok', 'no')", "ok"),
        ("true", True),
        ("union_value(a := 1)", "1"),
        ("'101'::BIT", "101"),
    ],
)
def test_json_values(house: House, expression: str, expected: object) -> None:
    assert cell(house, expression) == expected
    line = json.loads(house.ask(f"SELECT {expression} AS v", format=ResultFormat.NDJSON))
    assert line == {"v": expected}


@RELAXED
@given(text=TEXT)
def test_every_text_survives_json_and_csv(house: House, text: str) -> None:
    assert cell(house, "$v", params={"v": text}) == text
    lines = house.ask("SELECT $v AS v, 1 AS n", params={"v": text}, format=ResultFormat.CSV)
    rows = list(csv.reader(io.StringIO(lines.decode(), newline="")))
    assert rows == [["v", "n"], [text, "1"]]


@RELAXED
@given(number=st.floats() | st.integers(-(2**63), 2**63 - 1))
def test_every_number_survives_json(house: House, number: float) -> None:
    found = cell(house, "$v", params={"v": number})
    if isinstance(number, float) and math.isnan(number):
        assert found == "NaN"
    elif isinstance(number, float) and math.isinf(number):
        assert found == ("Infinity" if number > 0 else "-Infinity")
    else:
        assert type(number)(found) == number  # type: ignore[arg-type]


@pytest.mark.parametrize("format_", list(ResultFormat))
@pytest.mark.parametrize("rows", [0, 1, 50_000])
def test_every_format_carries_every_row(house: House, format_: ResultFormat, rows: int) -> None:
    sql = f"SELECT range AS a, 'x' || range AS b FROM range({rows}) ORDER BY a"
    body = house.ask(sql, format=format_)
    match format_:
        case ResultFormat.JSON:
            found = [row[0] for row in json.loads(body)["rows"]]
        case ResultFormat.NDJSON:
            found = [json.loads(line)["a"] for line in body.splitlines()]
        case ResultFormat.CSV:
            found = [int(row["a"]) for row in csv.DictReader(io.StringIO(body.decode()))]
        case ResultFormat.PARQUET:
            found = pq.read_table(pa.BufferReader(body)).column("a").to_pylist()
        case ResultFormat.ARROW:
            found = pa.ipc.open_stream(body).read_all().column("a").to_pylist()
    assert found == list(range(rows))


def test_columns_of_one_name_stay_apart(house: House) -> None:
    answer = json.loads(house.ask("SELECT 1 AS a, 2 AS a"))
    assert [column["name"] for column in answer["columns"]] == ["a", "a"]
    assert answer["rows"] == [[1, 2]]
    for format_ in (ResultFormat.ARROW, ResultFormat.PARQUET, ResultFormat.CSV):
        assert house.ask("SELECT 1 AS a, 2 AS a", format=format_)


@pytest.mark.parametrize("format_", list(ResultFormat))
def test_odd_types_have_a_form_in_every_format(house: House, format_: ResultFormat) -> None:
    sql = """SELECT INTERVAL 1 day AS i, 1::HUGEINT AS h, '101'::BIT AS b, NULL AS n,
        union_value(a := 1) AS u, TIME '12:00:00' AS t, uuid() AS id, 1::UTINYINT AS s,
        {'a': INTERVAL 1 day} AS nested, TIMETZ '12:00:00+09' AS z, 'x'::ENUM ('x') AS e"""
    assert house.ask(sql, format=format_)


@pytest.mark.parametrize("format_", list(ResultFormat))
def test_a_result_over_its_bytes_is_refused(house: House, format_: ResultFormat) -> None:
    door = house.door
    door.settings = DoorSettings(door.settings.engine, max_result_bytes=100_000)
    with pytest.raises(TooLargeError, match=r"larger than 97\.7 KiB"):
        house.ask("SELECT uuid() FROM range(100000)", format=format_)
    assert list(door.settings.engine.spill.iterdir()) == []


def test_a_thousand_columns(house: House) -> None:
    sql = "SELECT " + ", ".join(f"{n} AS c{n}" for n in range(1500))
    assert json.loads(house.ask(sql))["rows"] == [list(range(1500))]
    assert len(house.ask(sql, format=ResultFormat.CSV).split(b",")) == 2999
