"""Readiness."""

from __future__ import annotations

from madang.server.models.base import Answer


class CheckAnswer(Answer):
    """One condition."""

    ok: bool
    """Whether it holds."""
    message: str
    """Why not, or that it does."""


class ReadyAnswer(Answer):
    """Whether the platform takes and answers requests."""

    ready: bool
    """Whether every check holds."""
    checks: dict[str, CheckAnswer]
    """By name."""
