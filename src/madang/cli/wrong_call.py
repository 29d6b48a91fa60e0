"""What was typed cannot be right, whatever the platform does: exit code 2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from madang.core.errors import InvalidInputError
from madang.core.names import near_match

Value = TypeVar("Value")


class WrongCallError(InvalidInputError):
    """The command was called wrongly."""


def chosen(kind: str, given: str, known: Sequence[str]) -> str:
    """``given`` if it is one of ``known``.

    Raises:
        WrongCallError: otherwise, with the near match.
    """
    if given not in known:
        near = near_match(given, known)
        hint = f"did you mean {near!r}?" if near else f"one of: {', '.join(known)}"
        raise WrongCallError(f"there is no {kind} {given!r}", hint=hint)
    return given


def parsed(option: str, parse: Callable[[str], Value], given: str) -> Value:
    """What ``parse`` makes of an option's value.

    Raises:
        WrongCallError: it cannot be parsed.
    """
    try:
        return parse(given)
    except InvalidInputError as error:
        raise WrongCallError(f"{option}: {error.message}", hint=error.hint) from None
