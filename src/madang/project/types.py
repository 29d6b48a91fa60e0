"""Field types of the specs: sizes, durations and names, written as people write them."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from madang.core.errors import MadangError
from madang.core.names import RULE, is_name, is_own, near_match
from madang.core.units import parse_duration, parse_size


class Unit(StrEnum):
    """Marks a number that people write with a unit."""

    SIZE = "size"
    DURATION = "duration"


def unit_of(field: FieldInfo) -> Unit | None:
    """The unit that a field's number is written with, also where the field may be null."""
    marks = list(field.metadata)
    for part in typing.get_args(field.annotation):
        marks += typing.get_args(part)
    return next((mark for mark in marks if isinstance(mark, Unit)), None)


SIZE, DURATION = Unit.SIZE, Unit.DURATION


def _size(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is not a size")  # noqa: TRY004 - pydantic's protocol
    return _parsed(parse_size, value) if isinstance(value, str) else value


def _duration(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is not a duration")  # noqa: TRY004 - as above
    return _parsed(parse_duration, value) if isinstance(value, str) else value


def _parsed(parse: Callable[[str], object], value: str) -> object:
    try:
        return parse(value)
    except MadangError as error:
        raise PydanticCustomError(
            "unreadable", "{text}", {"text": error.message, "hint": error.hint}
        ) from None


def _time_zone(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = near_match(value, {zone.lower(): zone for zone in available_timezones()})
        zone = next((zone for zone in available_timezones() if zone.lower() == near), None)
        hint = f"did you mean {zone!r}?" if zone else "an IANA name such as Asia/Seoul"
        raise PydanticCustomError(
            "unreadable",
            "{text}",
            {"text": f"{value!r} is not a time zone", "hint": hint},
        ) from None
    return value


def _regex(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise PydanticCustomError(
            "unreadable",
            "{text}",
            {"text": f"not a regular expression: {error}", "hint": None},
        ) from None
    return value


def _postgres_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = hint = None
    try:
        parts = urlsplit(value)
        if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
            text = "not a URL of a PostgreSQL database"
            hint = "write postgresql://user@host:5432/database"
        elif parts.password is not None:
            # Said without the value: this text is shown and logged.
            text = "a password stands in the URL"
            hint = "take it out; put it into password_file or the environment variable PGPASSWORD"
    except ValueError as error:
        text, hint = f"not a URL: {error}", "write postgresql://user@host:5432/database"
    if text:
        raise PydanticCustomError("unreadable", "{text}", {"text": text, "hint": hint})
    return value


def _name(value: object) -> object:
    # Empty: given by the file's name later. Madang's own are guarded by the loader.
    if isinstance(value, str) and value and not (is_name(value) or is_own(value)):
        raise PydanticCustomError(
            "unreadable",
            "{text}",
            {"text": f"{value!r} is not a name", "hint": f"a name is {RULE}"},
        )
    return value


SizeBytes = Annotated[
    int,
    Field(ge=0, le=2**62),
    BeforeValidator(_size),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["64MiB", "10GB"]}),
    SIZE,
]
"""Bytes; written ``64MiB``, ``1.5GB`` or a bare number of bytes."""
DurationS = Annotated[
    float,
    Field(ge=0, le=3e10, allow_inf_nan=False),
    BeforeValidator(_duration),
    WithJsonSchema({"type": ["string", "number"], "examples": ["10s", "7d", "1h30m"]}),
    DURATION,
]
"""Seconds; written ``500ms``, ``10s``, ``7d`` or a bare number of seconds."""
PostgresUrl = Annotated[str, BeforeValidator(_postgres_url)]
"""The URL of a PostgreSQL database, without a password."""
Name = Annotated[str, BeforeValidator(_name)]
"""A name of a stream, table or source."""
TimeZone = Annotated[
    str, BeforeValidator(_time_zone), WithJsonSchema({"type": "string", "examples": ["Asia/Seoul"]})
]
"""An IANA time zone."""
Regex = Annotated[
    str, BeforeValidator(_regex), WithJsonSchema({"type": "string", "format": "regex"})
]
"""A regular expression."""


class Spec(BaseModel):
    """Base of every spec: frozen, no unknown keys, field docstrings are the reference."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
