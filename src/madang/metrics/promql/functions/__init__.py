"""The functions of PromQL, by name."""

from __future__ import annotations

from madang.metrics.promql.functions import (
    absence,
    buckets,
    dates,
    elementwise,
    info,
    labels,
    ordering,
    over_time,
    rates,
    trends,
)
from madang.metrics.promql.functions.family import Function

FUNCTIONS: dict[str, Function] = {
    **absence.FUNCTIONS,
    **buckets.FUNCTIONS,
    **dates.FUNCTIONS,
    **elementwise.FUNCTIONS,
    **info.FUNCTIONS,
    **labels.FUNCTIONS,
    **ordering.FUNCTIONS,
    **over_time.FUNCTIONS,
    **rates.FUNCTIONS,
    **trends.FUNCTIONS,
}

__all__ = ["FUNCTIONS"]
