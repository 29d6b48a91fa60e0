"""Dead letters, appended to their stream again after a fix.

Exactly once by default, even if this is killed half way. Letters are taken in runs that are the
same on every try: cut at multiples of 256, up to an end that is committed before the first append
(group ``replay.intent``). Each run's appends carry origins that are not forgotten, so that what was
appended but not committed (group ``replay``) is not appended twice, however late it goes on.

Each copy names the record that it is a copy of (:mod:`madang.lake.replays`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from madang.core.errors import ConflictError, InvalidInputError
from madang.lake.replays import LOG, REPLAY_OF, REPLAYED
from madang.project.reading import READING
from madang.stream import RECORD_SCHEMA, LogStream, Origin

REPLAY_GROUP = "replay"
_INTENT_GROUP = "replay.intent"
_CODE = "replay.code."
_CODE_INTENT = "replay.begun-code."
_RUN_LETTERS = 256
_RUN_GROUPS = 4096
"""More than a run can have groups: each letter is in one."""
_DROPPED = (READING, REPLAYED, REPLAY_OF)
_READ_BYTES = 8 * 2**20
_TIMEOUT_S = 60.0
_PARTITION = 0
"""Dead letters have one partition: they are few, and their order is that of delivery."""
_running: set[str] = set()
_running_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Replayed:
    """``count`` letters of those from ``from_offset`` to before ``to_offset`` were appended."""

    count: int
    from_offset: int
    to_offset: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Which letters were replayed: all below ``below``, and of some codes more than these."""

    below: int
    further: Mapping[str, int]

    def reached(self, code: str) -> int:
        """Letters with the reason ``code`` below this offset were replayed."""
        return max(self.below, self.further.get(_code_group(code), 0))


def replayed_to(dead: LogStream) -> int:
    """Dead letters below this offset were replayed, or are gone."""
    return max(dead.committed(REPLAY_GROUP).get(_PARTITION, 0), dead.bounds(_PARTITION).earliest)


def taken(dead: LogStream) -> Taken:
    """What was replayed so far, in turn or by its code alone."""
    below = replayed_to(dead)
    groups = [name for name in dead.groups() if name.startswith(_CODE)]
    offsets = {name: dead.committed(name).get(_PARTITION, 0) for name in groups}
    return Taken(below, {name: offset for name, offset in offsets.items() if offset > below})


def replay(
    dead: LogStream,
    stream: LogStream,
    *,
    from_offset: int | None = None,
    to_offset: int | None = None,
    code: str | None = None,
) -> Replayed:
    """Append dead letters to ``stream`` again, in the partition and as what they came.

    Args:
        dead: The dead letters of ``stream``.
        stream: Where they came from.
        from_offset: The first one. With a bound, letters are appended even if they were before.
        to_offset: Behind the last one.
        code: Only those with this code.

    Raises:
        ConflictError: another replay of the stream is under way.
        InvalidInputError: the stream is a typed one, or the bounds are none.
        StorageFullError: the disk is full; what was appended so far stays appended.
    """
    if not stream.schema.equals(RECORD_SCHEMA):
        raise InvalidInputError(f"{stream.name!r} is a typed stream: its letters have no bytes")
    for bound in (from_offset, to_offset):
        if bound is not None and bound < 0:
            raise InvalidInputError(f"an offset is not negative: {bound}")
    with _running_lock:
        if dead.name in _running:
            raise ConflictError(f"a replay of {stream.name!r} is under way already")
        _running.add(dead.name)
    try:
        if from_offset is not None or to_offset is not None:
            return _range(dead, stream, from_offset, to_offset, code)
        if code is not None:
            _finish_others(dead, stream, _code_group(code))
            return _by_code(dead, stream, _code_group(code))
        _finish_others(dead, stream, None)
        return _in_turn(dead, stream)
    finally:
        with _running_lock:
            _running.discard(dead.name)


