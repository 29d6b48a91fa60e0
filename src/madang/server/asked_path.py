"""Paths as whoever asked knows them."""

from __future__ import annotations

from starlette.types import Scope

PREFIX_KEY = "madang.prefix"
"""What a port of its own puts in front of a path, in the request's scope."""


def asked_path(scope: Scope, path: str) -> str:
    """A path of the main port as it is on the port that was asked."""
    return path.removeprefix(scope.get(PREFIX_KEY, "")) or "/"
