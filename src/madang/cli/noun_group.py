"""Commands about a kind of thing: ``madang streams``, ``madang streams orders``."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from madang.core.names import near_match


class NounGroup(TyperGroup):
    """A group in which the name of a thing stands for ``show`` and that name."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - click's are vendored
        """The command that ``args`` name."""
        first, *others = args
        named_twice = bool(others) and not others[0].startswith("-")
        mistyped = named_twice and near_match(first, self.commands) is not None
        if first not in self.commands and not first.startswith("-") and not mistyped:
            args = ["show", *args]
        return super().resolve_command(ctx, args)


def hand_down(context: typer.Context, **given: object) -> bool:
    """Give the group's own options to the command that follows; whether one follows."""
    if context.invoked_subcommand is None:
        return False
    told = {name: value for name, value in given.items() if value}
    context.default_map = {context.invoked_subcommand: told}
    return True
