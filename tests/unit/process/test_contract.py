"""Contracts: what SQL proves valid, jsonschema finds valid; the broken become dead letters."""

import json
import warnings
from pathlib import Path

import jsonschema
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.errors import InvalidInputError
from madang.process.contract import Contract
from madang.process.engine import Engine
from madang.project import ContractSpec
from unit.process.conftest import plain_rows

ORDER = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "name": {"type": "string", "maxLength": 3, "pattern": "^[a-z]+$"},
        "kind": {"enum": ["a", 1, None]},
        "place": {
            "type": "object",
            "properties": {"x": {"type": "number"}},
            "additionalProperties": False,
        },
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}


def test_broken_records_are_dead_letters_with_the_first_violation(decode):
    decoded = decode(
        [
            '{"id":1,"name":"abc","kind":"a","place":{"x":1.5},"tags":["a"]}',
            '{"id":0}',
            "{}",
            '{"id":1.0}',
            '{"id":2,"name":"abcd"}',
            '{"id":2,"place":{"y":1}}',
            '{"id":2,"tags":[1]}',
            '{"id":3,"kind":null}',
            '{"id":NaN}',
            '{"id":',
        ],
        contract={"schema": ORDER},
    )
    assert decoded.rows.column("_offset").to_pylist() == [0, 3, 7]
    assert [(e["offset"], e["code"], e["reason"]) for e in decoded.dead.to_pylist()] == [
        (1, "contract", "id: 0 is less than the minimum of 1"),
        (2, "contract", "'id' is a required property"),
        (4, "contract", "name: 'abcd' is too long"),
        (5, "contract", "place: Additional properties are not allowed ('y' was unexpected)"),
        (6, "contract", "tags.0: 1 is not of type 'string'"),
        (8, "invalid_json", "NaN is no JSON number"),
        (9, "invalid_json", "at byte 6: unexpected end of data"),
    ]


def test_other_formats_are_checked_as_rows(decode):
    decoded = decode(
        ["id=1 name=abc", "id=0", "name=x"], format="logfmt", contract={"schema": ORDER}
    )
    assert plain_rows(decoded) == [{"id": 1, "name": "abc"}]
    assert [entry["code"] for entry in decoded.dead.to_pylist()] == ["contract", "contract"]


def test_the_schema_may_be_a_file_of_the_project(decode, tmp_path):
    (tmp_path / "order.json").write_text(json.dumps(ORDER))
    assert decode(['{"id":0}'], contract={"schema": "order.json"}).dead.num_rows == 1


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("missing.json", "cannot be read"),
        ({"type": "strin"}, "no JSON Schema: at type"),
        ({"properties": {"a": {"minimum": "x"}}}, "no JSON Schema: at properties/a/minimum"),
    ],
)
def test_a_schema_that_is_none_is_told_at_once(decode, schema, message):
    with pytest.raises(InvalidInputError, match=message):
        decode(["{}"], contract={"schema": schema})


def test_references_do_not_reach_into_the_network(decode):
    schema = {"properties": {"a": {"$ref": "http://127.0.0.1:1/x"}}}
    decoded = decode(['{"a":1}', '{"b":1}'], contract={"schema": schema})
    assert decoded.dead.to_pylist()[0]["reason"].startswith("the contract refers to")


texts = st.sampled_from(["", "a", "ab", "abc", "A", "é", "1", "x\ny", "a\n", "null", '"'])
numbers = st.sampled_from([0, 1, -1, 2, 1.0, 1.5, 2**53, 2**53 + 1, 2**64, 1e300, -0.0])
leaves = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)
records = st.dictionaries(st.sampled_from("abc"), values, max_size=3)
kinds = st.sampled_from(["string", "integer", "number", "boolean", "null", "object", "array"])
bounds = st.one_of(st.integers(-2, 2), st.sampled_from([0.5, 2**53, 2**60]))


def keywords(inner):
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.one_of(kinds, st.lists(kinds, min_size=1, max_size=2, unique=True)),
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "additionalProperties": st.booleans(),
            "enum": st.lists(values, min_size=1, max_size=3),
            "const": values,
            "minimum": bounds,
            "maximum": bounds,
            "exclusiveMinimum": bounds,
            "exclusiveMaximum": bounds,
            "minLength": st.integers(0, 2),
            "maxLength": st.integers(0, 2),
            "pattern": st.sampled_from(
                ["^a", "b$", "^[a-z]*$", "a.b", "x.y", ".", "^$", r"\d", "[^a]"]
            ),
            "items": st.one_of(inner, st.fixed_dictionaries({"type": kinds})),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "minItems": st.integers(0, 2),
            "title": st.just("t"),
        },
    )


schemas = st.recursive(keywords(st.booleans()), keywords, max_leaves=4)


@given(schema=schemas, batch=st.lists(records, min_size=1, max_size=12))
def test_sql_and_jsonschema_agree(schema, batch):
    contract = Contract(Engine(threads=1), ContractSpec(schema=schema), Path())
    found = contract.broken(pa.array([json.dumps(record) for record in batch], pa.string()))
    validator = jsonschema.Draft202012Validator(schema)
    with warnings.catch_warnings():
        wanted = [row for row, record in enumerate(batch) if not validator.is_valid(record)]
    assert [entry.row for entry in found] == wanted
