"""Which table a stream fills, who fills it, and how long that may take.

Most streams are delivered as their specs say. ``metrics.samples`` is not: the role ``metrics``
takes its samples into the head, answers from there, and writes the tables every few minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

from madang.core.names import SAMPLES
from madang.project import StreamSpec

_SAMPLES_DUE_S = 600.0
"""Twice as long as the head waits before it is written."""


@dataclass(frozen=True, slots=True)
class FilledTable:
    """A table and the consumer group that fills it.

    Attributes:
        name: The table's.
        group: Commits the offsets up to which the table has the stream.
        due_s: A record that is younger need not be in the table yet: nobody waits for it.
    """

    name: str
    group: str = "lake"
    due_s: float = 0.0


def filled_table(spec: StreamSpec) -> FilledTable | None:
    """The table that the stream fills; None if nobody delivers it."""
    if spec.name == SAMPLES:
        return FilledTable(SAMPLES, "metrics", _SAMPLES_DUE_S)
    return None if spec.table is None else FilledTable(spec.table)
