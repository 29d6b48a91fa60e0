"""The first of many texts, without sorting or keeping them all."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable

_SLACK = 1_000


def first_texts(texts: Collection[str], limit: int) -> list[str]:
    """The first ``limit`` texts in order; 0: all, sorted."""
    if not limit or len(texts) <= limit:
        return sorted(texts)
    return heapq.nsmallest(limit, texts)


def first_of(parts: Iterable[Iterable[str]], limit: int) -> list[str]:
    """The same of several lists together, each text once."""
    found: set[str] = set()
    for part in parts:
        found.update(part)
        if limit and len(found) > 2 * limit + _SLACK:
            found = set(heapq.nsmallest(limit, found))
    return first_texts(found, limit)
