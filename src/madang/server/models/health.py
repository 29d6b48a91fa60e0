"""Readiness."""

from __future__ import annotations

from madang.server.models.base import Answer


class CheckAnswer(Answer):
    """One condition."""

    ok: bool
    """Whether the condition holds."""
    message: str
    """The state in a word, or what is wrong."""


class ReadyAnswer(Answer):
    """Whether the platform takes and answers requests."""

    ready: bool
    """Whether every check holds."""
    checks: dict[str, CheckAnswer]
    """The conditions: ``platform``, and one for each role."""
