"""Old states and old rows: snapshots are thinned and expired, days beyond ``keep`` are dropped."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pyiceberg.exceptions import CommitFailedException

from madang.core.errors import FencedError
from madang.lake.catalog import lake_errors
from madang.lake.compaction import swap, to_location_text
from madang.lake.state import Snapshot
from madang.lake.table import LakeTable
from madang.lake.transaction import forget
from madang.lake.writer import DAY_US, day_text

FULL_HISTORY_S: Final = 900.0
"""So far back every commit can be travelled to."""
THIN_HISTORY_S: Final = 300.0
"""Further back, one commit in so many seconds: a day of history is 400 snapshots, not 8,640."""
_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class ExpiryReport:
    """Snapshots that went, and that are left. Their files go with the orphans."""

    table: str
    expired: int
    left: int


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """Rows that went because their day is older than the table's ``keep``."""

    table: str
    before: str
    files: int
    rows: int
    size_bytes: int


def expired_snapshots(history: Sequence[Snapshot], *, keep_s: float, now_us: int) -> list[int]:
    """Ids of the snapshots that may go; never the latest one.

    Args:
        history: Oldest first.
        keep_s: Time travel reaches back this far: the state at its far end stays, too.
        now_us: The time now.
    """
    reach_us = now_us - round(keep_s * 1_000_000)
    full_us = now_us - round(FULL_HISTORY_S * 1_000_000)
    slot_us = round(THIN_HISTORY_S * 1_000_000)
    thinned = [
        snapshot
        for snapshot, following in itertools.pairwise(history)
        # Of a slot, the last state stays.
        if following.at_us >= full_us or snapshot.at_us // slot_us != following.at_us // slot_us
    ]
    left = {
        snapshot.snapshot_id
        for snapshot, following in itertools.pairwise([*thinned, *history[-1:]])
        if following.at_us > reach_us
    }
    return [each.snapshot_id for each in history[:-1] if each.snapshot_id not in left]


def expire(table: LakeTable, snapshot_ids: Sequence[int]) -> ExpiryReport:
    """Remove snapshots from the table's history.

    Raises:
        FencedError: the table changed each time that it was tried.
    """
    wanted = set(snapshot_ids)
    with lake_errors(f"expiring snapshots of the table {table.name}"):
        for _ in range(_ATTEMPTS):
            with table.turn():
                loaded = table.load()
                known = {each.snapshot_id for each in loaded.metadata.snapshots}
                gone = (wanted & known) - {loaded.metadata.current_snapshot_id}
                try:
                    if gone:
                        forget(loaded, gone)
                except CommitFailedException:
                    continue
            return ExpiryReport(table.name, len(gone), len(known) - len(gone))
    raise FencedError(f"the table {table.name} was changed {_ATTEMPTS} times during one expiry")


def drop_old_days(table: LakeTable, *, keep_s: float, now_us: int) -> RetentionReport | None:
    """Remove the files of days that ended more than ``keep_s`` ago; None if there are none.

    Raises:
        FencedError: the files were rewritten meanwhile; try again.
    """
    first_day = (now_us - round(keep_s * 1_000_000)) // DAY_US
    old = [file for file in table.pin().files if file.day is not None and file.day < first_day]
    if not old:
        return None
    with lake_errors(f"dropping old days of the table {table.name}"):
        swap(table, {to_location_text(file.path) for file in old}, [])
    return RetentionReport(
        table=table.name,
        before=day_text(first_day),
        files=len(old),
        rows=sum(file.rows for file in old),
        size_bytes=sum(file.size_bytes for file in old),
    )
