"""The store of a push gateway: one thread checks, keeps and acknowledges pushes in their order."""

from __future__ import annotations

import errno
import heapq
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from madang.collect.pushgateway.consistency import Consistency
from madang.collect.pushgateway.families import InconsistentPushError, StoredFamily
from madang.collect.pushgateway.group import Group
from madang.collect.pushgateway.group_files import NO_IDS, GroupFiles, GroupState
from madang.collect.pushgateway.grouping import group_key
from madang.collect.pushgateway.series import NO_SERIES
from madang.core.clock import Clock, SystemClock
from madang.core.errors import (
    MadangError,
    OverloadedError,
    StorageFullError,
    UnavailableError,
)

_log = logging.getLogger(__name__)
_MOST_WAITING = 1000
_MOST_AT_ONCE = 256
_US = 1_000_000
_LOOK_S = 60.0
"""How often the settings are asked again while there are groups."""
_PAUSE_S = 1.0
ENDED_MATTERS_US = 600 * _US
"""A series that ended so long ago needs no mark any more: it is not looked back to."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Push:
    """A push that was read and checked by itself.

    ``families`` are None for one that failed this: its group remembers when. ``replaces`` tells
    ``PUT`` from ``POST``.
    """

    labels: Mapping[str, str]
    families: Mapping[bytes, StoredFamily] | None
    at_us: int
    replaces: bool = False
    ttl_s: float | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """A group is to go, or all of them, where ``labels`` are None."""

    labels: Mapping[str, str] | None
    at_us: int


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a group that is on disk: what it is now, and which of its series have ended.

    ``number`` counts changes. ``labels`` are those of ``ended``, or nothing where they are not
    known any more.
    """

    number: int
    key: bytes
    group: Group | None
    ended: npt.NDArray[np.int64]
    labels: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class _Forget:
    """All changes up to one are in the stream."""

    number: int


@dataclass(slots=True)
class _Work:
    request: Push | Delete | _Forget
    done: Future[None] | None = None


