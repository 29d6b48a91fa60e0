"""Records that become dead letters plan no columns: neither types nor new ones."""

import pytest

from unit.process.conftest import plain_rows


def columns(decoded):
    own = ("_time", "_partition", "_offset", "_rest")
    return {f.name: str(f.type) for f in decoded.rows.schema if f.name not in own}


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none_makes_no_column(decode, constant):
    first = decode([f'{{"id":1,"n":{constant}}}', '{"id":2}'])
    assert columns(first) == {"id": "int64"}
    assert first.rows.column("_offset").to_pylist() == [1]
    second = decode(['{"id":3,"n":1.5}'], first.rows.schema)
    assert columns(second) == {"id": "int64", "n": "double"}
    assert plain_rows(second) == [{"id": 3, "n": 1.5}]
    assert second.misfits == {}


def test_the_living_alone_vote(decode):
    decoded = decode(['{"n":NaN,"t":"x"}', '{"n":Infinity,"t":"y"}', '{"n":1.5,"t":true}'])
    assert columns(decoded) == {"n": "double", "t": "bool"}
    assert plain_rows(decoded) == [{"n": 1.5, "t": True}]
    assert decoded.rows.column("_offset").to_pylist() == [2]
    assert decoded.dead.column("offset").to_pylist() == [0, 1]
    assert decoded.dead.column("value").to_pylist()[0] == b'{"n":NaN,"t":"x"}'


def test_dead_records_alone_leave_nothing(decode):
    decoded = decode(['{"n":NaN,"o":{"x":1}}', '{"n":{"y":NaN}}'])
    assert (columns(decoded), decoded.rows.num_rows, decoded.dead.num_rows) == ({}, 0, 2)


def test_a_dead_record_keeps_no_name(decode):
    decoded = decode(['{"ID":1,"n":NaN}', '{"id":2}'])
    assert columns(decoded) == {"id": "int64"}
    assert plain_rows(decoded) == [{"id": 2}]


def test_records_without_a_readable_time_plan_nothing_where_they_die(decode):
    decoded = decode(
        ['{"at":"soon","n":"x","more":1}', '{"at":"2026-01-01T00:00:00Z","n":1}'],
        time={"field": "at", "on_error": "dead_letter"},
    )
    assert columns(decoded) == {"at": "string", "n": "int64"}
    assert decoded.dead.column("offset").to_pylist() == [0]
    assert plain_rows(decoded)[0]["n"] == 1


def test_records_that_break_a_contract_plan_nothing_in_text_formats_too(decode):
    small = {"type": "object", "properties": {"n": {"maximum": 9}}}
    decoded = decode(["n=1000.5 more=x", "n=1"], format="logfmt", contract={"schema": small})
    assert columns(decoded) == {"n": "int64"}
    assert plain_rows(decoded) == [{"n": 1}]
