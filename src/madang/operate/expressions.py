"""What the project's files say in languages that are read above it."""

from __future__ import annotations

from functools import lru_cache

_KEPT = 20_000


@lru_cache(maxsize=_KEPT)
def is_promql(text: str, experimental: bool) -> None:
    """See whether a text is PromQL, with or without experimental functions.

    Raises:
        BadQueryError: it is not.
    """
    # Loaded where there is a rule: most processes never read one.
    from madang.metrics.promql import parse

    parse(text, experimental=experimental)
