"""Records without a usable event time, as models."""

from __future__ import annotations

from typing import Any, cast

from madang.operate.tallies import Tallies
from madang.server.models.base import maybe_instant
from madang.server.models.overview import StreamTimeFallbacks, TimeFallbackRow
from madang.server.models.overview import TimeFallbacks as TimeFallbacksModel

NOTHING: Tallies[str] = Tallies({}, None)


def time_fallbacks_of(found: Tallies[str]) -> TimeFallbacksModel:
    """Those of one stream."""
    return TimeFallbacksModel(**_fields(found))


def by_stream(found: dict[str, Tallies[str]]) -> list[StreamTimeFallbacks]:
    """Those of all streams, by name."""
    return [StreamTimeFallbacks(stream=name, **_fields(found[name])) for name in sorted(found)]


def _fields(found: Tallies[str]) -> dict[str, Any]:
    rows = [
        TimeFallbackRow(reason=cast(Any, reason), count=one.count, example=one.example)
        for reason, one in found.reasons.items()
    ]
    return {
        "count": found.count,
        "last_at": maybe_instant(found.last_us),
        "reasons": sorted(rows, key=lambda row: -row.count),
    }
