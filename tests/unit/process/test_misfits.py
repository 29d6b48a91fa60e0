"""Why a value stands in ``_rest`` is told by field and reason, with an example."""

import pytest

from madang.lake import Misfit, Tally
from madang.process.layout import MAX_LEAVES


@pytest.mark.parametrize(
    ("first", "then", "reason", "example"),
    [
        ('{"v":1}', ['{"v":0.25}', '{"v":-1.5}', '{"v":3}'], "fraction", "0.25"),
        ('{"v":1}', ['{"v":1e300}', '{"v":2.5E-3}'], "fraction", "1e300"),
        ('{"v":1}', ['{"v":"x"}', '{"v":"1.5"}'], "type", '"x"'),
        ('{"v":1}', ['{"v":9223372036854775808}'] * 2, "range", "9223372036854775808"),
        ('{"v":1.5}', ['{"v":9007199254740993}'] * 2, "range", "9007199254740993"),
        ('{"v":"x"}', ['{"v":1.5}', '{"v":[1]}'], "type", "1.5"),
        ('{"v":{"x":1}}', ['{"v":5}', '{"v":[1]}'], "type", "5"),
    ],
)
def test_json(decode, first, then, reason, example):
    table = decode([first]).rows.schema
    decoded = decode(then, table)
    assert decoded.misfits == {Misfit("v", reason): Tally(2, example)}


def test_fields_of_structs_and_fields_without_a_column(decode):
    table = decode(['{"o":{"x":1},"id":1}']).rows.schema
    decoded = decode(['{"o":{"x":1.5},"ID":2,"_offset":3}'], table)
    assert decoded.misfits == {
        Misfit("o.x", "fraction"): Tally(1, "1.5"),
        Misfit("ID", "no_column"): Tally(1, "2"),
        Misfit("_offset", "no_column"): Tally(1, "3"),
    }


def test_repeated_keys(decode):
    decoded = decode(['{"a":1,"a":2}', '{"a":1,"a":3}'])
    assert decoded.misfits == {Misfit("a", "repeated_key"): Tally(2)}


def test_what_dies_is_no_misfit(decode):
    table = decode(['{"n":1}']).rows.schema
    assert decode(['{"n":NaN}', '{"n":1}', '{"n":1,"n":NaN}'], table).misfits == {}


def test_text_and_declared_columns(decode):
    table = decode(["v=1"], format="logfmt").rows.schema
    decoded = decode(["v=0.5", "v=many", "v=1.25"], table, format="logfmt")
    assert decoded.misfits == {
        Misfit("v", "fraction"): Tally(2, '"0.5"'),
        Misfit("v", "type"): Tally(1, '"many"'),
    }
    table = decode(['{"v":1}']).rows.schema
    declared = decode(['{"v":0.25}', '{"v":"0.5"}'], table, columns={"v": "double"})
    assert declared.misfits == {Misfit("v", "fraction"): Tally(2, "0.25")}


def test_a_flood_of_fields_is_counted_field_by_field_and_long_names_and_values_are_cut(decode):
    record = "{" + ",".join(f'"f{i}":{i}' for i in range(MAX_LEAVES + 50)) + "}"
    decoded = decode([record])
    assert sum(tally.count for tally in decoded.misfits.values()) == 50
    assert {misfit.reason for misfit in decoded.misfits} == {"no_column"}
    long = decode(['{"' + "n" * 1000 + '":"' + "v" * 1000 + '"}'])
    ((misfit, tally),) = long.misfits.items()
    assert (len(misfit.column), len(tally.example)) == (200, 100)
