"""Whether a contract's JSON Schema can be used: valid, complete in itself, with patterns that run.

A schema that fails only when records come would stop its stream's delivery, and one that refers to
a URL would make the platform fetch it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from madang.project.document import Path

Flaw = tuple[Path, str, str | None]
"""Path within the schema, message, hint."""

_MAX_DEPTH = 60
# Under these, keys are names and values that the author chose, not keywords.
_DATA = ("const", "enum", "default", "examples")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


def schema_flaws(schema: dict[str, Any]) -> Iterator[Flaw]:
    """What is wrong with ``schema``; empty if it can be used."""
    import jsonschema

    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except RecursionError:
        yield (), "nested too deep", None
        return
    except jsonschema.SchemaError as error:
        # Regular expressions are among what the schema of schemas checks.
        yield tuple(error.absolute_path), error.message[:200], "see https://json-schema.org"
    yield from _keywords(schema, schema, ())


def _keywords(schema: dict[str, Any], below: object, path: Path) -> Iterator[Flaw]:
    if len(path) > _MAX_DEPTH:
        yield path, f"nested more than {_MAX_DEPTH} levels deep", None
    elif isinstance(below, list):
        for index, item in enumerate(below):
            yield from _keywords(schema, item, (*path, index))
    elif isinstance(below, Mapping):
        for key, value in below.items():
            at = (*path, key)
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield from _reference(schema, value, at)
            elif key in _NAMED and isinstance(value, Mapping):
                for name, item in value.items():
                    yield from _keywords(schema, item, (*at, name))
            elif key not in _DATA:
                yield from _keywords(schema, value, at)


def _reference(schema: dict[str, Any], reference: str, path: Path) -> Iterator[Flaw]:
    if not reference.startswith("#"):
        yield path, f"{reference!r} leads out of the schema", "copy it into $defs: #/$defs/<name>"
        return
    if not reference.startswith("#/"):
        return  # The whole schema, or an anchor.
    found: Any = schema
    for step in unquote(reference[2:]).split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, Mapping) and name in found:
            found = found[name]
        else:
            yield path, f"{reference!r} leads to nothing", "check the names on its way"
            return
