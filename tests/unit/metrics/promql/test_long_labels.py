"""Queries that would make labels grow without bound fail before they take the memory."""

import numpy as np
import pytest

from madang.metrics.memory import MemoryStorage
from madang.metrics.promql import Options, QueryFailedError, evaluate_instant

STORAGE = MemoryStorage()
STORAGE.append((("__name__", "a"), ("x", "y" * 50)), np.array([1000]), np.array([1.0]))


def nested(query, depth):
    for _ in range(depth):
        query = query.replace("@", "label_replace(@, 'x', '" + "$1" * 20 + "', 'x', '(.*)')")
    return query.replace("@", "a")


def test_replacements_that_multiply_are_bounded():
    result = evaluate_instant(nested("@", 3), STORAGE, 1000, Options())
    assert dict(result.series.labels[0])["x"] == "y" * 50 * 8000
    with pytest.raises(QueryFailedError, match="the label 'x' would be too long"):
        evaluate_instant(nested("@", 12), STORAGE, 1000, Options())


def test_joins_that_multiply_are_bounded():
    sources = ", ".join(["'x'"] * 20)
    query = "a"
    for _ in range(12):
        query = f"label_join({query}, 'x', '', {sources})"
    with pytest.raises(QueryFailedError, match="too long"):
        evaluate_instant(query, STORAGE, 1000, Options())
