from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from madang.core.errors import DeniedError, InvalidInputError, MadangError, NotFoundError
from madang.query import (
    Door,
    DoorSettings,
    EngineSettings,
    Identity,
    LocalCatalog,
    QueryRequest,
    local_table,
)

Ask = Callable[..., list[list[object]]]


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    doors: list[Door] = []

    def rows(sql: str, *, as_text: bool = False, **patterns: object) -> list[list[object]]:
        tables = [local_table(name, str(at), as_text=as_text) for name, at in patterns.items()]
        engine = EngineSettings(256 * 2**20, 1, tmp_path / "spill", 2**30)
        doors.append(Door(LocalCatalog(tables), DoorSettings(engine)))
        with doors[-1].answer(QueryRequest(sql=sql, identity=Identity("kim"))) as answer:
            found: list[list[object]] = json.loads(b"".join(map(bytes, answer.pieces)))["rows"]
            return found

    yield rows
    for door in doors:
        door.close()


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_files_of_every_kind_are_tables(ask: Ask, tmp_path: Path) -> None:
    lines = b'{"a":1,"b":"x"}\n{"a":2,"b":null}\n'
    (tmp_path / "a.ndjson").write_bytes(lines)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines))
    (tmp_path / "c.json.zst").write_bytes(zstandard.compress(lines))
    write(tmp_path / "d.json", '[{"a":1,"b":"x"},\n {"a":2}]')
    write(tmp_path / "e.csv", "a,b\n1,x\n2,\n")
    write(tmp_path / "f.tsv", "a\tb\n1\tx\n2\t\n")
    (tmp_path / "g.csv.gz").write_bytes(gzip.compress(b"a,b\n1,x\n2,\n"))
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", None]}), tmp_path / "h.parquet")
    for path in sorted(tmp_path.iterdir()):
        if path.is_file():
            assert ask("select sum(a), max(b) from t", t=path) == [[3, "x"]], path


def test_many_files_join_with_others(ask: Ask, tmp_path: Path) -> None:
    for number in range(40):
        write(tmp_path / f"api-{number:02}.ndjson", f'{{"user":{number % 4},"n":{number}}}\n')
    users = write(tmp_path / "users.csv", "id,name\n1,kim\n2,lee\n")
    found = ask(
        "select name, count(*), sum(n) from api join users on user = id group by all order by name",
        api=tmp_path / "api-*.ndjson",
        users=users,
    )
    assert found == [["kim", 10, 190], ["lee", 10, 200]]


def test_text_nested_and_mixed_values_never_fail(ask: Ask, tmp_path: Path) -> None:
    early = '{"seen":"2026-01-01","deep":{"x":1},"mixed":1}\n{"mixed":"one"}\n' * 3000
    late = '{"seen":"soon","deep":7,"mixed":{"y":[2]},"new":true}\n'
    path = write(tmp_path / "a.ndjson", early + late)
    sql = "select max(seen), count(deep), max(deep->>'x'), max(mixed) from t"
    assert ask(sql, t=path) == [["soon", 3001, "1", '{"y":[2]}']]


@pytest.mark.parametrize("ending", ["ndjson", "csv"])
def test_a_whole_number_is_never_rounded(ask: Ask, tmp_path: Path, ending: str) -> None:
    early = {"ndjson": '{"a":1}\n' * 30_000, "csv": "a\n" + "1\n" * 30_000}[ending]
    late = {"ndjson": '{"a":1.5}\n', "csv": "1.5\n"}[ending]
    path = write(tmp_path / f"a.{ending}", early + late)
    with pytest.raises(InvalidInputError, match=r"field a in .*a\.\w+ holds 1\.5"):
        ask("select sum(a) from t", t=path)
    assert ask("select count(*), max(a) from t", as_text=True, t=path) == [[30_001, "1.5"]]
    assert ask("select count(*) from t", t=path) == [[30_001]]


