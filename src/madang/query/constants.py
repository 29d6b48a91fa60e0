"""Which expressions have a value before the query runs."""

from __future__ import annotations

from madang.query.syntax import Node, walk

_CONSTANT_CLASSES = frozenset(["CONSTANT", "PARAMETER", "CAST", "FUNCTION", "TYPE"])
_STEADY = frozenset(
    {
        *("+", "-", "trunc", "date_trunc", "to_timestamp"),
        *("make_timestamptz", "make_timestamp", "make_date"),
        *("to_microseconds", "to_milliseconds", "to_seconds", "to_minutes", "to_hours"),
        *("to_days", "to_weeks", "to_months", "to_years"),
    }
)
_GROWING = frozenset(["now", "get_current_timestamp", "current_timestamp", "today", "current_date"])
"""These only grow between planning and running."""


def is_constant(node: Node, *, grows: bool) -> bool:
    """Whether an expression is made of constants and parameters alone, quick to evaluate.

    Args:
        node: The expression.
        grows: Whether it may be one that grows with time, as ``now()``.
    """
    for part in walk(node):
        class_ = part.get("class")
        if class_ is None:
            if "node" in part or "from_table" in part:
                return False
            continue
        if class_ not in _CONSTANT_CLASSES:
            return False
        if class_ == "FUNCTION":
            name = str(part["function_name"]).lower()
            if grows and name in _GROWING:
                continue
            if name not in _STEADY:
                return False
    return True