@dataclass(slots=True)
class _Batch:
    """What was done since the last write: the states before it, who waits, and what changed."""

    before: dict[bytes, Group | None] = field(default_factory=dict)
    waiting: list[tuple[_Work, set[bytes], MadangError | None]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


class PushStore:
    """Groups of pushed metrics, each on disk before it is acknowledged.

    Args:
        folder: Where groups are kept.
        default_ttl_s: How long a group lives after its last push, where that did not say; None for
            ever. Asked again at every change.
        changed: Told of every change that is on disk, in order, from the store's thread.
        clock: Injected time.
    """

    def __init__(
        self,
        folder: Path,
        *,
        default_ttl_s: Callable[[], float | None] = lambda: None,
        changed: Callable[[Sequence[Change]], None] = lambda changes: None,
        clock: Clock | None = None,
    ) -> None:
        self._files = GroupFiles(folder)
        self._default_ttl_s = default_ttl_s
        self._changed = changed
        self._clock = clock or SystemClock()
        self._groups: dict[bytes, Group] = {}
        self._consistency = Consistency()
        self._expiries: list[tuple[int, bytes]] = []
        self._scheduled: dict[bytes, int] = {}
        """By group, the entry of ``_expiries`` that counts; it may be too early, not too late."""
        self._ttl_seen_s: float | None = None
        self._condition = threading.Condition()
        self._queue: deque[_Work] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._number = 0
        self._owed: dict[bytes, list[tuple[int, npt.NDArray[np.int64]]]] = {}
        """By group and number of the change, series whose end is not known to be in the stream."""
        self._tombs: dict[bytes, int] = {}
        """Groups that were deleted, by what change, whose files still say so."""
        self.broken: tuple[Path, ...] = ()
        """Files that could not be read at the start, where they are now."""

    def open(self) -> None:
        """Read the groups that are on disk.

        Raises:
            OSError: they cannot be read.
        """
        states, broken = self._files.load()
        self.broken = tuple(broken)
        now_us = self._clock.now_us()
        self._ttl_seen_s = self._default_ttl_s()
        changes = []
        for state in states:
            key, group = group_key(state.labels), state.group
            ended = state.ended
            if now_us - state.ended_at_us > ENDED_MATTERS_US:
                ended = NO_IDS
            if group is not None:
                self._groups[key] = group
                self._consistency.add(group.families.values())
                self._schedule(group)
                ended = ended[~np.isin(ended, group.series.ids)]
            changes.append(self._next_change(key, group, ended))
        if changes:
            self._changed(changes)
            with self._condition:
                self._start()

    def groups(self) -> list[Group]:
        """All groups as they are now; any thread."""
        return list(self._groups.values())

    @property
    def full(self) -> bool:
        """Whether so many pushes wait that no further one is taken."""
        return len(self._queue) >= _MOST_WAITING

    def submit(self, request: Push | Delete) -> Future[None]:
        """Have a push done; the future ends when its group is on disk.

        Raises (from the future): InconsistentPushError for a push that does not go with the other
        groups, StorageFullError, UnavailableError when the store is closed or its disk fails,
        OverloadedError where too many wait.
        """
        done: Future[None] = Future()
        with self._condition:
            if self._closed:
                done.set_exception(UnavailableError("the push gateway is closed"))
            elif self.full:
                done.set_exception(OverloadedError("write queue is full"))
            else:
                self._queue.append(_Work(request, done))
                self._start()
                self._condition.notify()
        return done

    def forget(self, number: int) -> None:
        """All changes up to this one are in the stream: the ends they brought are no more owed."""
        if not self._owed and not self._tombs:
            return
        with self._condition:
            if not self._closed:
                self._queue.append(_Work(_Forget(number)))
                self._condition.notify()

    def close(self) -> None:
        """Do what was submitted, then stop."""
        with self._condition:
            self._closed = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join()
        self._files.close()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pushgateway", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._queue and not self._closed:
                    wait_s = self._until_expiry_s()
                    if wait_s is not None and wait_s <= 0:
                        break
                    self._condition.wait(wait_s)
                if self._closed and not self._queue:
                    return
                works = [self._queue.popleft() for _ in range(min(_MOST_AT_ONCE, len(self._queue)))]
            try:
                failed = self._work([*works, *self._expired()])
            except Exception as error:  # noqa: BLE001 -- a bug; the next pushes are kept again
                _log.exception("pushes could not be kept")
                failed = True
                for work in works:
                    _end(work, UnavailableError(f"the push could not be kept: {error}"))
            if failed and not works:  # what has outlived its time is tried again later
                with self._condition:
                    self._condition.wait(_PAUSE_S)

    def _work(self, works: Sequence[_Work]) -> bool:
        """Do what is asked for, in order; whether something could not be written."""
        batch = _Batch()
        for work in works:
            request = work.request
            if isinstance(request, _Forget):
                self._forget(request.number)
            elif isinstance(request, Delete):
                self._delete(work, request, batch)
            else:
                self._push(work, request, batch)
        failed = self._write(batch)
        for key in failed:
            self._take_back(key, batch)
        changes = [change for change in batch.changes if change.key not in failed]
        if changes:
            self._changed(changes)
        for work, keys, error in batch.waiting:
            unwritten = [_disk_error(failed[key]) for key in keys & failed.keys()]
            _end(work, unwritten[0] if unwritten else error)
        return bool(failed)

    def _forget(self, number: int) -> None:
        for key, owed in list(self._owed.items()):
            self._owed[key] = [one for one in owed if one[0] > number]
            if not self._owed[key]:
                del self._owed[key]
        for key, at in list(self._tombs.items()):
            if at <= number:
                del self._tombs[key]
                self._files.remove(key)

    def _take_back(self, key: bytes, batch: _Batch) -> None:
        """A group could not be written: it is again what it was."""
        self._put(key, batch.before[key])
        numbers = {change.number for change in batch.changes if change.key == key}
        owed = [one for one in self._owed.pop(key, []) if one[0] not in numbers]
        if owed:
            self._owed[key] = owed
        if self._tombs.get(key) in numbers:
            del self._tombs[key]

    def _push(self, work: _Work, push: Push, batch: _Batch) -> None:
        key = group_key(push.labels)
        group = self._groups.get(key)
        begun = group or Group(push.labels, {}, push.at_us, push.ttl_s)
        error: MadangError | None = None
        if push.families is None:
            changed = begun.failed(push.at_us)
        else:
            try:
                changed = begun.pushed(
                    push.families, push.at_us, replaces=push.replaces, ttl_s=push.ttl_s
                )
                self._check(group, changed)
            except InconsistentPushError as refused:
                error, changed = refused, begun.failed(push.at_us)
        self._change(key, changed, batch)
        batch.waiting.append((work, {key}, error))

    def _check(self, before: Group | None, after: Group) -> None:
        """Hold what a push changes against all that stays."""
        old = {} if before is None else before.families
        new = [family for name, family in after.families.items() if old.get(name) is not family]
        gone = [family for name, family in old.items() if after.families.get(name) is not family]
        self._consistency.remove(gone)
        try:
            self._consistency.check(new)
        finally:
            self._consistency.add(gone)

    def _delete(self, work: _Work, delete: Delete, batch: _Batch) -> None:
        keys = list(self._groups) if delete.labels is None else [group_key(delete.labels)]
        found = {key for key in keys if key in self._groups}
        for key in found:
            self._change(key, None, batch)
        batch.waiting.append((work, found, None))

    def _change(self, key: bytes, after: Group | None, batch: _Batch) -> None:
        before = self._groups.get(key)
        batch.before.setdefault(key, before)
        self._put(key, after)
        gone = _gone(before, after)
        ended = NO_IDS if before is None else before.series.ids[gone]
        labels = [] if before is None else [before.series.labels[at] for at in gone.tolist()]
        batch.changes.append(self._next_change(key, after, ended, labels))

    def _next_change(
        self,
        key: bytes,
        group: Group | None,
        ended: npt.NDArray[np.int64],
        labels: Sequence[bytes] = (),
    ) -> Change:
        self._number += 1
        if len(ended):
            self._owed.setdefault(key, []).append((self._number, ended))
        if group is None:
            self._tombs[key] = self._number
        else:
            self._tombs.pop(key, None)
        return Change(self._number, key, group, ended, labels)

    def _put(self, key: bytes, after: Group | None) -> None:
        before = self._groups.get(key)
        if before is not None:
            self._consistency.remove(before.families.values())
        if after is None:
            self._groups.pop(key, None)
            return
        self._consistency.add(after.families.values())
        self._groups[key] = after
        self._schedule(after)

    def _write(self, batch: _Batch) -> dict[bytes, OSError]:
        now_us = self._clock.now_us()
        states = []
        for key, before in batch.before.items():
            group = self._groups.get(key)
            if group is None and before is None:
                continue
            labels = group.labels if group is not None else before.labels if before else {}
            owed = [ids for _, ids in self._owed.get(key, ())]
            ended = np.unique(np.concatenate(owed or [NO_IDS]))
            states.append(GroupState(labels, group, ended, now_us))
        return self._files.write(states) if states else {}

    def _schedule(self, group: Group) -> None:
        at_us = group.expires_at_us(self._ttl_seen_s)
        if at_us is not None and at_us < self._scheduled.get(group.key, at_us + 1):
            self._scheduled[group.key] = at_us
            heapq.heappush(self._expiries, (at_us, group.key))

    def _until_expiry_s(self) -> float | None:
        """Seconds until a group may have to go; None where none has an end."""
        default_s = self._default_ttl_s()
        if default_s != self._ttl_seen_s:
            self._ttl_seen_s = default_s
            self._expiries.clear()
            self._scheduled.clear()
            for group in self._groups.values():
                self._schedule(group)
        if not self._groups:
            return None
        if not self._expiries:
            return _LOOK_S
        return min(_LOOK_S, (self._expiries[0][0] - self._clock.now_us()) / _US)

    def _expired(self) -> list[_Work]:
        now_us = self._clock.now_us()
        found = []
        while self._expiries and self._expiries[0][0] <= now_us:
            scheduled_us, key = heapq.heappop(self._expiries)
            if self._scheduled.get(key) != scheduled_us:
                continue
            del self._scheduled[key]
            group = self._groups.get(key)
            if group is None:
                continue
            at_us = group.expires_at_us(self._ttl_seen_s)
            if at_us is not None and at_us <= now_us:
                _log.info("the pushed group %s has outlived its time", dict(group.labels))
                found.append(_Work(Delete(group.labels, now_us)))
            else:
                self._schedule(group)
        return found


def _gone(before: Group | None, after: Group | None) -> npt.NDArray[np.intp]:
    """The places of the series that a group had and has no more."""
    if before is None:
        return np.empty(0, np.intp)
    living = (after.series if after is not None else NO_SERIES).ids
    return np.flatnonzero(~np.isin(before.series.ids, living))


def _end(work: _Work, error: MadangError | None) -> None:
    done = work.done
    if done is None or done.done() or not done.set_running_or_notify_cancel():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _disk_error(error: OSError) -> MadangError:
    if error.errno in _FULL:
        return StorageFullError(
            f"the push could not be kept: {error.strerror}", hint="free space on the disk"
        )
    return UnavailableError(f"the push could not be kept: {error}")
