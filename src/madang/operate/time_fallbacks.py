"""Records whose arrival stands in for their event time: what delivery leaves in ``run/`` of them.

The role ``deliver`` counts, every other process reads. The counts go on over restarts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from madang.core.datadir import DataDir
from madang.lake import TimeFallback
from madang.operate.health import DELIVERY_FILE

_FIELD = "time_fallbacks"
_AT = "time_fallback_us"


@dataclass(frozen=True, slots=True)
class TimeFallbacks:
    """Those of one stream, by reason; ``last_us``: when the last one reached its table."""

    reasons: Mapping[str, TimeFallback]
    last_us: int | None

    @property
    def count(self) -> int:
        """Of all reasons."""
        return sum(one.count for one in self.reasons.values())

    def fields(self) -> dict[str, Any]:
        """As delivery's state says it; :func:`read_time_fallbacks` reads it."""
        return {
            _FIELD: {
                reason: {"count": one.count, "example": one.example}
                for reason, one in self.reasons.items()
            },
            _AT: self.last_us,
        }


def read_time_fallbacks(data: DataDir) -> dict[str, TimeFallbacks]:
    """Streams that had any; a file that is missing or damaged says that there are none."""
    try:
        states = orjson.loads((data.run / DELIVERY_FILE).read_bytes())
        found = {name: _of(state) for name, state in states.items()}
    except (OSError, orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return {}
    return {name: one for name, one in found.items() if one.count}


def _of(state: Mapping[str, Any]) -> TimeFallbacks:
    reasons = {
        reason: TimeFallback(int(one["count"]), one["example"])
        for reason, one in state.get(_FIELD, {}).items()
    }
    return TimeFallbacks(reasons, state.get(_AT))
