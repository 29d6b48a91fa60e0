"""Names of streams, tables and sources, and the near match for a name that does not exist."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Final

from madang.core.errors import InvalidInputError, NotFoundError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_STREAM = re.compile(r"(?:[a-z][a-z0-9_]{0,62}\.)?[a-z][a-z0-9_]{0,62}(?:\.dead)?")
RULE = "lower-case letters, digits and _, first a letter, at most 63"
DEAD_SUFFIX = ".dead"
"""``orders.dead`` is the stream of the dead letters of the stream ``orders``."""
SYSTEM_NAMESPACE = "system"
"""Madang's own streams and tables; nobody else's project may define one."""
METRICS_NAMESPACE = "metrics"
"""Samples and their series; like ``system``, no project defines one of its streams or tables."""
SAMPLES: Final = "metrics.samples"
"""The one stream of all metrics' samples, and the table that it fills."""
SERIES: Final = "metrics.series"
"""The table of the series that samples are of."""
OWN_NAMESPACES = frozenset({SYSTEM_NAMESPACE, METRICS_NAMESPACE})
DEFAULT_NAMESPACE = "lake"


def is_own(name: str) -> bool:
    """Whether a stream or a table is Madang's own, which no project defines or feeds."""
    namespace, dot, rest = name.partition(".")
    return bool(dot) and namespace in OWN_NAMESPACES and is_name(rest)


def is_name(text: str) -> bool:
    """Whether ``text`` may name a stream, a table or a source in a project."""
    return _NAME.fullmatch(text) is not None


def check_stream_name(text: str) -> str:
    """``text`` if it may name a stream on disk (``orders``, ``system.logs``, ``orders.dead``).

    Raises:
        InvalidInputError: otherwise; names become folders, so nothing else passes.
    """
    if _STREAM.fullmatch(text) is None:
        raise InvalidInputError(f"{text!r} cannot name a stream", hint=f"a name is {RULE}")
    return text


def near_match(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` was probably meant to be, or None."""
    found = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def unknown(kind: str, name: str, known: Iterable[str], *, otherwise: str = "") -> NotFoundError:
    """The error for a name that does not exist, with its near match as the hint.

    Args:
        kind: What is missing, such as ``stream``.
        name: The name as it was asked for.
        known: The names that exist.
        otherwise: The hint where no name is near.
    """
    near = near_match(name, known)
    hint = f"did you mean {near!r}?" if near else otherwise or None
    return NotFoundError(f"there is no {kind} {name!r}", hint=hint)
