"""The parameters of a request, and what several endpoints read from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from madang.core.errors import InvalidInputError
from madang.metrics.api.times import EARLIEST_MS, LATEST_MS, parse_duration_ms, parse_time_ms
from madang.metrics.matcher import Matcher
from madang.metrics.promql import BadQueryError, Budget, Options, parse
from madang.metrics.promql.syntax import Selector

Pairs = Iterable[tuple[str, str]]
_MOST_DIGITS = 18
_MOST_SELECTORS = 1_000


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of a request, from its query string and its form, and what it may cost."""

    values: Mapping[str, Sequence[str]]
    budget: Budget

    @classmethod
    def of(cls, pairs: Pairs, budget: Budget) -> Params:
        """Gather parameters, of which some occur more than once.

        Raises:
            InvalidInputError: one is not UTF-8.
        """
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            check_text(name, "a parameter's name")
            check_text(value, name)
            values.setdefault(name, []).append(value)
        return cls(values, budget)

    def text(self, name: str) -> str:
        """The first value, or nothing."""
        return next(iter(self.values.get(name, ())), "")

    def all(self, name: str) -> Sequence[str]:
        """Every value."""
        return self.values.get(name, ())

    def time_ms(self, name: str, otherwise: int | None = None) -> int:
        """A time. Raises InvalidInputError."""
        return self._parsed(name, parse_time_ms, otherwise)

    def duration_ms(self, name: str, otherwise: int | None = None) -> int:
        """A duration. Raises InvalidInputError."""
        return self._parsed(name, parse_duration_ms, otherwise)

    def span_ms(self) -> tuple[int, int]:
        """``start`` and ``end``, all of time by default. Raises InvalidInputError."""
        start_ms, end_ms = self.time_ms("start", EARLIEST_MS), self.time_ms("end", LATEST_MS)
        if end_ms < start_ms:
            raise invalid("end", "end timestamp must not be before start time")
        return start_ms, end_ms

    def limit(self) -> int:
        """How many results are wanted at most; 0 is all. Raises InvalidInputError."""
        count = self.number("limit", 0)
        if count < 0:
            raise invalid("limit", "limit must be non-negative")
        return count

    def number(self, name: str, otherwise: int) -> int:
        """A whole number. Raises InvalidInputError."""
        text = self.text(name)
        if not text:
            return otherwise
        digits = text[1:] if text[0] in "+-" else text
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS):
            raise invalid(name, f"{shown(text)} is not a number")
        return int(text)

    def matchers(self, name: str = "match[]") -> list[Sequence[Matcher]]:
        """The matchers of each selector that is given. Raises InvalidInputError."""
        texts = self.all(name)
        if len(texts) > _MOST_SELECTORS:
            raise invalid(name, f"{len(texts):,} selectors are over {_MOST_SELECTORS:,}")
        found: list[Sequence[Matcher]] = []
        for text in texts:
            try:
                node = parse(text)
            except BadQueryError as error:
                raise invalid(name, error.message) from None
            if not isinstance(node, Selector):
                raise invalid(name, f"{shown(text)} is no selector of series")
            found += node.groups
        return found

    def options(self) -> Options:
        """Settings of a query, with what the request asks for; its budget has them from now on.

        Raises:
            InvalidInputError: it asks for nonsense.
        """
        options = self.budget.options
        if self.text("timeout"):
            asked_s = self.duration_ms("timeout") / 1000
            options = dataclasses.replace(options, timeout_s=min(asked_s, options.timeout_s))
        if self.text("lookback_delta"):
            lookback_ms = self.duration_ms("lookback_delta")
            if lookback_ms <= 0:
                raise invalid("lookback_delta", "it has to be more than 0")
            options = dataclasses.replace(options, lookback_ms=lookback_ms)
        self.budget.options = options
        return options

    def _parsed(self, name: str, parse_: Callable[[str], int], otherwise: int | None) -> int:
        text = self.text(name)
        if not text and otherwise is not None:
            return otherwise
        try:
            return parse_(text)
        except InvalidInputError as error:
            raise invalid(name, error.message) from None


def check_text(text: str, name: str) -> None:
    """Refuse what is no text: bytes that are not UTF-8 come as lone surrogates.

    Raises:
        InvalidInputError: it is none.
    """
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise invalid(shown(name, quote=""), f"{shown(text)} is not valid UTF-8")


def shown(text: str, *, quote: str = '"') -> str:
    """The beginning of what somebody sent, for a message."""
    begin = text if len(text) <= 200 else f"{text[:200]}…"
    return quote + begin.encode("utf-8", "replace").decode() + quote


def invalid(name: str, why: str) -> InvalidInputError:
    """What is wrong with a parameter, in Prometheus's words."""
    return InvalidInputError(f'invalid parameter "{name}": {why}')
