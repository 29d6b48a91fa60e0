"""Field types of the specs: sizes, durations and names, written as people write them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from madang.core.errors import MadangError
from madang.core.names import RULE, is_name
from madang.core.units import parse_duration, parse_size


def _size(value: object) -> object:
    return _parsed(parse_size, value) if isinstance(value, str) else value


def _duration(value: object) -> object:
    return _parsed(parse_duration, value) if isinstance(value, str) else value


def _parsed(parse: object, value: str) -> object:
    try:
        return parse(value)  # type: ignore[operator]
    except MadangError as error:
        raise ValueError(str(error)) from None


def _name(value: object) -> object:
    # Empty: given by the file's name later. ``system.``: Madang's own, which the loader guards.
    if isinstance(value, str) and value and not is_name(value.removeprefix("system.")):
        raise ValueError(f"{value!r} is not a name: {RULE}")
    return value


SizeBytes = Annotated[
    int,
    BeforeValidator(_size),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["64MiB", "10GB"]}),
]
"""Bytes; written ``64MiB``, ``1.5GB`` or a bare number of bytes."""
DurationS = Annotated[
    float,
    BeforeValidator(_duration),
    WithJsonSchema({"type": ["string", "number"], "examples": ["10s", "7d", "1h30m"]}),
]
"""Seconds; written ``500ms``, ``10s``, ``7d`` or a bare number of seconds."""
Name = Annotated[str, BeforeValidator(_name)]
"""A name of a stream, table or source."""


class Spec(BaseModel):
    """Base of every spec: frozen, no unknown keys, field docstrings are the reference."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
