"""What befell records on their way into a table: what delivery leaves in ``run/`` of it.

Rows whose arrival stands in for their event time, and values that no column took. The role
``deliver`` counts, every other process reads. The counts go on over restarts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson

from madang.core.datadir import DataDir
from madang.lake import Misfit, Tally
from madang.operate.health import DELIVERY_FILE, MISFITS_AT, MISFITS_FIELD

if TYPE_CHECKING:
    from madang.lake import DeliveryState

_TIMES_FIELD = "time_fallbacks"
_TIMES_AT = "time_fallback_us"
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Tallies(Generic[_Key]):
    """Those of one stream, by reason; ``last_us``: when the last one reached its table."""

    reasons: Mapping[_Key, Tally]
    last_us: int | None

    @property
    def count(self) -> int:
        """Of all reasons."""
        return sum(one.count for one in self.reasons.values())


@dataclass(frozen=True, slots=True)
class StreamTallies:
    """All that is counted of one stream, on its way into ``table``."""

    table: str
    time_fallbacks: Tallies[str]
    misfits: Tallies[Misfit]

    @classmethod
    def of(cls, state: DeliveryState) -> StreamTallies:
        """As a delivery counted."""
        return cls(
            state.table,
            Tallies(state.time_fallbacks, state.time_fallback_at_us),
            Tallies(state.misfits, state.misfit_at_us),
        )

    def resume(self, state: DeliveryState) -> None:
        """Let a new delivery of the stream count on; misfits only where it fills the same table."""
        state.time_fallbacks = dict(self.time_fallbacks.reasons)
        state.time_fallback_at_us = self.time_fallbacks.last_us
        if state.table == self.table:
            state.misfits = dict(self.misfits.reasons)
            state.misfit_at_us = self.misfits.last_us

    def fields(self) -> dict[str, Any]:
        """As delivery's state says it; :func:`read_tallies` reads it."""
        return {
            _TIMES_FIELD: {key: _written(one) for key, one in self.time_fallbacks.reasons.items()},
            _TIMES_AT: self.time_fallbacks.last_us,
            MISFITS_FIELD: [
                {"column": key.column, "reason": key.reason, **_written(one)}
                for key, one in self.misfits.reasons.items()
            ],
            MISFITS_AT: self.misfits.last_us,
        }


def read_tallies(data: DataDir) -> dict[str, StreamTallies]:
    """Of every stream; a file that is missing or damaged says that there is nothing."""
    try:
        states = orjson.loads((data.run / DELIVERY_FILE).read_bytes())
        return {name: _read(state) for name, state in states.items()}
    except (OSError, AttributeError, KeyError, TypeError, ValueError):
        return {}


def read_time_fallbacks(data: DataDir) -> dict[str, Tallies[str]]:
    """Streams that had records without a usable event time."""
    found = {name: one.time_fallbacks for name, one in read_tallies(data).items()}
    return {name: one for name, one in found.items() if one.count}


def read_misfits(data: DataDir) -> dict[str, StreamTallies]:
    """Streams that had values which no column took."""
    return {name: one for name, one in read_tallies(data).items() if one.misfits.count}


def _written(one: Tally) -> dict[str, Any]:
    return {"count": one.count, "example": one.example}


def _tally(one: Mapping[str, Any]) -> Tally:
    return Tally(int(one["count"]), one["example"])


def _read(state: Mapping[str, Any]) -> StreamTallies:
    times = {reason: _tally(one) for reason, one in state.get(_TIMES_FIELD, {}).items()}
    misfits = {
        Misfit(one["column"], one["reason"]): _tally(one) for one in state.get(MISFITS_FIELD, [])
    }
    return StreamTallies(
        state.get("table", ""),
        Tallies(times, state.get(_TIMES_AT)),
        Tallies(misfits, state.get(MISFITS_AT)),
    )
