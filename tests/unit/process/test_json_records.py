"""JSON: types of columns, evolution over batches, and what bad input gets."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from madang.lake.evolution import evolve, new_schema
from madang.lake.types import to_arrow
from madang.process import json_records
from madang.process.layout import MAX_LEAVES, Kind, Layout
from unit.process.conftest import counted, plain_rows


def types(decoded):
    own = ("_time", "_partition", "_offset", "_rest")
    return {f.name: str(f.type) for f in decoded.rows.schema if f.name not in own}


def dead(decoded):
    return [(entry["code"], entry["reason"]) for entry in decoded.dead.to_pylist()]


def test_columns_take_the_type_of_their_values(decode):
    decoded = decode(
        [
            '{"b":true,"l":1,"d":1.5,"s":"x","tags":["a"],"n":[1,2.5],"mixed":[1,"a"],'
            '"o":{"x":1,"p":{"q":{"deep":{"er":1}}}}}',
            '{"d":2,"l":null,"s":null}',
        ]
    )
    assert types(decoded) == {
        "b": "bool",
        "l": "int64",
        "d": "double",
        "s": "string",
        "tags": "list<element: string>",
        "n": "list<element: double>",
        "mixed": "string",
        "o": "struct<x: int64, p: struct<q: struct<deep: string>>>",
    }
    rows = plain_rows(decoded)
    assert rows[0]["o"] == {"x": 1, "p": {"q": {"deep": '{"er":1}'}}}
    assert (rows[0]["n"], rows[0]["mixed"]) == ([1.0, 2.5], '[1,"a"]')
    assert rows[1] == {"d": 2.0}
    assert decoded.misfits == {}


def test_columns_of_json_text_say_so_and_stay_json_text(decode):
    first = decode(['{"m":[1,"a"],"o":{"p":{"q":{"r":{}}}}}'])
    assert first.rows.schema.field("m").metadata == {b"doc": b"JSON"}
    second = decode(['{"m":{"x":1},"o":{"p":{"q":{"r":[1]}}}}', '{"m":"text"}'], first.rows.schema)
    assert second.rows.column("m").to_pylist() == ['{"x":1}', '"text"']
    assert second.misfits == {}


def test_the_table_s_columns_come_first_and_keep_their_types(decode):
    first = decode(['{"a":1,"b":"x","o":{"x":1}}'])
    second = decode(['{"c":1,"o":{"y":"z","x":2},"b":5,"a":"1"}'], first.rows.schema)
    assert list(types(second)) == ["a", "b", "o", "c"]
    assert types(second)["o"] == "struct<x: int64, y: string>"
    assert plain_rows(second) == [
        {"c": 1, "o": {"x": 2, "y": "z"}, "_rest": '{"a":"1","b":5}'},
    ]
    assert counted(second) == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("value", "column"),
    [
        ("3.0", 3),
        ("1e3", 1000),
        ("-0", 0),
        ("9223372036854775807", 2**63 - 1),
        ("1.5", None),
        ("9223372036854775808", None),
        ("18446744073709551615", None),
        ("12345678901234567890123", None),
        ("-9223372036854775809", None),
        ("1e400", None),
        ('"12"', None),
        ("true", None),
        ("[1]", None),
        ('{"x":1}', None),
    ],
)
def test_a_long_column_takes_only_what_it_holds_exactly(decode, row, value, column):
    schema = decode(['{"a":1}']).rows.schema
    found = row(f'{{"a":{value}}}', schema)
    assert found == ({"a": column} if column is not None else {"_rest": f'{{"a":{value}}}'})


@pytest.mark.parametrize(
    ("value", "column"),
    [("1", 1.0), ("9007199254740993", None), ("9007199254740992", 2.0**53), ("1e400", None)],
)
def test_a_double_column_takes_only_integers_that_it_holds_exactly(decode, row, value, column):
    schema = decode(['{"a":1.5}']).rows.schema
    found = row(f'{{"a":{value}}}', schema)
    assert found == ({"a": column} if column is not None else {"_rest": f'{{"a":{value}}}'})


def test_most_values_decide_the_type_of_a_new_field(decode):
    decoded = decode(['{"a":"x"}', '{"a":1}', '{"a":2}'])
    assert types(decoded) == {"a": "int64"}
    assert plain_rows(decoded)[0] == {"_rest": '{"a":"x"}'}


def test_what_is_empty_makes_no_column_and_is_kept(decode):
    decoded = decode(['{"n":null,"o":{},"l":[],"p":{"q":null}}'])
    assert types(decoded) == {}
    assert json.loads(plain_rows(decoded)[0]["_rest"]) == {"o": {}, "l": [], "p": {"q": None}}


def test_names_that_clash_or_cannot_be_columns_stay_in_rest(decode):
    decoded = decode(
        ['{"ID":1,"id":2,"":3,"_time":4,"_REST":5,"a.b":6,"a":{"b":7,"c":8},"x\\u0000":9}']
    )
    assert types(decoded) == {"ID": "int64", "a.b": "int64", "a": "struct<c: int64>"}
    rest = json.loads(plain_rows(decoded)[0]["_rest"])
    assert rest == {"id": 2, "": 3, "_time": 4, "_REST": 5, "a": {"b": 7}, "x\0": 9}


def test_a_record_that_repeats_a_key_is_kept_whole(row):
    text = '{"a":1,"a":2,"b":{"c":3}}'
    assert row(text) == {
        "a": 1,
        "b": {"c": 3},
        "_rest": json.dumps({"_record": text}, separators=(",", ":")),
    }


def test_declared_types_win(row):
    columns = {
        "id": "string",
        "n": "long",
        "d": "double",
        "ok": "boolean",
        "at": "timestamp",
        "day": "date",
        "raw": "json",
    }
    found = row(
        '{"id":5,"n":"12","d":"1.5","ok":"yes","at":1767225600,"day":"2026-01-02","raw":{"a":1}}',
        columns=columns,
    )
    assert str(found.pop("at")) == "2026-01-01 00:00:00+00:00"
    assert str(found.pop("day")) == "2026-01-02"
    assert found == {"id": "5", "n": 12, "d": 1.5, "ok": True, "raw": '{"a":1}'}
    wrong = '{"n":"1.5","d":"x","ok":"maybe","at":"soon","day":"2026-02-30"}'
    assert row(wrong, columns=columns) == {"_rest": wrong}


@pytest.mark.parametrize(
    ("record", "code", "reason"),
    [
        (b"", "invalid_json", "empty"),
        (b"{", "invalid_json", "at byte 1: "),
        (b'{"a":1}x', "invalid_json", "at byte 7: "),
        (b'{"a":1}{"a":2}', "invalid_json", "at byte 7: "),
        (b'{"a":1,}', "invalid_json", "at byte 6: trailing comma"),
        (b'{"a":[1, ]}', "invalid_json", "at byte "),
        (b'{"a":NaN}', "invalid_json", "NaN is no JSON number"),
        (b'{"a":{"b":[{"c":-Infinity}]}}', "invalid_json", "-Infinity is no JSON number"),
        (b'{"a":"\\ud800"}', "invalid_json", "at byte "),
        (b'{"a":"\xff"}', "invalid_utf8", "at byte 6: invalid start byte (0xff)"),
        (b"\xef\xbb\xbf{}", "invalid_json", "at byte 0: "),
        (b"[1]", "not_an_object", "a JSON array, not an object"),
        (b"null", "not_an_object", "a JSON null, not an object"),
        (b'"' + b"x" * 2_000_000 + b'"', "too_large", "2000002 bytes, at most 1048576"),
    ],
)
def test_bad_records_are_dead_letters_and_the_rest_lands(decode, record, code, reason):
    decoded = decode(['{"ok":1}', record, '{"ok":2}'])
    assert decoded.rows.column("_offset").to_pylist() == [0, 2]
    assert decoded.rows.column("ok").to_pylist() == [1, 2]
    letter = decoded.dead.to_pylist()[0]
    assert (letter["offset"], letter["value"], letter["code"]) == (1, record, code)
    assert letter["reason"].startswith(reason)


def test_500_levels_of_nesting_are_kept(row):
    text = '{"a":' * 500 + "1" + "}" * 500
    value = row(text)["a"]
    for _ in range(2):
        value = value["a"]
    assert value["a"] == '{"a":' * 496 + "1" + "}" * 496


def test_half_a_million_levels_break_nothing(decode):
    deep = "[" * 500_000 + "]" * 500_000
    decoded = decode(
        [f'{{"a":{deep}}}', f'{{"a":{deep},"z":NaN}}', '{"b":1}'], max_record_size="4MiB"
    )
    assert decoded.rows.column("_offset").to_pylist() == [0, 2]
    assert decoded.dead.to_pylist()[0]["reason"] == "nested too deeply to be checked"


def test_ten_thousand_fields_fill_the_table_and_then_rest(decode):
    records = [{f"f{i}": i for i in range(start, start + 1000)} for start in range(0, 10_000, 1000)]
    decoded = decode([json.dumps(record | {"id": 2}) for record in records])
    assert len(types(decoded)) == MAX_LEAVES
    rows = plain_rows(decoded)
    assert rows[0] == records[0] | {"_rest": '{"id":2}'}
    for row, record in zip(rows[1:], records[1:], strict=True):
        assert json.loads(row["_rest"]) == record | {"id": 2}
    assert len(decoded.misfits) == 10_001 - MAX_LEAVES


def test_strings_with_a_null_character_reach_parquet(decode, tmp_path):
    decoded = decode(['{"a":"x\\u0000y"}'])
    pq.write_table(decoded.rows, tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").column("a").to_pylist() == ["x\0y"]


def test_lists_that_do_not_fit_stay_whole(decode):
    schema = decode(['{"l":[1],"s":["a"]}']).rows.schema
    decoded = decode(
        ['{"l":[1,null,3],"s":[]}', '{"l":[1,18446744073709551615]}', '{"l":["a"],"s":[1]}'], schema
    )
    assert plain_rows(decoded) == [
        {"l": [1, None, 3], "s": []},
        {"_rest": '{"l":[1,18446744073709551615]}'},
        {"_rest": '{"l":["a"],"s":[1]}'},
    ]


def test_a_large_clean_batch_and_single_records_agree(decode):
    records = [f'{{"a":{i},"b":"{i}","c":{{"d":{i}.5}}}}' for i in range(40_000)]
    whole = decode(records)
    assert whole.rows.num_rows == 40_000
    assert plain_rows(whole)[39_999] == {"a": 39_999, "b": "39999", "c": {"d": 39_999.5}}
    part = decode(records[:10], whole.rows.schema)
    assert part.rows.equals(whole.rows.slice(0, 10))


def test_json_text_survives_the_lake_and_a_description():
    rows = pa.schema([pa.field("m", pa.string(), metadata={b"doc": b"JSON"}), ("s", pa.string())])
    table = new_schema(rows, {"m": "anything", "s": "JSON of old"})
    again = evolve(table, rows, last_id=2, docs={"m": "something"})
    kinds = {name: node.kind for name, node in Layout(to_arrow(again)).columns.items()}
    assert again.find_field("m").doc == "JSON: something"
    assert kinds == {"m": Kind.JSON, "s": Kind.STRING}


def test_broken_korean_is_as_broken_as_any(decode):
    """DuckDB's own message about it is cut off within a character."""
    text = "가나다 로그 메시지 " * 40
    broken = [text[shift:] for shift in range(6)] + ['{"말":"' + text for _ in range(6)]
    decoded = decode([*broken, '{"a":"가"}'])
    assert decoded.dead.column("code").to_pylist() == ["invalid_json"] * 12
    assert plain_rows(decoded) == [{"a": "가"}]


