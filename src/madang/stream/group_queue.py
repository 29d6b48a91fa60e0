"""Group commit: callers queue their batches, one thread leads, a whole group is written at once."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

import pyarrow as pa

from madang.core.errors import MadangError, OverloadedError, UnavailableError
from madang.core.units import format_size
from madang.stream.pending import PendingBatch

WAITING_BYTES = 256 * 2**20
_GROUPS_PER_TURN = 8


class GroupQueue:
    """Batches that wait for one partition.

    While a group is on its way to disk, the next one gathers. The thread that leads comes from a
    small pool, only while something waits.

    Args:
        name: What a caller is told when it is refused.
        commit: Writes a group and resolves its futures; never raises.
        pool: Where leaders come from.
        group_bytes: A group is not larger, unless its first batch is.
    """

    def __init__(
        self,
        name: str,
        commit: Callable[[list[PendingBatch]], None],
        *,
        pool: Executor,
        group_bytes: int,
    ) -> None:
        self._name = name
        self._commit = commit
        self._pool = pool
        self._group_bytes = group_bytes
        self._mutex = threading.Lock()
        self._idle = threading.Condition(self._mutex)
        self._waiting: deque[PendingBatch] = deque()
        self._waiting_bytes = 0
        self._leading = False
        self._closed = False
        self._owner = os.getpid()

    def put(self, pending: PendingBatch) -> None:
        """Queue ``pending``; its future is resolved by the group that takes it.

        Raises:
            UnavailableError: closed, or opened before the process was forked.
            OverloadedError: over 256 MiB are waiting already.
        """
        if os.getpid() != self._owner:
            raise UnavailableError(
                f"{self._name} was opened before this process was forked",
                hint="open streams after forking",
            )
        with self._mutex:
            if self._closed:
                raise UnavailableError("the stream is closed")
            if self._waiting_bytes and self._waiting_bytes + pending.size_bytes > WAITING_BYTES:
                raise OverloadedError(
                    f"{format_size(self._waiting_bytes)} are waiting for the disk",
                    hint="send more slowly, or use more partitions",
                )
            self._waiting.append(pending)
            self._waiting_bytes += pending.size_bytes
            if self._leading:
                return
            self._leading = True
        self._start_turn()

    def _start_turn(self) -> None:
        try:
            self._pool.submit(self._lead)
        except RuntimeError:
            # The interpreter is going and starts no more work in threads: the caller leads.
            while group := self._next_group():
                self._commit(group)

    def _lead(self) -> None:
        for _ in range(_GROUPS_PER_TURN):
            group = self._next_group()
            if not group:
                return
            self._commit(group)
        # Let other partitions have the thread.
        self._start_turn()

    def _next_group(self) -> list[PendingBatch]:
        with self._mutex:
            group: list[PendingBatch] = []
            size = 0
            while self._waiting:
                pending = self._waiting[0]
                if group and (
                    size + pending.size_bytes > self._group_bytes
                    or not _same(pending.schema, group[0].schema)
                ):
                    break
                size += pending.size_bytes
                group.append(self._waiting.popleft())
            self._waiting_bytes -= size
            if not group:
                self._leading = False
                self._idle.notify_all()
            return group

    def close(self) -> None:
        """Take nothing more, and wait until what was taken is committed."""
        with self._idle:
            self._closed = True
            self._idle.wait_for(lambda: not self._leading)


def _same(one: pa.Schema, other: pa.Schema) -> bool:
    return one is other or one.equals(other, check_metadata=True)


def fail_all(group: list[PendingBatch], error: MadangError) -> None:
    """Resolve the futures of ``group`` with ``error``; those that were cancelled are left."""
    for pending in group:
        if pending.future.set_running_or_notify_cancel():
            pending.future.set_exception(error)
