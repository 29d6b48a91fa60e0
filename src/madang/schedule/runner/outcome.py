"""What an attempt may take, and what became of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class Ending(StrEnum):
    """How an attempt ended."""

    DONE = "done"
    """It returned, or exited with 0."""
    FAILED = "failed"
    """It raised, or exited with another code."""
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    """It took more than its limit, or the kernel ended it for want of memory."""
    KILLED = "killed"
    """A signal ended it that was not ours."""
    CANCELLED = "cancelled"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt may take.

    ``timeout_s``: wall time. ``memory_bytes``: private memory of all its processes. Output beyond
    ``output_bytes`` is read and dropped. What it returns may take ``value_bytes`` as JSON. Between
    being asked to end and being killed lie ``grace_s``.
    """

    timeout_s: float | None = None
    memory_bytes: int | None = None
    output_bytes: int = 64 * 2**20
    value_bytes: int = 2**20
    grace_s: float = 10.0


class Outcome(msgspec.Struct, kw_only=True):
    """What became of an attempt.

    ``value`` is what it returned, as JSON has it. ``error`` says in a line why it did not end well;
    ``kind`` is the name of the error's class, or the ending. ``strays`` counts processes that it
    left behind, which were killed. ``output_bytes`` were written to its log, ``dropped_bytes`` not.
    """

    ending: Ending
    value: Any = None
    error: str | None = None
    kind: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    strays: int = 0
    output_bytes: int = 0
    dropped_bytes: int = 0
    cpu_s: float = 0.0
    peak_bytes: int = 0
    duration_s: float = 0.0
