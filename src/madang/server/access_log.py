"""The access log: a JSON line per request, written in batches off the hot path.

The lines are collected like any log into ``system.access_log``, so a file is only ever appended
to, in whole lines, and rotation renames: whoever follows it by inode loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Executor
from pathlib import Path
from typing import NamedTuple

import orjson

from madang.core.clock import from_us

_log = logging.getLogger(__name__)
_FLUSH_S = 0.5
_MAX_WAITING = 50_000


class Access(NamedTuple):
    """One request. ``path`` comes without its query, which may hold secrets.

    ``user`` is who asked, or the owner of the token that did. ``token`` is the token's id;
    ``token_name`` is what its owner calls it, which tells nothing for sure.
    """

    ended_at_us: int
    method: str
    route: str
    path: str
    status: int
    duration_s: float
    bytes_in: int
    bytes_out: int
    user: str | None
    client: str | None
    agent: str | None
    token: str | None = None
    token_name: str | None = None


class AccessLog:
    """Buffers requests and appends them to a file twice a second while there are any.

    Used from one event loop. A file that cannot be written drops lines, counted and said once a
    batch, never requests.

    Args:
        path: ``logs/access.jsonl``.
        executor: Where files are written.
        max_file_bytes: The file is rotated to ``access.jsonl.1`` at this size.
        backups: Rotated files that are kept.
    """

    def __init__(
        self,
        path: Path,
        executor: Executor,
        *,
        max_file_bytes: int = 16 * 2**20,
        backups: int = 4,
    ) -> None:
        self._path = path
        self._executor = executor
        self._max_file_bytes = max_file_bytes
        self._backups = backups
        self._waiting: list[Access] = []
        self._task: asyncio.Task[None] | None = None
        self._dropped = 0

    def write(self, access: Access) -> None:
        """Note a request; returns at once."""
        if len(self._waiting) >= _MAX_WAITING:
            self._dropped += 1
            return
        self._waiting.append(access)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._flush_later())

    async def close(self) -> None:
        """Write what is waiting."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._flush()

    async def _flush_later(self) -> None:
        while self._waiting:
            await asyncio.sleep(_FLUSH_S)
            # Shielded: a batch taken out of the buffer is written even if the server stops now.
            await asyncio.shield(self._flush())
        self._task = None

    async def _flush(self) -> None:
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._executor, self._append, batch)
        except OSError as error:
            self._dropped += len(batch)
            _log.warning(
                "access log lines dropped", extra={"lines": self._dropped, "reason": str(error)}
            )

    def _append(self, batch: list[Access]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            if file.tell() and not _ends_with_newline(self._path):
                file.write(b"\n")
            file.write(b"".join(map(_line, batch)))
            size = file.tell()
        if size >= self._max_file_bytes:
            self._rotate()

    def _rotate(self) -> None:
        for number in range(self._backups - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{number + 1}"))
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))


def _ends_with_newline(path: Path) -> bool:
    # A line cut off by a crash or a full disk must not swallow the next one.
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"


def _line(access: Access) -> bytes:
    fields = {
        "ts": from_us(access.ended_at_us).isoformat(timespec="microseconds"),
        "method": access.method,
        "route": access.route,
        "path": access.path,
        "status": access.status,
        "duration_ms": round(access.duration_s * 1000, 3),
        "bytes_in": access.bytes_in,
        "bytes_out": access.bytes_out,
        "user": access.user,
        "token": access.token,
        "token_name": access.token_name,
        "client": access.client,
        "agent": access.agent,
    }
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
