"""How a query is evaluated, and what it may cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from madang.core.errors import CancelledError, DeadlineError
from madang.metrics.promql.errors import QueryFailedError


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of a query; the defaults are Prometheus's."""

    lookback_ms: int = 300_000
    """How old a sample may be that a selector finds."""
    subquery_step_ms: int = 60_000
    """The step of subqueries that name none."""
    timeout_s: float = 120.0
    max_samples: int = 50_000_000
    """How many samples may be read, and values computed at once."""
    max_series: int = 0
    """How many series a selector may find; 0 is any number."""
    experimental: bool = False
    """Whether experimental functions are switched on."""
    delayed_name_removal: bool = False
    """Whether the metric's name stays until the end of the query, where a function drops it."""
    start_timestamps: bool = False
    """Whether start timestamps of samples count; without it they are as if they were not there."""
    typed_labels: bool = False
    """Whether ``__type__`` and ``__unit__`` are dropped where the metric's name is."""


@dataclass(slots=True)
class Budget:
    """What a query may cost, and has cost so far.

    ``gone`` is asked now and then whether nobody waits for the answer any more; it has to be cheap.
    """

    options: Options
    samples: int = 0
    series: int = 0
    """How many series the answer has."""
    cancelled: bool = False
    gone: Callable[[], bool] | None = None
    histograms: bool = False
    """Whether any selector has found a native histogram."""
    _started: float = field(default_factory=time.monotonic)

    def check_time(self) -> None:
        """Raise if the query is to end.

        Raises:
            DeadlineError: it took too long.
            CancelledError: somebody set ``cancelled``, or whoever asked is gone.
        """
        if self.cancelled or (self.gone is not None and self.gone()):
            raise CancelledError("the query was cancelled")
        if time.monotonic() - self._started > self.options.timeout_s:
            raise DeadlineError(
                f"the query took longer than {self.options.timeout_s:g} s",
                hint="ask for less time, fewer series or a longer step",
            )

    def read(self, samples: int, series: int) -> None:
        """Count what a selector found.

        Raises:
            QueryFailedError: it is too much.
        """
        self.samples += samples
        if self.samples > self.options.max_samples:
            raise QueryFailedError(
                "query processing would load too many samples into memory in query execution: "
                f"over {self.options.max_samples:,}",
                hint="ask for less time or fewer series",
            )
        if self.options.max_series and series > self.options.max_series:
            raise QueryFailedError(
                f"a selector finds {series:,} series, over {self.options.max_series:,}",
                hint="name more labels",
            )

    def allocate(self, series: int, steps: int) -> None:
        """Check the size of a result before it is computed.

        Raises:
            QueryFailedError: it is too large.
        """
        if series * steps > self.options.max_samples:
            raise QueryFailedError(
                "query processing would load too many samples into memory in query execution: "
                f"{series:,} series at {steps:,} steps are over {self.options.max_samples:,}",
                hint="ask for fewer series or a longer step",
            )

    @property
    def left(self) -> int:
        """How many more samples may be read, at least 1."""
        return max(self.options.max_samples - self.samples, 1)
