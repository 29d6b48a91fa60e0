"""JSON Schema → a SQL predicate that proves records valid.

The predicate is sufficient, never necessary: where it is true the record is valid; the others are
looked at by ``jsonschema``. A keyword that is not known here makes it false.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from madang.process.engine import literal
from madang.process.layout import Path, pointer

Json = Any
"""A JSON Schema may hold any JSON."""

_TYPES = {
    "string": ("VARCHAR",),
    "integer": ("BIGINT", "UBIGINT"),
    "number": ("BIGINT", "UBIGINT", "DOUBLE"),
    "boolean": ("BOOLEAN",),
    "null": ("NULL",),
    "object": ("OBJECT",),
    "array": ("ARRAY",),
}
_ANNOTATIONS = frozenset(
    ("$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated")
) | {"readOnly", "writeOnly", "format", "$defs", "definitions"}
_EXACT = 2**53
# What RE2 and Python's re read alike: no unicode classes, no look-around, no flags.
_PLAIN_PATTERN = re.compile(
    r"(?:[A-Za-z0-9_ :@/,=#%&;<>!~'-]|\\[.\-/+*?()\[\]{}|^$]|[.\[\]()|+*?^$]|\{\d+(?:,\d*)?\})*"
)


class PredicateCompiler:
    """Compiles one schema.

    Attributes:
        paths: Values that the predicate looks at: ``y[i]`` is the JSON type, ``s[i]`` the text and
            ``k[i]`` the keys of the value at ``paths[i - 1]``.
    """

    def __init__(self) -> None:
        self.paths: list[Path] = []

    def select(self, schema: Json) -> str:
        """SQL over the table ``t`` with the JSON text ``v``: the column ``ok``."""
        predicate = self._valid(schema, ())
        pointers = ", ".join(literal(pointer(path) or "$") for path in self.paths) or "'$'"
        return (
            f"SELECT coalesce({predicate}, false) AS ok FROM (SELECT v, json_type(v, [{pointers}])"
            f" AS y, json_extract_string(v, [{pointers}]) AS s, json_keys(v, [{pointers}]) AS k"
            " FROM t)"
        )

    def _index(self, path: Path) -> int:
        if path not in self.paths:
            self.paths.append(path)
        return self.paths.index(path) + 1

    def _valid(self, schema: Json, path: Path) -> str:
        if isinstance(schema, bool):
            return str(schema).lower()
        if not isinstance(schema, Mapping):
            return "false"
        parts = []
        for keyword, value in schema.items():
            if keyword in _ANNOTATIONS or keyword in ("exclusiveMinimum", "exclusiveMaximum"):
                continue
            compiler = getattr(self, _KEYWORDS[keyword]) if keyword in _KEYWORDS else None
            parts.append(compiler(value, path, schema) if compiler else "false")
        if "exclusiveMinimum" in schema or "exclusiveMaximum" in schema:
            parts.append(self._bounds(schema, path))
        return "(" + " AND ".join(parts or ["true"]) + ")"

    def _is(self, path: Path, types: tuple[str, ...]) -> str:
        names = ", ".join(literal(name) for name in types)
        return f"(y[{self._index(path)}] IN ({names}))"

    def _type(self, value: Json, path: Path, schema: Mapping[str, Json]) -> str:
        del schema
        names = [value] if isinstance(value, str) else value
        types = tuple(kind for name in names for kind in _TYPES.get(name, ()))
        return self._is(path, types) if types else "false"

    def _properties(self, value: Json, path: Path, schema: Mapping[str, Json]) -> str:
        del schema
        parts = ["true"]
        for name, inner in value.items():
            if not _addressable(name):
                return "false"
            child = (*path, name)
            # Types are null where there is no such field.
            parts.append(f"(y[{self._index(child)}] IS NULL OR {self._valid(inner, child)})")
        return f"(NOT {self._is(path, ('OBJECT',))} OR ({' AND '.join(parts)}))"

    def _required(self, value: Json, path: Path, schema: Mapping[str, Json]) -> str:
        del schema
        if not all(_addressable(name) for name in value):
            return "false"
        parts = [f"y[{self._index((*path, name))}] IS NOT NULL" for name in value] or ["true"]
        return f"(NOT {self._is(path, ('OBJECT',))} OR ({' AND '.join(parts)}))"

    def _additional_properties(
        self,
        value: Json,
        path: Path,
        schema: Mapping[str, Json],
    ) -> str:
        if value is True or value == {}:
            return "true"
        if value is not False or "patternProperties" in schema:
            return "false"
        names = ", ".join(literal(name) for name in schema.get("properties", {}))
        known = f"list_has_all([{names}]::VARCHAR[], k[{self._index(path)}])"
        return f"(NOT {self._is(path, ('OBJECT',))} OR {known})"

    def _enum(self, value: Json, path: Path, schema: Mapping[str, Json]) -> str:
        del schema
        texts = [literal(item) for item in value if isinstance(item, str) and "\0" not in item]
        parts = []
        if texts:
            kind = self._is(path, ("VARCHAR",))
            parts.append(f"({kind} AND s[{self._index(path)}] IN ({', '.join(texts)}))")
        integers = [
            literal(json.dumps(item))
            for item in value
            if isinstance(item, int) and not isinstance(item, bool)
        ]
        if integers:
            kind = self._is(path, ("BIGINT", "UBIGINT"))
            parts.append(f"({kind} AND s[{self._index(path)}] IN ({', '.join(integers)}))")
        for item in value:
            if item is None:
                parts.append(self._is(path, ("NULL",)))
            elif isinstance(item, bool):
                kind = self._is(path, ("BOOLEAN",))
                parts.append(f"({kind} AND s[{self._index(path)}] = {literal(json.dumps(item))})")
        return "(" + " OR ".join(parts or ["false"]) + ")"

    def _const(self, value: Json, path: Path, schema: Mapping[str, Json]) -> str:
        return self._enum([value], path, schema)

    def _minimum(self, value: Json, path: Path, schema: Mapping[str, Json]) -> str:
        del schema
        return self._compare(path, ">=", value)

    def _maximum(self, value: Json, path: Path, schema: Mapping[str, Json]) -> str:
        del schema
        return self._compare(path, "<=", value)

    def _bounds(self, schema: Mapping[str, Json], path: Path) -> str:
        parts = []
        if "exclusiveMinimum" in schema:
            parts.append(self._compare(path, ">", schema["exclusiveMinimum"]))
        if "exclusiveMaximum" in schema:
            parts.append(self._compare(path, "<", schema["exclusiveMaximum"]))
        return " AND ".join(parts)

    def _compare(self, path: Path, operator: str, bound: Json) -> str:
        if isinstance(bound, bool) or not isinstance(bound, int | float) or abs(bound) >= _EXACT:
            return "false"
        number = f"TRY_CAST(s[{self._index(path)}] AS DOUBLE)"
        # Beyond 2^53 a double may not be the number that was written.
        holds = f"({number} {operator} {float(bound)!r}::DOUBLE AND abs({number}) < {_EXACT})"
        return f"(NOT {self._is(path, _TYPES['number'])} OR {holds})"

    def _min_length(self, value: Json, path: Path, schema: Mapping[str, Json]) -> str:
        del schema
        return self._length(path, ">=", value)

    def _max_length(self, value: Json, path: Path, schema: Mapping[str, Json]) -> str:
        del schema
        return self._length(path, "<=", value)

    def _length(self, path: Path, operator: str, bound: Json) -> str:
        if not isinstance(bound, int):
            return "false"
        holds = f"length(s[{self._index(path)}]) {operator} {bound}"
        return f"(NOT {self._is(path, ('VARCHAR',))} OR {holds})"

    def _pattern(self, value: Json, path: Path, schema: Mapping[str, Json]) -> str:
        del schema
        if _PLAIN_PATTERN.fullmatch(value) is None or "(?" in value or "[[" in value:
            return "false"
        holds = f"regexp_matches(s[{self._index(path)}], {literal(value)})"
        return f"(NOT {self._is(path, ('VARCHAR',))} OR {holds})"

    def _all_of(self, value: Json, path: Path, schema: Mapping[str, Json]) -> str:
        del schema
        return "(" + " AND ".join(self._valid(inner, path) for inner in value) + ")"

    def _any_of(self, value: Json, path: Path, schema: Mapping[str, Json]) -> str:
        del schema
        inner = (f"coalesce({self._valid(inner, path)}, false)" for inner in value)
        return "(" + " OR ".join(inner) + ")"

    def _items(self, value: Json, path: Path, schema: Mapping[str, Json]) -> str:
        del schema
        not_array = f"NOT {self._is(path, ('ARRAY',))}"
        if not isinstance(value, Mapping) or set(value) - _ANNOTATIONS - {"type"}:
            return f"({not_array})"
        names = value.get("type", list(_TYPES))
        names = [names] if isinstance(names, str) else names
        types = ", ".join(literal(kind) for name in names for kind in _TYPES.get(name, ()))
        elements = f"json_type(json_extract(v, {literal(pointer(path) or '$')}), '$[*]')"
        return f"({not_array} OR list_has_all([{types}]::VARCHAR[], {elements}))"


_KEYWORDS = {
    name: "_" + re.sub("([A-Z])", lambda match: "_" + match[1].lower(), name)
    for name in (
        *("type", "properties", "required", "additionalProperties", "enum", "const", "minimum"),
        *("maximum", "minLength", "maxLength", "pattern", "allOf", "anyOf", "items"),
    )
}
"""Keywords and the methods that compile them."""


def _addressable(name: str) -> bool:
    return "\0" not in name