BIG = "12345678901234567890123"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (f"[{BIG}]", "list<element: int64>"),
        (f"[1,{BIG},null]", "list<element: int64>"),
        (f"[-{BIG}]", "list<element: int64>"),
        ("[18446744073709551615]", "list<element: int64>"),
        ("[1180591620717411303424]", "list<element: int64>"),
        (f"[1.5,{BIG}]", "list<element: double>"),
        (f"[100.0,{BIG}]", "list<element: double>"),
        (f'{{"b":{BIG}}}', "struct<b: int64>"),
        (f'{{"b":{{"c":[{BIG}]}}}}', "struct<b: struct<c: list<element: int64>>>"),
    ],
)
def test_integers_beyond_64_bits_do_not_make_lists_or_structs_of_doubles(decode, value, kind):
    decoded = decode([f'{{"a":{value}}}'])
    assert str(decoded.rows.schema.field("a").type).replace(" not null", "") == kind
    assert decoded.rows.column("_rest").to_pylist() == [f'{{"a":{value}}}']
    after = decode(['{"a":[9007199254740993]}'], decoded.rows.schema)
    if kind == "list<element: int64>":
        assert after.rows.column("a").to_pylist() == [[9007199254740993]]


def test_an_integer_beyond_64_bits_does_not_make_a_new_column_double(decode):
    found = decode(['{"id":1}', '{"id":123456789012345678901234567890}', '{"id":9007199254740993}'])
    assert types(found)["id"] == "int64"
    assert plain_rows(found) == [
        {"id": 1},
        {"_rest": '{"id":123456789012345678901234567890}'},
        {"id": 2**53 + 1},
    ]
    assert types(decode(['{"id":123456789012345678901234567890}', '{"id":1.5}']))["id"] == "double"
    assert types(decode(['{"id":1}', '{"id":1e3}']))["id"] == "double"
    assert types(decode(['{"id":12345678901234567890123}']))["id"] == "int64"


