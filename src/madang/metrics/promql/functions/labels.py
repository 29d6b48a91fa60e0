"""``label_replace`` and ``label_join``."""

from __future__ import annotations

import re
from collections.abc import Callable

from madang.core.errors import InvalidInputError
from madang.core.samples import METRIC_NAME
from madang.metrics.matcher import Labels, compile_regex
from madang.metrics.promql.context import Context
from madang.metrics.promql.errors import QueryFailedError
from madang.metrics.promql.functions.family import Function
from madang.metrics.promql.syntax import Call
from madang.metrics.promql.values import Bools, Value, Vector, merged

_MOST_LETTERS = 1_000_000
_MOST_LETTERS_IN_ALL = 200_000_000
"""Of the labels that a call makes: nested calls can make each value many times as long."""
_REFERENCE = re.compile(r"\$(?:\$|\{(?P<braced>\w+)\}|(?P<plain>\w+))")


def with_label(labels: Labels, name: str, value: str) -> Labels:
    """Labels with one of them set, or removed if the value is empty."""
    rest = [pair for pair in labels if pair[0] != name]
    return tuple(sorted([*rest, (name, value)])) if value else tuple(rest)


def valid_name(name: str) -> bool:
    """Whether a label can have this name: any text in UTF-8, not empty."""
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def _relabelled(vector: Vector, target: str, change: Callable[[Labels], Labels | None]) -> Vector:
    labels = []
    letters = 0
    unnamed: Bools | None = None if vector.unnamed is None else vector.unnamed.copy()
    for row, old in enumerate(vector.labels):
        new = change(old)
        labels.append(old if new is None else new)
        letters += 0 if new is None else sum(len(text) for name, text in new if name == target)
        if letters > _MOST_LETTERS_IN_ALL:
            raise _too_long(target, f"over {_MOST_LETTERS_IN_ALL:,} letters over all series")
        if new is not None and unnamed is not None and target == METRIC_NAME:
            unnamed[row] = False
    return merged(Vector(labels, vector.values, vector.present, unnamed))


def _too_long(target: str, how: str) -> QueryFailedError:
    return QueryFailedError(f"the values of the label {target!r} would be too long: {how}")


def _label_replace(context: Context, node: Call) -> Value:
    vector = context.samples(node.args[0])
    target, replacement, source, pattern = (context.text(arg) for arg in node.args[1:])
    if not valid_name(target):
        raise QueryFailedError(f"invalid destination label name in label_replace(): {target}")
    try:
        regex = compile_regex(pattern)
    except InvalidInputError as error:
        raise QueryFailedError(
            f"invalid regular expression in label_replace(): {pattern}"
        ) from error
    references = len(_REFERENCE.findall(replacement))
    known: dict[str, str | None] = {}

    def expanded(value: str) -> str | None:
        found = regex.fullmatch(value)
        if found is None:
            return None
        most = len(replacement) + references * len(value)
        if most > _MOST_LETTERS:
            raise _too_long(target, f"up to {most:,} letters")
        groups = {str(number): text or "" for number, text in enumerate(found.groups(), 1)}
        groups |= {name: text or "" for name, text in found.groupdict().items()}
        groups["0"] = value

        def text_of(reference: re.Match[str]) -> str:
            name = reference["braced"] or reference["plain"]
            return groups.get(name, "") if name else "$"

        return _REFERENCE.sub(text_of, replacement)

    def change(labels: Labels) -> Labels | None:
        value = dict(labels).get(source, "")
        if value not in known:
            known[value] = expanded(value)
        new = known[value]
        return None if new is None else with_label(labels, target, new)

    return _relabelled(vector, target, change)


def _label_join(context: Context, node: Call) -> Value:
    vector = context.samples(node.args[0])
    target, separator, *sources = (context.text(arg) for arg in node.args[1:])
    for name in (target, *sources):
        if not valid_name(name):
            kind = "destination" if name == target else "source"
            raise QueryFailedError(f"invalid {kind} label name in label_join(): {name}")

    def change(labels: Labels) -> Labels:
        values = dict(labels)
        size = sum(len(values.get(source, "")) + len(separator) for source in sources)
        if size > _MOST_LETTERS:
            raise _too_long(target, f"{size:,} letters")
        joined = separator.join(values.get(source, "") for source in sources)
        return with_label(labels, target, joined)

    return _relabelled(vector, target, change)


FUNCTIONS: dict[str, Function] = {"label_replace": _label_replace, "label_join": _label_join}
