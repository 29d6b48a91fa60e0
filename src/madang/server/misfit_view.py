"""Values that no column took, as models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from madang.operate.tallies import StreamTallies
from madang.server.models.base import maybe_instant
from madang.server.models.misfits import MisfitRow, Misfits


def misfits_of(table: str, found: Iterable[StreamTallies]) -> Misfits:
    """Those of one table, of all streams that fill it."""
    rows: list[MisfitRow] = []
    last_us: list[int] = []
    for stream in found:
        if stream.table != table:
            continue
        last_us += [stream.misfits.last_us] if stream.misfits.last_us else []
        rows += [
            MisfitRow(
                column=key.column,
                reason=cast(Any, key.reason),
                count=one.count,
                example=one.example,
            )
            for key, one in stream.misfits.reasons.items()
        ]
    return Misfits(
        count=sum(row.count for row in rows),
        last_at=maybe_instant(max(last_us, default=None)),
        columns=sorted(rows, key=lambda row: -row.count),
    )
