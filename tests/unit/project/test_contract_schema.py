from __future__ import annotations

from typing import Any

import pytest

from madang.project.contract_schema import schema_flaws


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {"$ref": {"type": "string"}, "pattern": {}}},
        {"$defs": {"a/b": {"type": "string"}}, "items": {"$ref": "#/$defs/a~1b"}},
        {"$ref": "#"},
        {"$anchor": "x", "items": {"$ref": "#x"}},
        {"enum": [{"$ref": "http://x/"}, {"pattern": "["}]},
        {"allOf": [{"type": "object"}], "not": {"$ref": "#/allOf/0"}},
    ],
)
def test_a_schema_that_can_be_used(schema: dict[str, Any]) -> None:
    assert list(schema_flaws(schema)) == []


@pytest.mark.parametrize(
    ("schema", "path", "said"),
    [
        ({"type": "objekt"}, ("type",), "is not valid"),
        ({"$ref": "http://x/y.json"}, ("$ref",), "leads out of the schema"),
        ({"items": {"$ref": "file:///etc/passwd"}}, ("items", "$ref"), "leads out"),
        ({"items": {"$ref": "other.json#/a"}}, ("items", "$ref"), "leads out"),
        ({"items": {"$ref": "#/$defs/none"}}, ("items", "$ref"), "leads to nothing"),
        ({"properties": {"a": {"pattern": "["}}}, ("properties", "a", "pattern"), "regex"),
        ({"patternProperties": {"(": {}}}, ("patternProperties",), "regex"),
    ],
)
def test_a_schema_that_cannot(schema: dict[str, Any], path: tuple[str, ...], said: str) -> None:
    found = list(schema_flaws(schema))
    assert [one[0] for one in found] == [path]
    assert said in found[0][1]


def test_a_schema_nested_without_end_is_told() -> None:
    schema: dict[str, Any] = {}
    for _ in range(3000):
        schema = {"not": schema}
    assert "nested" in next(iter(schema_flaws(schema)))[1]
