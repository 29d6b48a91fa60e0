"""A column of whole numbers that meets fractions becomes one of doubles: files and schema at once.

Iceberg does not promote long to double. So the old field is dropped and another one of the same
name and place, with an id of its own, is added, and every data file is written anew with the values
cast, in one commit. It is fenced by the offsets and tried over when upkeep changed the files
meanwhile; whatever is killed before the commit leaves only files that nobody refers to. Older
snapshots keep their files and their schema: time travel reads the old column.

It is done only where no value changes (a double holds whole numbers up to 2^53) and where the files
are so small that delivery can wait for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema

from madang.core.errors import CorruptionError, FencedError
from madang.lake.catalog import lake_errors
from madang.lake.doubles import EXACT, whole_ids, widened
from madang.lake.merge import merged
from madang.lake.pinned import PinnedFile, PinnedTable
from madang.lake.stats import read_bound
from madang.lake.table import LakeTable
from madang.lake.transaction import live_files, replace_files, stored_offsets
from madang.lake.types import to_arrow
from madang.lake.writer import DayFile, discard, sort_keys

MAX_BYTES: Final = 256 * 2**20
"""Size of the data files up to which a table is written anew."""
_MAX_FILES: Final = 2000
_ATTEMPTS: Final = 8
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WideningReport:
    """What a widening did; ``columns``: dotted names of the fields that are doubles now."""

    table: str
    snapshot_id: int
    columns: tuple[str, ...]
    files: int
    size_bytes: int
    duration_s: float


def may_widen(table: LakeTable, columns: Collection[str]) -> bool:
    """Whether all of ``columns`` would become doubles, as far as can be told without reading."""
    pinned, schema = table.pin(), table.state().schema()
    return pinned.snapshot_id is not None and set(columns) <= set(
        _allowed(pinned, schema, columns, MAX_BYTES).values()
    )


def widen(
    table: LakeTable,
    columns: Collection[str],
    *,
    expected: Mapping[str, int],
    max_bytes: int = MAX_BYTES,
    on_step: Callable[[str], None] = lambda _: None,
) -> WideningReport | None:
    """Make ``columns`` (dotted names of :func:`whole_fields`) doubles, durably.

    Args:
        table: The table; only its one writer may do this.
        columns: Those that met fractions; of several, those that can become doubles do.
        expected: ``<stream>/<partition>`` → the offset that the table must stand at.
        max_bytes: A table whose files are larger is left as it is.
        on_step: Called with ``rewritten`` before the commit; tests crash there.

    Returns:
        What was done; None where it cannot be: the table is too large, a double would change a
        value, or there is no such column. Nothing was changed then.

    Raises:
        FencedError: the table stands elsewhere, or upkeep came first each time; nothing was
            changed.
        CorruptionError: a file of the table cannot be read; nothing was changed.
        StorageFullError: no room; nothing was changed.
    """
    started = time.monotonic()
    for _ in range(_ATTEMPTS):
        pinned, state = table.pin(), table.state()
        current = state.current
        before = state.schema()
        if current is None or current.snapshot_id != pinned.snapshot_id:
            continue
        ids = _allowed(pinned, before, columns, max_bytes)
        if not ids:
            return None
        after = widened(before, set(ids), state.last_column_id)
        with lake_errors(f"widening the table {table.name}"):
            try:
                files = _rewritten(table, pinned.files, after)
            except pa.ArrowInvalid:
                return None  # A value that a double would round, where no bound told of it.
            except OSError as error:
                if error.errno is None:  # Parquet's word for what it cannot make sense of.
                    raise CorruptionError(f"a file of the table {table.name}: {error}") from error
                raise
            on_step("rewritten")
            try:
                snapshot_id = _commit(table, pinned, files, (before, after), expected)
            except Exception:
                table.discard_uncommitted(files, pinned.snapshot_id)
                raise
        if snapshot_id is None:
            discard(files)
            continue
        report = WideningReport(
            table=table.name,
            snapshot_id=snapshot_id,
            columns=tuple(sorted(ids.values())),
            files=len(files),
            size_bytes=sum(file.file_size_in_bytes for file in files),
            duration_s=time.monotonic() - started,
        )
        _LOG.info("%s: %s became double", table.name, ", ".join(report.columns))
        return report
    raise FencedError(f"the table {table.name} was changed {_ATTEMPTS} times during one widening")


def _allowed(
    pinned: PinnedTable, schema: Schema, columns: Collection[str], max_bytes: int
) -> dict[int, str]:
    """Id → name of those of ``columns`` that can become doubles, as far as the bounds tell."""
    if pinned.size_bytes > max_bytes or len(pinned.files) > _MAX_FILES:
        return {}
    return {
        field_id: name
        for name, field_id in whole_ids(schema.fields)
        if name in columns and _is_exact(pinned, schema, field_id)
    }


def _is_exact(pinned: PinnedTable, schema: Schema, field_id: int) -> bool:
    kind = schema.find_type(field_id)
    for file in pinned.files:
        for bound in (file.lower.get(field_id), file.upper.get(field_id)):
            value = None if bound is None else read_bound(kind, bound)
            if isinstance(value, int) and abs(value) > EXACT:
                return False
    return True


def _rewritten(table: LakeTable, files: Sequence[PinnedFile], schema: Schema) -> list[DataFile]:
    """The rows of each file in a new one; on an error none of them stays."""
    layout = table.layout(table.state(), schema)
    arrow = to_arrow(schema)
    keys = sort_keys(schema, layout.sort_by)
    written: list[DataFile] = []
    try:
        for old in files:
            with DayFile(layout, old.day) as file:
                for piece in merged([old.path], arrow, keys):
                    file.write(piece)
                written.append(file.finish())
            _check(table, old, written[-1])
    except BaseException:
        discard(written)
        raise
    return written


def _check(table: LakeTable, old: PinnedFile, new: DataFile) -> None:
    if new.record_count != old.rows:
        raise CorruptionError(
            f"the table {table.name} counts {old.rows} rows in {old.path}, "
            f"but it holds {new.record_count}"
        )


def _commit(
    table: LakeTable,
    pinned: PinnedTable,
    files: Sequence[DataFile],
    schemas: tuple[Schema, Schema],
    expected: Mapping[str, int],
) -> int | None:
    """Put ``files`` and the second schema in place; None if files or schema changed meanwhile."""
    before, after = schemas
    with table.turn():
        loaded = table.load()
        stored = stored_offsets(loaded)
        if any(stored.get(key) != offset for key, offset in expected.items()):
            discard(files)
            raise FencedError(
                f"the table {table.name} does not stand where this delivery left it: "
                "another writer delivered to it",
                hint="only one process may deliver to a table",
            )
        current = loaded.metadata.current_snapshot()
        if loaded.metadata.schema() != before or (
            current is None or current.snapshot_id != pinned.snapshot_id
        ):
            return None
        try:
            return replace_files(loaded, live_files(loaded), files, schema=after)
        except CommitFailedException:
            return None