def _in_turn(dead: LogStream, stream: LogStream, *, begun_only: bool = False) -> Replayed:
    start, end = replayed_to(dead), dead.bounds(_PARTITION).end
    intent = min(dead.committed(_INTENT_GROUP).get(_PARTITION, 0), end)
    count, at = 0, start
    # What was begun before is finished first, in the same runs.
    for until in (intent,) if begun_only else (intent, end):
        if until <= at:
            continue
        dead.commit(_INTENT_GROUP, {_PARTITION: until})
        for run in _runs(dead, at, until):
            fresh = _not_yet_by_code(dead, run.letters)
            count += _append(fresh, stream, _Turn(_producer(dead), run.base))
            dead.commit(REPLAY_GROUP, {_PARTITION: run.until})
        dead.commit(REPLAY_GROUP, {_PARTITION: until})
        at = until
    return Replayed(count, start, max(start, end))


def _by_code(
    dead: LogStream, stream: LogStream, group: str, *, begun_only: bool = False
) -> Replayed:
    """Like :func:`_in_turn`, of the letters whose code has the group."""
    begun = group.replace(_CODE, _CODE_INTENT, 1)
    start = max(replayed_to(dead), dead.committed(group).get(_PARTITION, 0))
    end = dead.bounds(_PARTITION).end
    intent = min(dead.committed(begun).get(_PARTITION, 0), end)
    count, at = 0, start
    for until in (intent,) if begun_only else (intent, end):
        if until <= at:
            continue
        dead.commit(begun, {_PARTITION: until})
        for run in _runs(dead, at, until):
            chosen = _with_group(run.letters, group)
            producer = f"{_producer(dead)}:{group.removeprefix(_CODE)}"
            count += _append(chosen, stream, _Turn(producer, run.base))
            dead.commit(group, {_PARTITION: run.until})
        dead.commit(group, {_PARTITION: until})
        at = until
    return Replayed(count, start, max(start, end))


def _finish_others(dead: LogStream, stream: LogStream, group: str | None) -> None:
    """Finish what was begun and killed, where it was not what is asked for now.

    Its origins differ from those of another way to choose letters: these would come twice.
    """
    done = replayed_to(dead)
    if group is not None and dead.committed(_INTENT_GROUP).get(_PARTITION, 0) > done:
        _in_turn(dead, stream, begun_only=True)
    for begun in dead.groups():
        other = begun.replace(_CODE_INTENT, _CODE, 1)
        if not begun.startswith(_CODE_INTENT) or other == group:
            continue
        taken = max(done, dead.committed(other).get(_PARTITION, 0))
        if dead.committed(begun).get(_PARTITION, 0) > taken:
            _by_code(dead, stream, other, begun_only=True)


def _range(
    dead: LogStream,
    stream: LogStream,
    from_offset: int | None,
    to_offset: int | None,
    code: str | None,
) -> Replayed:
    bounds = dead.bounds(_PARTITION)
    before = replayed_to(dead)
    start = before if from_offset is None else max(from_offset, bounds.earliest)
    end = max(start, bounds.end if to_offset is None else min(to_offset, bounds.end))
    count = 0
    for run in _runs(dead, start, end):
        chosen = run.letters if code is None else _with_code(run.letters, code)
        count += _append(chosen, stream, None)
    if code is None and start <= before < end:
        dead.commit(REPLAY_GROUP, {_PARTITION: end})
    return Replayed(count, start, end)


@dataclass(frozen=True, slots=True)
class _Run:
    """Letters from offset ``base`` to before ``until``, with their own offset as ``_offset``."""

    base: int
    until: int
    letters: pa.Table


