"""Writes the reference page of the API: ``python -m madang.server.reference``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from madang.server.app import describe
from madang.server.examples import Example, examples

PAGE = "docs/reference/api.md"
_HEAD = """<!-- Made by `make docs` from src/madang/server; change what is there instead. -->
# HTTP API

JSON in and out unless said otherwise. Times are ISO 8601 in UTC with microseconds, sizes bytes,
durations seconds. `GET /api/openapi.json` is the same as an OpenAPI document.

The examples take a token from the environment: `export MADANG_TOKEN=$(cat data/run/admin.token)`.
Their answers are shortened.

A request is signed by `Authorization: Bearer <token>` or by the cookie of a session; with the
cookie, methods that change something also need the header `X-Madang-Request: 1`. Without it, or
without the permission that a route names, the answer is 403; where nobody known asks, 401.

| permission | roles | token scopes |
| --- | --- | --- |
| `ingest` | admin, editor | admin, ingest |
| `read` | admin, editor, viewer | admin, read |
| `edit` | admin, editor | admin |
| `account` | admin, editor, viewer | admin |
| `admin` | admin | admin |

Errors have the body `{"error": {"code", "message", "hint", "where", "retryable"}}`;
[errors](../errors.md) lists the codes. 429, 503 and 507 carry `Retry-After`. 500 is a bug of ours;
its message has an id that stands in the log.
"""


_WIDTH = 100
_EVERYWHERE = {"401", "403", "500"}


def page() -> str:
    """The page as Markdown; the same every time."""
    document = describe().openapi()
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    lines = [_HEAD]
    for tag in document["tags"]:
        lines.append(f"## {tag['name']}\n{tag['description']}\n")
        for method, path, operation in operations:
            if tag["name"] in operation["tags"]:
                lines += [*_operation(method, path, operation), ""]
    lines.append("## Shapes\n")
    for name, schema in sorted(document["components"]["schemas"].items()):
        lines += [*_shape(name, schema), ""]
    return "\n".join(lines).rstrip() + "\n"


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"### `{method} {path}`"
    permission = next((names[0] for one in operation["security"] for names in one.values()), None)
    needs = f"Permission `{permission}`." if permission else "Open to everybody."
    yield f"{operation['description']} {needs}"
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            continue
        schema = parameter["schema"]
        default = f", default `{schema['default']}`" if schema.get("default") is not None else ""
        told = parameter.get("description") or schema.get("description") or ""
        where = "header " if parameter["in"] == "header" else ""
        yield f"- {where}`{parameter['name']}` ({_type(schema)}{default}) {told}".rstrip()
    body = operation.get("requestBody", {}).get("content", {})
    if body:
        shown = [
            f"{kind}: {_type(content['schema'])}" if kind == "application/json" else kind
            for kind, content in body.items()
        ]
        yield f"- body {', '.join(shown)}"
    for status, answer in operation["responses"].items():
        if status in _EVERYWHERE:
            continue
        yield f"- {status} {_answer(answer)}".rstrip()
    example = examples().get(f"{method} {path}")
    if example is not None:
        yield from _example(method, example)


def _example(method: str, example: Example) -> Iterator[str]:
    yield f"\n```sh\n{example.curl(method)}\n```"
    if example.answer is not None:
        yield f"```json\n{_json(example.answer)}\n```"
    elif example.text:
        yield f"```text\n{example.text}\n```"


def _json(value: Any, indent: str = "", *, before: int = 0) -> str:  # noqa: ANN401 - JSON is anything
    """``value`` as JSON, in one line where it fits, else an item a line."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or before + len(indent + flat) <= _WIDTH:
        return flat
    deeper = indent + "  "
    if isinstance(value, dict):
        items = [
            f"{deeper}{json.dumps(name)}: {_json(one, deeper, before=len(name) + 4)}"
            for name, one in value.items()
        ]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    items = [deeper + _json(one, deeper) for one in value]
    return "[\n" + ",\n".join(items) + f"\n{indent}]"


def _answer(answer: dict[str, Any]) -> str:
    content = answer.get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    shape = _type(schema) if schema else ", ".join(content)
    told = "" if answer["description"] == "Successful Response" else answer["description"]
    if shape == "[ErrorAnswer](#erroranswer)":
        return str(told)
    return f"{shape} {told}".strip()


def _shape(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"### {name}"
    yield _flat(schema.get("description", ""))
    if "enum" in schema:
        yield f"One of {', '.join(f'`{value}`' for value in schema['enum'])}."
    properties = schema.get("properties")
    if not properties:
        return
    yield "\n| field | type | |\n| --- | --- | --- |"
    required = set(schema.get("required", ()))
    for field, described in properties.items():
        optional = "" if field in required or "Answer" in name else " (optional)"
        told = _flat(described.get("description", ""))
        yield f"| `{field}` | {_type(described)}{optional} | {told} |"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(dict.fromkeys(_type(one) for one in schema[choice]))
    if "allOf" in schema:
        return _type(schema["allOf"][0])
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return "time" if schema.get("format") == "date-time" else str(kind)


def _flat(text: str) -> str:
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())


def main() -> int:
    """Write the page, below the working directory."""
    Path(PAGE).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
