"""Compaction: many small files of a day become few large ones; the same rows, the same offsets.

Copy-on-write: the new files are written beside the old ones, then one commit takes the old ones out
and puts the new ones in. Delivery goes on meanwhile; the commit is tried over when delivery came
first, and given up when a file that it rewrote is gone.

A day that still grows is compacted by size tiers, as in a log-structured merge tree: files are put
together with files of about their size, so that a row is rewritten a few times only, not each time
that a new file comes.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.manifest import DataFile

from madang.core.errors import CancelledError, CorruptionError, FencedError
from madang.lake.catalog import lake_errors
from madang.lake.files import to_location
from madang.lake.merge import merged
from madang.lake.pinned import PinnedFile
from madang.lake.sorted_merge import merged_sorted
from madang.lake.table import LakeTable
from madang.lake.transaction import live_files, replace_files
from madang.lake.types import to_arrow
from madang.lake.writer import DAY_US, DayFile, discard, sort_keys
from madang.project import CompactionSpec

if TYPE_CHECKING:
    from pyiceberg.table import Table

_MOST_FILES: Final = 64
"""Files that one step reads side by side; fewer of a wide table, for each open column has its
buffers."""
_MOST_OPEN_COLUMNS: Final = 8192
_LEAST_TIER_BYTES: Final = 64 * 1024
_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class CompactionReport:
    """What a compaction did: ``files_before`` files of one partition became ``files_after``."""

    table: str
    partition: str | None
    files_before: int
    files_after: int
    size_before_bytes: int
    size_after_bytes: int
    rows: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class CompactionPlan:
    """Files of one day to be put together."""

    day: int | None
    files: tuple[PinnedFile, ...]


def plan_compaction(
    files: Iterable[PinnedFile], spec: CompactionSpec, *, now_us: int, columns: int = 1
) -> CompactionPlan | None:
    """The most worthwhile step, or None; for a table of so many columns.

    A past day is due when it has ``min_files`` small files, today's when it has as many of about
    the same size.
    """
    if not spec.enabled:
        return None
    days: dict[int | None, list[PinnedFile]] = defaultdict(list)
    for file in files:
        if file.size_bytes < spec.target_size * 3 // 4:
            days[file.day].append(file)
    most = max(2, min(_MOST_FILES, _MOST_OPEN_COLUMNS // max(1, columns)))
    plans = [
        CompactionPlan(day, group[:most])
        for day, small in days.items()
        for group in _groups(small, spec, hot=day is None or day >= now_us // DAY_US)
        if len(group) >= 2
    ]
    return max(plans, key=lambda plan: len(plan.files), default=None)


def _groups(
    small: Sequence[PinnedFile], spec: CompactionSpec, *, hot: bool
) -> Iterator[tuple[PinnedFile, ...]]:
    tiers: dict[int, list[PinnedFile]] = defaultdict(list)
    for file in small:
        tiers[_tier(file.size_bytes, spec.min_files) if hot else 0].append(file)
    for tier in tiers.values():
        if len(tier) >= spec.min_files:
            yield _fitting(tier, spec.target_size)


def _tier(size_bytes: int, base: int) -> int:
    return max(0, math.ceil(math.log(max(1, size_bytes / _LEAST_TIER_BYTES), base)))


def _fitting(files: Sequence[PinnedFile], target_size: int) -> tuple[PinnedFile, ...]:
    """The smallest files that together come to ``target_size``."""
    chosen: list[PinnedFile] = []
    size = 0
    for file in sorted(files, key=lambda each: each.size_bytes)[:_MOST_FILES]:
        if size + file.size_bytes > target_size * 5 // 4:
            break
        chosen.append(file)
        size += file.size_bytes
    return tuple(chosen)


def compact(
    table: LakeTable, plan: CompactionPlan, *, stop: Callable[[], bool] = lambda: False
) -> CompactionReport:
    """Put the plan's files together.

    Raises:
        CancelledError: ``stop`` said so; nothing was changed.
        FencedError: one of them is not in the table any more; nothing was changed.
        CorruptionError: the files do not hold the rows that the table says; nothing was changed.
    """
    started = time.monotonic()
    rows = sum(file.rows for file in plan.files)
    with lake_errors(f"compacting the table {table.name}"):
        written = _rewrite(table, plan, rows, stop)
        paths = {to_location_text(file.path) for file in plan.files}
        swap(table, paths, [written])
    return CompactionReport(
        table=table.name,
        partition=plan.files[0].partition,
        files_before=len(plan.files),
        files_after=1,
        size_before_bytes=sum(file.size_bytes for file in plan.files),
        size_after_bytes=written.file_size_in_bytes,
        rows=rows,
        duration_s=time.monotonic() - started,
    )


def to_location_text(path: str) -> str:
    """The Iceberg location of a path."""
    return to_location(Path(path))


def _rewrite(
    table: LakeTable, plan: CompactionPlan, rows: int, stop: Callable[[], bool]
) -> DataFile:
    state = table.state()
    schema = state.schema()
    layout = table.layout(state, schema)
    arrow: pa.Schema = to_arrow(schema)
    keys = sort_keys(schema, layout.sort_by)
    paths = [each.path for each in plan.files]
    pieces = (
        merged(paths, arrow, keys)
        if layout.form is None
        else merged_sorted(paths, arrow, keys, codes=layout.form.dictionary)
    )
    with DayFile(layout, plan.day) as file:
        for piece in pieces:
            if stop():
                raise CancelledError(f"compacting the table {table.name} was stopped")
            file.write(piece)
        written = file.finish()
        if written.record_count != rows:
            raise CorruptionError(
                f"the table {table.name} counts {rows} rows in {len(plan.files)} files of "
                f"{plan.files[0].partition}, but they hold {written.record_count}"
            )
    return written


def swap(table: LakeTable, removed: set[str], added: Sequence[DataFile]) -> None:
    """Commit ``added`` in place of the files at the locations ``removed``.

    Raises:
        FencedError: one of ``removed`` is gone; ``added`` was discarded.
    """
    for _ in range(_ATTEMPTS):
        with table.turn():
            loaded = table.load()
            before = loaded.metadata.current_snapshot_id  # a commit moves it
            found = _live(loaded, removed)
            if len(found) != len(removed):
                break
            try:
                replace_files(loaded, found, added)
            except CommitFailedException:
                # Somebody who does not take turns. The files are most likely still there.
                continue
            except Exception:
                table.discard_uncommitted(added, before)
                raise
        return
    discard(added)
    raise FencedError(f"the table {table.name} was changed while it was rewritten")


def _live(loaded: Table, wanted: set[str]) -> list[DataFile]:
    return [file for file in live_files(loaded) if file.file_path in wanted]
