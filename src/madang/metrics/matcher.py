"""Label matchers: which series a selector means."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

from madang.core.errors import InvalidInputError

Labels = tuple[tuple[str, str], ...]
"""The labels of a series: pairs of name and value, sorted by name, without empty values."""


_ALTERNATIVES = re.compile(r"[^\\.+*?()\[\]{}^$]*")
"""A regular expression that only lists texts, as dashboards write them."""
_MANY = 64
_RE2: Any = re2  # the package has no types


class Found(Protocol):
    """A match of a regular expression."""

    def groups(self) -> tuple[str | None, ...]:
        """The texts of its groups, None for those that took no part."""
        ...

    def groupdict(self) -> dict[str, str | None]:
        """Those of its groups that have names."""
        ...


class Regex(Protocol):
    """A compiled regular expression of RE2."""

    def fullmatch(self, text: str) -> Found | None:
        """The match of the whole text, with its groups."""
        ...


class MatchKind(enum.Enum):
    """How a matcher compares."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


def compile_regex(pattern: str) -> Regex:
    """A regular expression of RE2's language, whose ``fullmatch`` takes time linear in the text.

    Raises:
        InvalidInputError: the pattern is none.
    """
    try:
        options = re2.Options()
        options.log_errors = False
        options.dot_nl = True
        regex: Regex = _RE2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        text = reason.decode() if isinstance(reason, bytes) else reason
        raise InvalidInputError(f"{pattern!r} is no regular expression: {text}") from error
    return regex


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on the value of one label; a label that a series lacks has the value ''.

    Raises:
        InvalidInputError: the value of a REGEX or NOT_REGEX is no regular expression.
    """

    name: str
    kind: MatchKind
    value: str
    among: frozenset[str] | None = field(init=False, repr=False, compare=False, default=None)
    """The values that are meant, where the condition lists them: they can be looked up."""
    _regex: Regex | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.kind in {MatchKind.REGEX, MatchKind.NOT_REGEX}:
            object.__setattr__(self, "_regex", compile_regex(self.value))
        if self.kind is MatchKind.EQUAL:
            object.__setattr__(self, "among", frozenset([self.value]))
        elif self.kind is MatchKind.REGEX and _ALTERNATIVES.fullmatch(self.value):
            object.__setattr__(self, "among", frozenset(self.value.split("|")))

    def matches(self, value: str) -> bool:
        """Whether a label of this value is meant."""
        if self._regex is None:
            return (value == self.value) is (self.kind is MatchKind.EQUAL)
        found = self._regex.fullmatch(value) is not None
        return found is (self.kind is MatchKind.REGEX)

    def matches_each(self, values: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which of some values are meant."""
        if self._regex is None or len(values) < _MANY:
            return np.fromiter(map(self.matches, values), np.bool_, len(values))
        try:
            # The same library and dialect, without a call per value.
            found = pc.match_substring_regex(
                pa.array(values, pa.large_string()), pattern=f"^(?s:{self.value})$"
            )
        except (pa.ArrowException, UnicodeError):
            return np.fromiter(map(self.matches, values), np.bool_, len(values))
        meant: npt.NDArray[np.bool_] = found.to_numpy(zero_copy_only=False)
        return meant if self.kind is MatchKind.REGEX else ~meant

    def matching(self, values: Iterable[str]) -> frozenset[str]:
        """Those of the values that are meant."""
        return frozenset(value for value in values if self.matches(value))

    def __str__(self) -> str:
        return f"{self.name}{self.kind.value}{quoted(self.value)}"


def quoted(text: str) -> str:
    """A text as PromQL writes it, in double quotes."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    for letter in text:
        if "\udc80" <= letter <= "\udcff":  # a byte that is no UTF-8
            escapes[letter] = f"\\x{ord(letter) - 0xDC00:02x}"
    return '"' + "".join(escapes.get(letter, letter) for letter in text) + '"'


def labels_text(labels: Labels) -> str:
    """Labels as people read them: ``{a="b", c="d"}``."""
    return "{" + ", ".join(f"{name}={quoted(value)}" for name, value in labels) + "}"
