"""What is wrong with a project: one :class:`Problem` a finding, all of them in one error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from madang.core.errors import MadangError, Place

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: what is wrong, with the values, where, and what was expected.

    ``where.name`` is the path relative to the project directory. A warning does not keep the
    project from being used.
    """

    message: str
    where: Place
    hint: str | None = None
    severity: Severity = "error"

    def __str__(self) -> str:
        text = f"{self.where}: {self.severity}: {self.message}"
        return f"{text} ({self.hint})" if self.hint else text

    def as_dict(self) -> dict[str, Any]:
        """The finding in the fields of an error of the API, plus ``severity``."""
        where = self.where
        return {
            "code": ProjectError.code,
            "severity": self.severity,
            "message": self.message,
            "hint": self.hint,
            "where": {"name": where.name, "line": where.line, "column": where.column},
            "retryable": False,
        }

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Problem:
        """The finding that ``as_dict`` wrote."""
        return cls(fields["message"], Place(**fields["where"]), fields["hint"], fields["severity"])

    @property
    def sort_key(self) -> tuple[str, int, int, str]:
        """By file, line and column."""
        return (self.where.name, self.where.line, self.where.column, self.message)


class ProjectError(MadangError):
    """The project directory cannot be used; ``problems`` holds every finding, not only the first.

    Args:
        message: Derived from the problems where empty.
        problems: The findings, or their dictionaries.
        hint: What to do next.
        where: The first error's place unless given.
    """

    code = "project"
    status = 400

    def __init__(
        self,
        message: str = "",
        *,
        problems: Iterable[Problem | dict[str, Any]] = (),
        hint: str | None = None,
        where: Place | None = None,
    ) -> None:
        self.problems: Sequence[Problem] = tuple(
            one if isinstance(one, Problem) else Problem.from_dict(one) for one in problems
        )
        errors = [one for one in self.problems if one.severity == "error"]
        if errors and not message:
            first, more = errors[0], len(errors) - 1
            message = first.message + (f", and {more} more" if more else "")
            hint, where = hint or first.hint, where or first.where
        super().__init__(message or "the project is broken", hint=hint, where=where)

    def extra(self) -> dict[str, Any]:
        """Every finding."""
        return {"problems": [one.as_dict() for one in self.problems]}
