"""Why values stand in ``_rest`` instead of a column, in words, and what to do about it."""

from __future__ import annotations

from typing import Final

REASON_WORDS: Final = {
    "fraction": "a fraction in a column of whole numbers",
    "range": "a number that the column does not hold exactly",
    "type": "of another type than the column",
    "no_column": "the field has no column",
    "repeated_key": "a record has the field twice",
}
"""Why values stand in ``_rest``, see :class:`madang.lake.Misfit`."""
_ANEW: Final = (
    "a column keeps its type: read the values with json_extract(_rest, …), or deliver the stream "
    "to a new table, with the type under columns in its YAML"
)
REASON_HINTS: Final = {
    "fraction": "the table is too large to make the column one of doubles by itself (256 MiB), or "
    f"a number in it would change (beyond 2^53): {_ANEW}",
    "range": _ANEW,
    "type": _ANEW,
    "no_column": "a table has at most 1,000 columns, their names differ in more than case: "
    "read the values with json_extract(_rest, …)",
    "repeated_key": "the column has the first value, _rest the whole record; mend the producer",
}
"""What to do about them."""
