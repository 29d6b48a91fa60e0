"""Relabelling rules, compiled: labels of a target or of a series → other labels, or none."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from hashlib import md5
from typing import Any

from madang.project.prometheus_types import compile_regex
from madang.project.relabel_spec import ANY, RelabelAction, RelabelSpec

Labels = dict[str, str]
Rule = Callable[[Labels], bool]
"""Changes the labels in place; False drops them."""

_MEMORY = 10_000
"""Values whose outcome a rule remembers: most labels take few values."""
_VARIABLE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})", re.ASCII)
_LITERALS = re.compile(r"[\w:/ ,@%&=~<>!\"'-]+(?:\|[\w:/ ,@%&=~<>!\"'-]+)*")
_LEGACY_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


class Relabeller:
    """Rules in their order.

    Args:
        rules: As configured.
        legacy_names: Whether a name that ``replace`` makes must be of letters, digits and ``_``.
    """

    def __init__(self, rules: Sequence[RelabelSpec], *, legacy_names: bool = False) -> None:
        self._rules = [_compiled(rule, legacy_names) for rule in rules]

    def __bool__(self) -> bool:
        """Whether there are any rules."""
        return bool(self._rules)

    def apply(self, labels: Labels) -> bool:
        """Change ``labels``, which holds no empty values, in place; False: they are dropped."""
        return all(rule(labels) for rule in self._rules)


class Matcher:
    """An anchored RE2 expression over text.

    ``groups`` of a match are the whole text, then each group (empty where it took no part).
    """

    def __init__(self, pattern: str) -> None:
        self.matches_all = pattern == ANY
        # What stands for itself needs no engine; that is most of what people write.
        literal = _LITERALS.fullmatch(pattern)
        self._literals = frozenset(pattern.split("|")) if literal else None
        self._regex: Any = None if literal or self.matches_all else compile_regex(pattern)
        self.names: dict[str, int] = {}
        if self._regex is not None:
            found = self._regex.groupindex.items()
            self.names = {_text(name): index for name, index in found}
        self._known: dict[str, tuple[str, ...] | None] = {}

    def groups(self, text: str) -> tuple[str, ...] | None:
        """The groups of ``text``, or None where it does not match."""
        if self.matches_all:
            return (text, text)
        if self._literals is not None:
            return (text,) if text in self._literals else None
        try:
            return self._known[text]
        except KeyError:
            pass
        found = self._regex.fullmatch(text.encode("utf-8", "surrogatepass"))
        groups = None if found is None else (text, *(_text(one or b"") for one in found.groups()))
        if len(self._known) >= _MEMORY:
            self._known.clear()
        self._known[text] = groups
        return groups

    def matches(self, text: str) -> bool:
        """Whether the whole of ``text`` matches."""
        return self.groups(text) is not None


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value


class Template:
    """Text with ``$1``, ``${1}``, ``$name`` and ``${name}``, as Go's ``Regexp.Expand`` reads it.

    A name is taken as long as possible: ``$1x`` is the group ``1x``, which is empty unless there is
    one. ``$$`` is a dollar sign.
    """

    def __init__(self, text: str, names: dict[str, int]) -> None:
        self.parts: list[str | int] = []
        at = 0
        for found in _VARIABLE.finditer(text):
            self.parts.append(text[at : found.start()])
            at = found.end()
            name = found[1] or found[2]
            if name is None:
                self.parts.append("$")
            elif name.isdigit():
                self.parts.append(int(name) if len(name) < 9 else -1)
            else:
                self.parts.append(names.get(name, -1))
        self.parts.append(text[at:])
        self.parts = [part for part in self.parts if part != ""]
        self.constant = not any(isinstance(part, int) for part in self.parts)
        self._text = "".join(str(part) for part in self.parts) if self.constant else ""

    def fill(self, groups: tuple[str, ...]) -> str:
        """The text with the groups in their places."""
        if self.constant:
            return self._text
        known = len(groups)
        return "".join(
            part if isinstance(part, str) else groups[part] if 0 <= part < known else ""
            for part in self.parts
        )


def _compiled(spec: RelabelSpec, legacy_names: bool) -> Rule:
    action = spec.action
    if action is RelabelAction.REPLACE:
        return _replace(spec, legacy_names)
    if action in (RelabelAction.LABELMAP, RelabelAction.LABELDROP, RelabelAction.LABELKEEP):
        return _by_name(spec)
    value, target = _value_of(spec), spec.target_label
    if action in (RelabelAction.KEEP, RelabelAction.DROP):
        matches, wanted = Matcher(spec.regex).matches, action is RelabelAction.KEEP
        return lambda labels: matches(value(labels)) is wanted
    if action in (RelabelAction.KEEPEQUAL, RelabelAction.DROPEQUAL):
        equal = action is RelabelAction.KEEPEQUAL
        return lambda labels: (labels.get(target, "") == value(labels)) is equal
    if action is RelabelAction.HASHMOD:
        return _setting(target, lambda labels: str(_hash(value(labels)) % spec.modulus))
    if action is RelabelAction.LOWERCASE:
        return _setting(target, lambda labels: _mapped(str.lower, value(labels)))
    return _setting(target, lambda labels: _mapped(str.upper, value(labels)))


def _mapped(change: Callable[[str], str], text: str) -> str:
    # Go maps each character to one: ß stays ß, where Python's upper() makes SS of it.
    if text.isascii():
        return change(text)
    return "".join(new if len(new := change(one)) == 1 else one for one in text)


def _hash(text: str) -> int:
    # The last eight bytes only, as upstream has it.
    digest = md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "big")


def _value_of(spec: RelabelSpec) -> Callable[[Labels], str]:
    sources, separator = spec.source_labels, spec.separator
    if len(sources) == 1:
        (source,) = sources
        return lambda labels: labels.get(source, "")
    return lambda labels: separator.join([labels.get(source, "") for source in sources])


def _setting(target: str, value: Callable[[Labels], str]) -> Rule:
    def rule(labels: Labels) -> bool:
        _set(labels, target, value(labels))
        return True

    return rule


def _set(labels: Labels, name: str, value: str) -> None:
    if value:
        labels[name] = value
    else:
        labels.pop(name, None)


def _replace(spec: RelabelSpec, legacy_names: bool) -> Rule:
    value, matcher = _value_of(spec), Matcher(spec.regex)
    target = Template(spec.target_label, matcher.names)
    replacement = Template(spec.replacement, matcher.names)

    def rule(labels: Labels) -> bool:
        groups = matcher.groups(value(labels))
        if groups is None:
            return True
        name = target.fill(groups)
        if not name or (legacy_names and not _LEGACY_NAME.fullmatch(name)):
            return True
        _set(labels, name, replacement.fill(groups))
        return True

    return rule


def _by_name(spec: RelabelSpec) -> Rule:
    matcher = Matcher(spec.regex)
    if spec.action is RelabelAction.LABELMAP:
        replacement = Template(spec.replacement, matcher.names)

        def rename(labels: Labels) -> bool:
            for name, value in list(labels.items()):
                groups = matcher.groups(name)
                if groups is not None:
                    _set(labels, replacement.fill(groups), value)
            return True

        return rename
    keeps = spec.action is RelabelAction.LABELKEEP

    def filter_(labels: Labels) -> bool:
        for name in [one for one in labels if matcher.matches(one) is not keeps]:
            del labels[name]
        return True

    return filter_
