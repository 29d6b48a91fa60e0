"""Values that stand in ``_rest`` instead of a column."""

from __future__ import annotations

from typing import Literal

from madang.server.models.base import Answer, Instant


class MisfitRow(Answer):
    """Values of one field that no column took, for one reason."""

    column: str
    """The field, dotted; ``…``: further ones, where there are more than a hundred."""
    reason: Literal["fraction", "range", "type", "no_column", "repeated_key"]
    """``fraction``: the column holds whole numbers. ``range``: a number that the column would not
    hold exactly. ``type``: of another type than the column. ``no_column``: the table is full, or
    the name clashes. ``repeated_key``: the record has the field twice."""
    count: int
    """How many values."""
    example: str | None
    """One of them, as JSON, cut at 100 characters; null where none is kept."""


class Misfits(Answer):
    """Values that delivery put into ``_rest``, for no column took them."""

    count: int
    """How many values, over restarts."""
    last_at: Instant | None
    """When the last one reached the table."""
    columns: list[MisfitRow]
    """By field and reason, most frequent first."""
