"""Bases of all models, and the shape of errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer

from madang.core.clock import from_us


def _iso(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


Instant = Annotated[datetime, PlainSerializer(_iso, when_used="json")]
"""A time, ISO 8601 in UTC with microseconds."""


def instant(us: int) -> datetime:
    """The time of microseconds since 1970-01-01 UTC."""
    return from_us(us)


def maybe_instant(us: int | None) -> datetime | None:
    """The time, or None."""
    return None if us is None else from_us(us)


class Answer(BaseModel):
    """Base of what is answered."""

    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True)


class Asked(BaseModel):
    """Base of what is asked: unknown fields are errors."""

    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True, extra="forbid")


class ErrorPlace(Answer):
    """Where an error is."""

    name: str
    """A file of the project, ``sql``, or the field of the request."""
    line: int = 0
    """Line within it, from 1; 0: unknown."""
    column: int = 0
    """Column within the line, from 1; 0: unknown."""


class ErrorDetail(Answer):
    """What went wrong and what to do."""

    code: str
    """Stable name of the kind of error; docs/errors.md lists them."""
    message: str
    """What is wrong, with the values."""
    hint: str | None = None
    """What to do next, or the near match."""
    where: ErrorPlace | None = None
    """Where it is; null: it has no place."""
    retryable: bool = False
    """Whether the same request may succeed later."""


class ErrorAnswer(Answer):
    """The body of every answer that is an error."""

    error: ErrorDetail
    """What went wrong."""
