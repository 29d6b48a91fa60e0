"""Upkeep: what keeps the tables small, fast and clean, one step at a time, when it is due."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from madang.core.errors import CancelledError, MadangError, NotFoundError
from madang.lake.compaction import CompactionReport, compact, plan_compaction
from madang.lake.expiry import (
    ExpiryReport,
    RetentionReport,
    drop_old_days,
    expire,
    expired_snapshots,
)
from madang.lake.lake import Lake
from madang.lake.orphans import SAFE_AGE_S, OrphanReport, OrphanSweeper
from madang.lake.table import LakeTable
from madang.project import TableSpec

_LOG = logging.getLogger(__name__)
_LOOK_S: Final = 10.0
"""How often the tables are looked at: one line of the catalog each, if nothing was committed."""
_EXPIRE_S: Final = 300.0
_SWEEP_S: Final = 3600.0
_RETAIN_S: Final = 3600.0
_BACK_OFF_S: Final = (10.0, 600.0)

UpkeepReport: TypeAlias = CompactionReport | ExpiryReport | RetentionReport | OrphanReport


@dataclass(frozen=True, slots=True)
class UpkeepStep:
    """What a poll did, or None, and when to poll again (monotonic seconds)."""

    report: UpkeepReport | None
    wake_at_s: float


@dataclass(slots=True)
class _Round:
    """Where the upkeep of one table stands; times are monotonic seconds."""

    sweeper: OrphanSweeper
    compacted_at: str = ""
    look_at_s: float = 0.0
    retain_at_s: float = 0.0
    expire_at_s: float = 0.0
    sweep_at_s: float = 0.0
    failures: int = 0


@dataclass(slots=True)
class UpkeepState:
    """What upkeep did since this process began, and what it cannot do, by table."""

    steps: int = 0
    last: dict[str, UpkeepReport] = field(default_factory=dict)
    errors: dict[str, MadangError] = field(default_factory=dict)


class Upkeep:
    """Compaction, snapshot expiry, retention by days and orphans, for every table of a lake.

    Run it in one thread of one process, other than the one that delivers: a compaction takes
    seconds. Deliveries go on meanwhile.

    Args:
        lake: The tables.
        spec_of: The settings of a table.
        sort_by_of: The columns that a table's files are sorted by.
        safe_age_s: How long a file must have been an orphan before it is removed.
        reading_since_s: When the oldest read under way began (monotonic), None if there is none.
        stop: Whether the process is to end: a compaction under way is given up.
    """

    def __init__(
        self,
        lake: Lake,
        *,
        spec_of: Callable[[str], TableSpec] = lambda name: TableSpec(name=name),
        sort_by_of: Callable[[str], tuple[str, ...]] = lambda _: (),
        safe_age_s: float = SAFE_AGE_S,
        reading_since_s: Callable[[], float | None] = lambda: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._stop = stop
        self._lake = lake
        self._clock = lake.clock
        self._spec_of = spec_of
        self._sort_by_of = sort_by_of
        self._safe_age_s = safe_age_s
        self._reading_since_s = reading_since_s
        self._rounds: dict[str, _Round] = {}
        self._turn: deque[str] = deque()
        self._idle_until_s = 0.0
        self.state = UpkeepState()

    def poll(self) -> UpkeepStep:
        """Do at most one step for one table, the tables taking turns. Never raises."""
        now_s = self._clock.monotonic_s()
        if now_s < self._idle_until_s:
            return UpkeepStep(None, self._idle_until_s)
        if not self._turn:
            try:
                self._turn.extend(self._lake.names())
            except MadangError as error:
                self.state.errors["*"] = error
                return UpkeepStep(None, now_s + _BACK_OFF_S[0])
            self.state.errors.pop("*", None)
            self._forget_dropped()
        while self._turn and not self._stop():
            name = self._turn.popleft()
            report = self._guarded(name, now_s)
            if report is not None:
                self.state.steps += 1
                self.state.last[name] = report
                return UpkeepStep(report, now_s)
        self._idle_until_s = now_s + _LOOK_S
        return UpkeepStep(None, self._idle_until_s)

    def _forget_dropped(self) -> None:
        known = set(self._turn)
        for name in self._rounds.keys() - known:
            del self._rounds[name]
        for name in self.state.errors.keys() - known - {"*"}:
            del self.state.errors[name]

    def _guarded(self, name: str, now_s: float) -> UpkeepReport | None:
        found = self._rounds.get(name)
        if found is not None and now_s < found.look_at_s:
            return None
        try:
            table = self._lake.table(name, spec=self._spec_of(name), sort_by=self._sort_by_of(name))
            if found is None:
                sweeper = OrphanSweeper(
                    table,
                    self._clock,
                    safe_age_s=self._safe_age_s,
                    reading_since_s=self._reading_since_s,
                )
                found = self._rounds[name] = _Round(sweeper)
            report = self._step(table, found, now_s)
        except (NotFoundError, CancelledError):
            return None
        except Exception as error:  # noqa: BLE001  (one table's trouble must not stop the others)
            self._fail(name, found, error, now_s)
            return None
        found.failures = 0
        self.state.errors.pop(name, None)
        if report is None:
            found.look_at_s = now_s + _LOOK_S
        return report

    def _fail(self, name: str, found: _Round | None, error: Exception, now_s: float) -> None:
        if not isinstance(error, MadangError):
            _LOG.exception("upkeep of %s failed", name, exc_info=error)
            error = MadangError(f"upkeep of {name} failed: {type(error).__name__}: {error}")
        else:
            _LOG.warning("upkeep of %s: %s", name, error)
        self.state.errors[name] = error
        if found is not None:
            found.failures += 1
            least, most = _BACK_OFF_S
            found.look_at_s = now_s + min(most, least * 2 ** min(found.failures - 1, 10))

    def _step(self, table: LakeTable, found: _Round, now_s: float) -> UpkeepReport | None:
        now_us = self._clock.now_us()
        if table.spec.keep is not None and now_s >= found.retain_at_s:
            found.retain_at_s = now_s + _RETAIN_S
            retained = drop_old_days(table, keep_s=table.spec.keep, now_us=now_us)
            if retained is not None:
                return retained
        if compacted := self._compact(table, found, now_us):
            return compacted
        if now_s >= found.expire_at_s:
            found.expire_at_s = now_s + _EXPIRE_S
            history = table.state().snapshots
            gone = expired_snapshots(history, keep_s=table.spec.keep_snapshots, now_us=now_us)
            if gone:
                return expire(table, gone)
        if now_s >= found.sweep_at_s:
            swept = found.sweeper.sweep()
            # Orphans that wait are looked at again when they are old enough.
            pause_s = min(_SWEEP_S, self._safe_age_s) if swept.waiting else _SWEEP_S
            found.sweep_at_s = now_s + pause_s + 1
            return swept
        return None

    def _compact(self, table: LakeTable, found: _Round, now_us: int) -> CompactionReport | None:
        state = table.state()
        if state.location == found.compacted_at:
            return None
        pinned = table.pin()
        plan = plan_compaction(
            pinned.files, table.spec.compaction, now_us=now_us, columns=len(pinned.columns)
        )
        if plan is None:
            found.compacted_at = state.location
            return None
        return compact(table, plan, stop=self._stop)