def test_sparse_records_of_a_wide_table_are_read_as_in_a_narrow_one(decode):
    wide = {f"c{i}": [i, f"t{i}", i + 0.5, True][i % 4] for i in range(400)}
    schema = decode([json.dumps(wide)]).rows.schema
    odd = [1, "x", 1.5, False, None, [1], {"a": 1}, 2**63, 2**70, -(2**60), "\u0000\n", 3.0, "1"]
    sparse = [
        {f"c{(7 * i + j) % 420}": odd[(i + j) % len(odd)] for j in range(9)} for i in range(300)
    ]
    records = [json.dumps(record) for record in sparse]
    before = json_records._WIDE
    try:
        json_records._WIDE = 10**6
        general = decode(records, schema)
    finally:
        json_records._WIDE = before
    found = decode(records, schema)
    assert found.rows.schema.equals(general.rows.schema)
    columns = [name for name in found.rows.column_names if name != "_rest"]
    assert found.rows.select(columns).equals(general.rows.select(columns))
    rests = zip(found.rows["_rest"].to_pylist(), general.rows["_rest"].to_pylist(), strict=True)
    assert all(json.loads(one or "{}") == json.loads(other or "{}") for one, other in rests)
    assert found.misfits == general.misfits
    assert found.rows["_rest"].null_count < 300


def test_bad_records_among_those_of_a_wide_table(decode):
    schema = decode([json.dumps({f"c{i}": i for i in range(100)})]).rows.schema
    bad = ['{"c1":NaN}', "[1]", '{"c1":1,', '{"c1":1,"c1":2}', '{"c1":-Infinity}', '{"c2":7}']
    decoded = decode(bad, schema)
    assert decoded.dead.column("offset").to_pylist() == [0, 1, 2, 4]
    assert decoded.rows.column("_offset").to_pylist() == [3, 5]
    assert decoded.rows.column("c2").to_pylist() == [None, 7]
    assert "_record" in decoded.rows.column("_rest")[0].as_py()
