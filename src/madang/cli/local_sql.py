"""``madang sql --file``: the door in the command's own process, over files that it names."""

from __future__ import annotations

import getpass
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madang.cli.ending import on_signal
from madang.cli.spill_folder import spill_folder
from madang.cli.wrong_call import WrongCallError
from madang.core.errors import CancelledError, TooLargeError
from madang.core.units import format_size

if TYPE_CHECKING:
    from madang.cli.sql import Ask

_NO_LIMIT_ROWS = 10**12
_NO_LIMIT_BYTES = 2**62
_LONGEST_S = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a query may use; ``threads`` None: one for each processor."""

    memory_bytes: int
    threads: int | None
    spill_bytes: int


def local_asking(
    files: Sequence[str], body: dict[str, Any], limits: Limits, *, as_text: bool
) -> Ask:
    """Asks ``files`` (each ``name=pattern``) what ``body``, as for the API, says.

    Raises:
        MadangError: A file is missing, of no known kind, or unreadable.
    """
    from madang.query import LocalCatalog, local_table

    tables = [local_table(*_named(one), as_text=as_text) for one in files]
    names = [table.name for table in tables]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise WrongCallError(
            f"the table {twice!r} is named twice", hint="one pattern may match many files"
        )
    catalog = LocalCatalog(tables)

    @contextmanager
    def ask(form: str) -> Iterator[Iterable[bytes]]:
        from madang.query import Control, Door, Identity, QueryRequest, ResultFormat

        request = QueryRequest(
            sql=body["sql"],
            params=body.get("params"),
            identity=Identity(getpass.getuser(), "admin", "admin", "cli"),
            format=ResultFormat(form),
            max_rows=body.get("max_rows"),
            timeout_s=body.get("timeout_s"),
        )
        with spill_folder() as folder:
            door = Door(catalog, _settings(limits, folder))
            control = Control(door.timeout_s(request))
            with closing(door), on_signal(control.cancel) as signals:
                try:
                    with door.answer(request, control) as answer:
                        yield (bytes(piece) for piece in answer.pieces)
                except TooLargeError as error:
                    error.hint = _more_room(folder, limits)
                    raise
                except (CancelledError, RuntimeError):
                    # DuckDB's binding makes a RuntimeError of a signal that it meets.
                    if signals:
                        raise KeyboardInterrupt from None
                    raise

    return ask


def _more_room(folder: Path, limits: Limits) -> str:
    """What helps a query that found neither memory nor disk."""
    free = shutil.disk_usage(folder).free
    if free > limits.spill_bytes:
        return "read fewer rows or columns, or raise --memory and --spill"
    return (
        f"read fewer rows or columns, raise --memory, or set TMPDIR to a folder on a larger disk:"
        f" {folder.parent} has {format_size(free)} free"
    )


def _named(text: str) -> tuple[str, str]:
    name, equals, pattern = text.partition("=")
    if not equals or not name or not pattern:
        raise WrongCallError(
            f"{text!r} is not name=pattern", hint="--file logs='/var/log/app/*.ndjson'"
        )
    return name, pattern


def _settings(limits: Limits, folder: Path) -> Any:  # noqa: ANN401 - imported late
    from madang.query import DoorSettings, EngineSettings
    from madang.query.zone import zone_name

    threads = limits.threads or len(os.sched_getaffinity(0))
    engine = EngineSettings(
        limits.memory_bytes, threads, folder, limits.spill_bytes, zone_name(None)
    )
    return DoorSettings(engine, _NO_LIMIT_ROWS, _LONGEST_S, _NO_LIMIT_BYTES)
