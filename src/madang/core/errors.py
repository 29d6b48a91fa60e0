"""Errors that people read: what went wrong, with the values, where, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Place:
    """Where an error is: a file and line, a position in a query, or a field of a request.

    Lines and columns count from 1; 0 means unknown.
    """

    name: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [self.name]
        if self.line:
            parts.append(str(self.line))
            if self.column:
                parts.append(str(self.column))
        return ":".join(parts)


class MadangError(Exception):
    """Base of every error that reaches a person.

    CLI, API and UI show the same fields. ``code`` has an entry in ``docs/errors.md``. Subclasses
    exist only where a caller acts differently.

    Args:
        message: What is wrong, with the values.
        hint: What to do next, or the near match.
        where: File and line, or position in a query.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    status: ClassVar[int] = 500
    """The HTTP status that the server answers with."""

    def __init__(
        self, message: str, *, hint: str | None = None, where: Place | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.hint})" if self.hint else text

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross process borders; keyword-only arguments do not survive the default pickling.
        return (_rebuild, (type(self), self.message, self.hint, self.where, self.extra()))

    def extra(self) -> dict[str, Any]:
        """Further fields of a subclass, JSON-able."""
        return {}

    def as_dict(self) -> dict[str, Any]:
        """The error as the API shows it."""
        where = self.where
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "where": where and {"name": where.name, "line": where.line, "column": where.column},
            "retryable": self.retryable,
            **self.extra(),
        }


def _rebuild(
    kind: type[MadangError],
    message: str,
    hint: str | None,
    where: Place | None,
    extra: dict[str, Any],
) -> MadangError:
    return kind(message, hint=hint, where=where, **extra)


class InvalidInputError(MadangError):
    """The request, file or value is not what was expected; the same again fails again."""

    code = "invalid_input"
    status = 400


class UnauthenticatedError(MadangError):
    """Nobody, or nobody known, asks."""

    code = "unauthenticated"
    status = 401


class DeniedError(MadangError):
    """Somebody known asks for what they may not have."""

    code = "denied"
    status = 403


class NotFoundError(MadangError):
    """The named thing does not exist; the hint carries the near match."""

    code = "not_found"
    status = 404


class ConflictError(MadangError):
    """The thing exists already, or changed meanwhile."""

    code = "conflict"
    status = 409


class TooLargeError(MadangError):
    """A body, record or result is over its limit."""

    code = "too_large"
    status = 413


class OverloadedError(MadangError):
    """Too much at once; try again after ``retry_after_s`` seconds."""

    code = "overloaded"
    retryable = True
    status = 429

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        where: Place | None = None,
        retry_after_s: float = 1.0,
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self.retry_after_s = retry_after_s

    def extra(self) -> dict[str, Any]:
        """The seconds to wait."""
        return {"retry_after_s": self.retry_after_s}


class StorageFullError(OverloadedError):
    """The disk is full, or over its watermark; nothing was accepted."""

    code = "storage_full"
    status = 507


class UnavailableError(MadangError):
    """A part of the platform is not up, or died while it worked."""

    code = "unavailable"
    retryable = True
    status = 503


class DeadlineError(MadangError):
    """The work took longer than its limit."""

    code = "deadline"
    status = 408


class CancelledError(MadangError):
    """Somebody cancelled the work."""

    code = "cancelled"
    status = 499


class FencedError(MadangError):
    """Another writer moved on; this one must stop and read the state anew."""

    code = "fenced"
    status = 409


class CorruptionError(MadangError):
    """Bytes on disk are not what was written."""

    code = "corruption"