def _runs(dead: LogStream, start: int, end: int) -> Iterator[_Run]:
    """Letters from ``start`` to ``end``, cut at multiples of 256."""
    at = start
    while at < end:
        until = min(end, (at // _RUN_LETTERS + 1) * _RUN_LETTERS)
        batches, base = [], at
        while at < until:
            chunks = dead.read(_PARTITION, at, max_bytes=_READ_BYTES)
            if not chunks:
                break
            for chunk in chunks:
                # A quarantined frame leaves a gap: those letters are gone.
                if chunk.base_offset < until:
                    batch = chunk.batch.slice(0, until - chunk.base_offset)
                    ends = range(chunk.base_offset, chunk.base_offset + batch.num_rows)
                    batch = batch.append_column("_offset", pa.array(ends, pa.int64()))
                    logs = pa.array([chunk.attributes.get(LOG)] * batch.num_rows, pa.string())
                    batches.append(batch.append_column("_log", logs))
                at = min(until, chunk.end_offset)
                if at >= until:
                    break
        if batches:
            yield _Run(base, until, pa.Table.from_batches(batches))
        at = until


def _with_code(letters: pa.Table, code: str) -> pa.Table:
    return letters.filter(pc.equal(letters["code"], code))


def _with_group(letters: pa.Table, group: str) -> pa.Table:
    codes = pc.unique(letters["code"]).to_pylist()
    wanted = pa.array([code for code in codes if _code_group(code) == group], pa.string())
    return letters.filter(pc.is_in(letters["code"], value_set=wanted))


def _not_yet_by_code(dead: LogStream, letters: pa.Table) -> pa.Table:
    """``letters`` without those that a replay of their code alone has taken."""
    groups = set(dead.groups())
    for code in pc.unique(letters["code"]).to_pylist():
        if _code_group(code) not in groups:
            continue
        taken = dead.committed(_code_group(code)).get(_PARTITION, 0)
        offsets = letters["_offset"]
        mine = pc.and_(pc.equal(letters["code"], code), pc.less(offsets, taken))
        letters = letters.filter(pc.invert(mine))
    return letters


@dataclass(frozen=True, slots=True)
class _Turn:
    """Names the appends of a run, the same on every try; later runs have higher bases."""

    producer: str
    base: int


def _producer(dead: LogStream) -> str:
    # Letters of another log begin at offset 0 again: they are other letters.
    return f"replay:{dead.name}@{dead.identity.id}"


def _append(letters: pa.Table, stream: LogStream, turn: _Turn | None) -> int:
    if not letters.num_rows:
        return 0
    count = 0
    for number, (part, attributes, group) in enumerate(_groups(letters)):
        origin = None
        if turn is not None:
            origin = Origin(turn.producer, turn.base * _RUN_GROUPS + number + 1)
        # One after the other: a later one that succeeds says that those before it have.
        appended = stream.submit(
            _as_records(group, stream.identity.id),
            partition=part if part < stream.partitions else 0,
            origin=origin,
            attributes={**attributes, REPLAYED: "true"},
        )
        count += appended.result(_TIMEOUT_S).count
    return count


def _groups(letters: pa.Table) -> Iterator[tuple[int, dict[str, str], pa.Table]]:
    """Letters by partition and attributes, each in order: a batch has one set of attributes."""
    members: dict[tuple[int, tuple[tuple[str, str], ...]], list[int]] = {}
    keys = zip(letters["partition"].to_pylist(), letters["attributes"].to_pylist(), strict=True)
    for position, (part, attributes) in enumerate(keys):
        # The stream may have been mended by another format: a letter is read as it says now.
        kept = sorted(pair for pair in attributes or () if pair[0] not in _DROPPED)
        members.setdefault((part, tuple(kept)), []).append(position)
    for (part, attributes), rows in members.items():
        yield part, dict(attributes), letters.take(pa.array(rows))


def _as_records(letters: pa.Table, log: str) -> pa.RecordBatch:
    firsts = [_first(letter, log) for letter in letters.drop_columns(["value"]).to_pylist()]
    pairs = [None if first is None else [(REPLAY_OF, first)] for first in firsts]
    headers = pa.array(pairs, RECORD_SCHEMA.field("headers").type)
    columns = [letters["ts"], letters["key"], headers, letters["value"]]
    table = pa.Table.from_arrays(columns, schema=RECORD_SCHEMA)
    return table.combine_chunks().to_batches()[0]


def _first(letter: dict[str, Any], log: str) -> str | None:
    """The place of the record that a letter was first; None where that is in another log."""
    if letter["_log"] != log:
        return None
    before = dict(letter["attributes"] or ()).get(REPLAY_OF)
    return before or f"{letter['partition']}/{letter['offset']}"


def _code_group(code: str) -> str:
    return _CODE + re.sub(r"[^a-z0-9_-]", "-", code.lower())[:80]