def test_a_word_among_numbers_names_file_and_line(ask: Ask, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", '{"a":1.5}\n' * 6000 + '{"a":"word"}\n')
    with pytest.raises(InvalidInputError, match=r'Failed to cast value to numerical: "word"$') as e:
        ask("select sum(a) from t", t=path)
    assert str(e.value.where) == f"{path}:6001"
    path = write(tmp_path / "b.csv", "a\n" + "1.5\n" * 30_000 + "word\n")
    with pytest.raises(InvalidInputError, match="word") as e:
        ask("select sum(a) from t", t=path)
    assert str(e.value.where) == f"{path}:30002"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.ndjson", '{"a":1}\n{"a":}\n', r"a.ndjson:2: Malformed JSON"),
        ("a.json", '[\n{"a":1},\n{"a":}]\n', "a.json: Malformed JSON in record 2"),
        ("a.ndjson", '{"a":1}\n' * 6000 + "17\n", "a.ndjson:6001: .*Expected OBJECT"),
        ("a.ndjson.gz", "{}", "a.ndjson.gz: Input is not a GZIP stream"),
        ("a.ndjson", "", "holds no records"),
        ("a.ndjson", "[1]\n", "not JSON objects"),
        ("a.ndjson", '{"a":1,"A":2}\n', "which SQL cannot tell apart"),
        ("a.py", "1", "of no known kind"),
        ("a.parquet", "PAR1", "parquet"),
        ("a[1].csv", "a\n1\n", "sign of a pattern"),
    ],
)
def test_what_cannot_be_read_is_said(
    ask: Ask, tmp_path: Path, name: str, text: str, message: str
) -> None:
    path = write(tmp_path / name, text)
    with pytest.raises(MadangError) as caught:
        ask("select * from t", t=path)
    assert re.search(f"(?i){message}", f"{caught.value.where}: {caught.value.message}")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zst", "a.ndjson.gz", "a.ndjson.zst"])
def test_a_compressed_file_that_was_cut_off_is_said(ask: Ask, tmp_path: Path, name: str) -> None:
    lines = b"a\n" + b"1\n" * 9000 if "csv" in name else b'{"a":1}\n' * 9000
    path = tmp_path / name
    whole = gzip.compress(lines) if name.endswith("gz") else zstandard.compress(lines)
    path.write_bytes(whole[:-3])
    with pytest.raises(InvalidInputError, match=r"(?i)unexpected end|ends too early") as caught:
        ask("select count(*) from t", t=path)
    assert str(caught.value.where) == str(path)


def test_json_by_lines_and_as_a_list_are_one_table(ask: Ask, tmp_path: Path) -> None:
    write(tmp_path / "a.ndjson", '{"a":1}\n{"a":2}\n')
    write(tmp_path / "b.json", '[{"a":3},\n{"a":4}]\n')
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(b'{\n"a": 5\n}\n{"a":6}'))
    assert ask("select sum(a)::int n, count(*) c from t", t=tmp_path / "*.*") == [[21, 6]]


def test_only_the_operators_files_are_in_reach(ask: Ask, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", '{"a":1}\n')
    other = write(tmp_path / "b.csv", "secret\n1\n")
    for sql, error in [
        (f"select * from '{other}'", NotFoundError),
        (f"select * from read_csv('{other}')", DeniedError),
        (f"copy (select 1) to '{other}'", InvalidInputError),
        ("select __madang_file from t", InvalidInputError),
        ("select * from t for system_time as of timestamp '2026-01-01'", InvalidInputError),
    ]:
        with pytest.raises(error):
            ask(sql, t=path)
    with pytest.raises(NotFoundError, match="no file matches"):
        ask("select 1", t=tmp_path / "none-*.csv")
    write(tmp_path / "c.ndjson", '{"a":1}\n')
    with pytest.raises(InvalidInputError, match="several kinds: csv, ndjson"):
        ask("select 1", t=tmp_path / "*")


def test_names_with_quotes_stay_names(ask: Ask, tmp_path: Path) -> None:
    field = """it's "a" field"""
    path = write(tmp_path / "it's.ndjson", json.dumps({field: 1}) + "\n")
    assert ask("""select "it's ""a"" field" from t""", t=path) == [[1]]
