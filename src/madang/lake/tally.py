"""What befell values, counted: with an example, so that a person knows what to look for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

MAX_EXAMPLE: Final = 100
"""Characters of an example."""
MAX_MISFITS: Final = 100
"""Fields and reasons that a delivery tells apart: a stream can bring any number of fields."""
OTHER_FIELDS: Final = "…"
"""The field that stands for those beyond."""
FRACTION: Final = "fraction"
"""The reason that a wider column would do away with."""
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many, and one of them as written, cut at 100 characters; None where they have none."""

    count: int
    example: str | None = None


class Misfit(NamedTuple):
    """Values that stand in ``_rest``: their field, dotted, and why no column takes them.

    Reasons: ``fraction`` (a number with a fraction or an exponent, the column holds whole ones),
    ``range`` (a number that the column would not hold exactly), ``type`` (it is of another type),
    ``no_column`` (the field has none: the table is full, or the name clashes or is reserved),
    ``repeated_key`` (the record has the field more than once).
    """

    column: str
    reason: str


def added(known: Mapping[_Key, Tally], more: Mapping[_Key, Tally]) -> dict[_Key, Tally]:
    """Both together, by key; of examples the later one counts."""
    total = dict(known)
    for key, one in more.items():
        put(total, key, one)
    return total


def folded(known: Mapping[Misfit, Tally], more: Mapping[Misfit, Tally]) -> dict[Misfit, Tally]:
    """Both together, of at most ``MAX_MISFITS`` fields and reasons; later ones under one name."""
    total = dict(known)
    for key, one in sorted(more.items(), key=lambda item: -item[1].count):
        room = key in total or len(total) < MAX_MISFITS
        put(total, key if room else Misfit(OTHER_FIELDS, key.reason), one)
    return total


def put(total: dict[_Key, Tally], key: _Key, one: Tally) -> None:
    """Count ``one`` in."""
    before = total.get(key, Tally(0))
    total[key] = Tally(
        before.count + one.count, before.example if one.example is None else one.example
    )
