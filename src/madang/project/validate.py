"""Values → frozen spec, or problems that say in plain words what was expected, and where."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from madang.core.names import near_match
from madang.project.document import Document, Path
from madang.project.problem import Problem

S = TypeVar("S", bound=BaseModel)

_EXPECTED = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping (key: value lines)",
    "model_type": "a mapping (key: value lines)",
    "model_attributes_type": "a mapping (key: value lines)",
    "union_tag_not_found": "a mapping (key: value lines)",
}
_LIMITS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "greater_than": ("more than", "gt"),
    "less_than": ("less than", "lt"),
}


def build(model: type[S], document: Document) -> S | None:
    """The spec of ``document``, or None with what is wrong added to ``document.problems``."""
    try:
        return model.model_validate(document.root)
    except ValidationError as error:
        details = error.errors(include_url=False)
    seen: set[tuple[Path, str]] = set()
    for detail in details:
        path = written_path(document.root, detail)
        if (path, detail["type"]) in seen or path in document.refused:
            continue
        seen.add((path, detail["type"]))
        message, hint = _explain(model, detail, path)
        at = document.at_key(path) if detail["type"] == "extra_forbidden" else None
        document.problems.append(Problem(message, at or document.at_value(path), hint))
    return None


def written_path(root: object, detail: ErrorDetails) -> Path:
    """The location of an error as it is written: pydantic's names of union members left out."""
    path: list[str | int] = []
    current: Any = root
    location = detail["loc"]
    for index, step in enumerate(location):
        last = index == len(location) - 1
        in_mapping = isinstance(current, dict) and step in current
        if in_mapping or (
            isinstance(current, list) and isinstance(step, int) and step < len(current)
        ):
            current = current[step]
        elif not (last and detail["type"] == "missing"):
            continue
        path.append(step)
    if path and path[-1] == "[key]":
        path.pop()
    return tuple(path)


def _explain(model: type[BaseModel], detail: ErrorDetails, path: Path) -> tuple[str, str | None]:
    kind, context = detail["type"], detail.get("ctx", {})
    key = ".".join(str(step) for step in path) or "file"
    if kind == "extra_forbidden":
        return _unknown_key(str(path[-1]), keys_at(model, path[:-1]))
    if kind == "missing":
        meaning = _meaning(model, path)
        return f"key {key!r} is missing", meaning
    if kind in ("enum", "literal_error"):
        return _not_a_choice(model, key, detail["input"], path, str(context.get("expected", "")))
    if kind in _LIMITS:
        words, name = _LIMITS[kind]
        return f"{key}: {shown(detail['input'])} is out of range", f"{words} {context[name]:,}"
    if kind == "unreadable":
        return f"{key}: {context['text']}", context.get("hint")
    if kind in _EXPECTED:
        return f"{key}: {shown(detail['input'])} is not {_EXPECTED[kind]}", _how(detail)
    if kind == "too_short":
        return f"{key} is empty", f"at least {context['min_length']}"
    text = str(context["error"]) if "error" in context else detail["msg"]
    return f"{key}: {text[:1].lower() + text[1:]}", None


def _how(detail: ErrorDetails) -> str | None:
    value, kind = detail["input"], detail["type"]
    scalar = isinstance(value, str | int | float) and not isinstance(value, bool)
    if kind in ("list_type", "tuple_type") and scalar:
        return f"write [{value}]" if len(str(value)) <= 60 else None
    if kind == "string_type" and isinstance(value, int | float):
        return f'quote it: "{shown(value)}"'
    return None


def _unknown_key(name: str, known: Iterable[str]) -> tuple[str, str | None]:
    known = [key for key in known if key != "name"]
    near = near_match(name, known)
    hint = f"did you mean {near!r}?" if near else f"known: {', '.join(sorted(known))}"
    return f"unknown key {name!r}", hint if known else None


def _not_a_choice(
    model: type[BaseModel], key: str, value: object, path: Path, expected: str
) -> tuple[str, str | None]:
    choices = _choices(_annotation_at(model, path)) or [
        word.strip("' ") for word in expected.replace(" or ", ",").split(",")
    ]
    near = near_match(value, choices) if isinstance(value, str) else None
    one_of = f"one of: {', '.join(choices)}"
    hint = f"did you mean {near!r}? {one_of}" if near else one_of
    return f"{key}: {shown(value)} is not known", hint


def shown(value: object) -> str:
    """``value`` as it may be quoted in a message: short, as YAML writes it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…'"


def keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that may be written in the mapping at ``path`` of ``model``."""
    found = model if not path else model_in(_annotation_at(model, path))
    if found is None:
        return []
    return [field.alias or name for name, field in found.model_fields.items()]


def _meaning(model: type[BaseModel], path: Path) -> str | None:
    parent = model if len(path) == 1 else model_in(_annotation_at(model, path[:-1]))
    if parent is None:
        return None
    for name, field in parent.model_fields.items():
        if (field.alias or name) == path[-1] and field.description:
            return field.description.split(". ")[0].rstrip(".").replace("\n", " ").replace("``", "")
    return None


def _annotation_at(model: type[BaseModel], path: Path) -> object:
    annotation: object = model
    for step in path:
        owner = model_in(annotation)
        if owner is not None:
            fields = {field.alias or name: field for name, field in owner.model_fields.items()}
            annotation = fields[str(step)].annotation if step in fields else None
        else:
            annotation = _item(annotation)
    return annotation


def _item(annotation: object) -> object:
    for part in parts_of(annotation):
        origin, arguments = typing.get_origin(part), typing.get_args(part)
        if origin is dict or origin is Mapping:
            return arguments[1]
        if origin in (list, tuple):
            return arguments[0]
    return None


def model_in(annotation: object) -> type[BaseModel] | None:
    """The spec among the members of an annotation, or None."""
    for part in parts_of(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def _choices(annotation: object) -> list[str]:
    for part in parts_of(annotation):
        if isinstance(part, type) and issubclass(part, Enum):
            return [str(member.value) for member in part]
        if typing.get_origin(part) is typing.Literal:
            return [str(value) for value in typing.get_args(part)]
    return []


def parts_of(annotation: object) -> list[object]:
    """The members of a union, what ``Annotated`` wraps taken out of it."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return parts_of(typing.get_args(annotation)[0])
    if origin is typing.Union or str(origin) == "<class 'types.UnionType'>":
        return [leaf for part in typing.get_args(annotation) for leaf in parts_of(part)]
    return [annotation]
