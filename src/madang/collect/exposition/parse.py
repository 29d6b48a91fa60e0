"""The one entry: a page of any format → samples."""

from __future__ import annotations

from collections.abc import Callable

from madang.collect.exposition.known import PageCache
from madang.collect.exposition.media import Exposition
from madang.collect.exposition.openmetrics import parse_openmetrics
from madang.collect.exposition.page import Page, PageLimits
from madang.collect.exposition.problem import MalformedPageError, refusal
from madang.collect.exposition.protobuf import parse_protobuf
from madang.collect.exposition.series_text import Grammar
from madang.collect.exposition.text import parse_text

_DEFAULT_LIMITS = PageLimits()
_PARSERS: dict[Exposition, Callable[[bytes, PageCache, PageLimits], Page]] = {
    Exposition.TEXT: parse_text,
    Exposition.OPENMETRICS: parse_openmetrics,
    Exposition.PROTOBUF: parse_protobuf,
}


def parse_page(
    body: bytes,
    exposition: Exposition = Exposition.TEXT,
    cache: PageCache | None = None,
    limits: PageLimits = _DEFAULT_LIMITS,
    *,
    strict: bool = False,
) -> Page:
    """Read a page that a target answered with; an error in it refuses it whole.

    Args:
        body: The page, decompressed.
        exposition: What it is in; see ``exposition_of``.
        cache: What is remembered of this target's pages before; without one, nothing is. A page
            that is refused does no harm to it.
        limits: What the page may be at most.
        strict: Of OpenMetrics, whether to refuse what its specification forbids but Prometheus
            accepts: families and metrics out of order or clashing, values that their type cannot
            have. The pages of most Go programs clash.

    Raises:
        InvalidInputError: the page is malformed; ``where`` has line and column
            (of protobuf, the message has the byte).
        TooLargeError: the page, a line or the number of lines is over its limit.
    """
    kept = PageCache() if cache is None else cache
    try:
        if exposition is Exposition.OPENMETRICS and strict:
            return parse_openmetrics(body, kept, limits, Grammar.OPENMETRICS_STRICT)
        return _PARSERS[exposition](body, kept, limits)
    except MalformedPageError as problem:
        raise refusal(problem, body) from None
