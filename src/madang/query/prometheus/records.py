"""Requests to Prometheus's API that are over, as rows of ``system.query_history``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from madang.core.errors import CancelledError, MadangError
from madang.core.names import SAMPLES
from madang.query.history import PROMQL, params_text, shown_text
from madang.query.prometheus.exchange import ApiRequest, ApiStats

QUERIES = frozenset({"query", "query_range", "query_exemplars"})
"""The endpoints that evaluate PromQL."""
_KEPT = ("time", "start", "end", "step", "timeout", "limit", "lookback_delta")


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that is over."""

    request: ApiRequest
    stats: ApiStats
    started_at_us: int
    status: int
    """That of the answer; 499 where nobody took it."""
    error_code: str = ""
    error: str = ""
    """Empty where all went well."""

    @property
    def state(self) -> str:
        """``done``, ``cancelled`` or ``failed``."""
        if self.status == CancelledError.status or self.error_code == "canceled":
            return "cancelled"
        return "failed" if self.error else "done"


def refused(request: ApiRequest, error: BaseException, began_us: int, now_us: int) -> Answered:
    """A request that nobody answered."""
    told = error if isinstance(error, MadangError) else CancelledError("the reader went away")
    waited_s = max(now_us - began_us, 0) / 1e6
    return Answered(
        request,
        ApiStats(duration_s=waited_s),
        began_us,
        told.status,
        told.code,
        str(told),
    )


def history_row(answered: Answered) -> dict[str, Any] | None:
    """A row of ``QUERY_HISTORY_SCHEMA``; None where no PromQL was to be evaluated."""
    request, stats = answered.request, answered.stats
    if request.endpoint not in QUERIES:
        return None
    identity = request.identity
    params = {name: value for name, value in request.pairs if name in _KEPT}
    return {
        "ts": answered.started_at_us + round(stats.duration_s * 1_000_000),
        "query_id": request.request_id,
        "user": identity.user,
        "client": identity.client,
        "sql": shown_text(request.text("query") or ""),
        "params": params_text(params or None),
        "format": "json",
        "state": answered.state,
        "error_code": answered.error_code or None,
        "error": answered.error or None,
        "tables": [SAMPLES],
        "rows": stats.series,
        "result_bytes": stats.result_bytes,
        "truncated": False,
        "started_at": answered.started_at_us,
        "duration_s": stats.duration_s,
        "queued_s": request.queued_s,
        "user_id": identity.user_id,
        "token": identity.token,
        "token_name": identity.token_name,
        "language": PROMQL,
        "samples_read": stats.samples,
    }
