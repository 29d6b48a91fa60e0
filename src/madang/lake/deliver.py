"""Delivery: a stream into its table, every record exactly once, over any crash.

One round, and why a crash between any two of its steps neither loses nor doubles a record:

1. The offsets in the table's current snapshot say where to go on. Nothing else is asked.
2. Chunks are read and decoded. Nothing is written yet.
3. Dead letters are appended to ``<stream>.dead``, each once (:mod:`madang.lake.dead_letters`).
4. Rows and the offsets reached are committed to the table in one step, fenced by the offsets of 1.
5. The consumer group ``lake`` is committed, for retention and lag; the next round repairs it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from madang.core.clock import Clock, SystemClock
from madang.core.errors import ConflictError, CorruptionError, MadangError, StorageFullError
from madang.lake.dead_letters import DeadLetterWriter
from madang.lake.decoder import OFFSET_COLUMN, Decoder
from madang.lake.doubles import met_fractions, whole_fields
from madang.lake.lake import Lake
from madang.lake.lineage import Source, offsets_of, source_at, starts
from madang.lake.replays import Place, stored_rows, without_doubles
from madang.lake.row_buffer import RowBuffer, runs
from madang.lake.table import CommitReport, LakeTable
from madang.lake.tally import Misfit, Tally, added, folded
from madang.lake.widening import widen
from madang.project import DeliverSpec, TableSpec
from madang.stream import Chunk, Stream

GROUP: Final = "lake"
"""The consumer group that delivery commits."""
_LOG = logging.getLogger(__name__)
_READ_BYTES: Final = 8 * 2**20
_RUN_BYTES: Final = 8 * 2**20
"""Chunks are decoded when this much is waiting, so that a commit is not one long stall."""
_RUN_CELLS: Final = 16_000_000
"""The same in rows × columns: a wide table takes memory for every null, too."""
_CATCH_UP_BYTES: Final = 128 * 2**20
_DECODED_BYTES: Final = 256 * 2**20
"""A commit is due when this much is decoded, however little raw input it was."""
_INTERVAL_S: Final = 0.5
_BACK_OFF_S: Final = (1.0, 60.0)
_SHORT_BACK_OFF_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Step:
    """What a poll did: if it ``worked``, poll again at once, else at ``wake_at_s`` (monotonic)."""

    worked: bool
    wake_at_s: float


@dataclass(slots=True)
class DeliveryState:
    """How a delivery stands; counters count since this process began.

    ``offsets``: partition → the next offset to be delivered. ``waiting_records`` and
    ``waiting_bytes`` are read but not committed. ``misfits``: values that stand in ``_rest``, of at
    most 100 fields and reasons, the others together; ``misfit_at_us``: when the last such row was
    committed. ``time_fallbacks``: rows without a usable event
    time, by reason; ``time_fallback_at_us``: when the last such row was committed. ``gaps`` are
    records that the stream no longer has (quarantined or expired). ``error`` is why it does not go
    on; None when it does.
    """

    stream: str
    table: str
    offsets: dict[int, int] = field(default_factory=dict)
    waiting_records: int = 0
    waiting_bytes: int = 0
    oldest_waiting_us: int | None = None
    rows: int = 0
    dead_letters: int = 0
    misfits: dict[Misfit, Tally] = field(default_factory=dict)
    misfit_at_us: int | None = None
    time_fallbacks: dict[str, Tally] = field(default_factory=dict)
    time_fallback_at_us: int | None = None
    gaps: int = 0
    commits: int = 0
    last_commit: CommitReport | None = None
    last_commit_at_us: int | None = None
    error: MadangError | None = None
    failures: int = 0


class Deliverer:
    """Delivers one stream into one table. One thread polls it; any thread may read ``state``.

    Args:
        lake: Where the table is, or will be created with the first rows.
        stream: What is delivered.
        decoder: Turns its chunks into rows.
        table: Full name of the table.
        spec: Buffering and sorting.
        dead_letters: Opens the stream ``<stream>.dead`` (of ``DEAD_LETTER_SCHEMA``) when needed.
        table_spec: Descriptions of the table.
        clock: Injected time.
        on_step: Called with the name of each step after it is done; tests crash there.
    """

    def __init__(
        self,
        lake: Lake,
        stream: Stream,
        decoder: Decoder,
        table: str,
        *,
        spec: DeliverSpec,
        dead_letters: Callable[[], Stream],
        table_spec: TableSpec | None = None,
        clock: Clock | None = None,
        on_step: Callable[[str], None] | None = None,
    ) -> None:
        self._lake = lake
        self._stream = stream
        self._decoder = decoder
        self._spec = spec
        self._table_spec = table_spec
        self._clock = clock or SystemClock()
        self._dead = DeadLetterWriter(stream, dead_letters)
        self._on_step = on_step or (lambda _: None)
        self.state = DeliveryState(stream.name, table)
        self._table: LakeTable | None = None
        self._buffer: RowBuffer | None = None
        self._chunks: list[Chunk] = []
        self._chunk_bytes = 0
        self._stored: dict[int, int] = {}
        self._position: dict[int, int] = {}
        self._reached: dict[int, int] = {}
        self._source: Source | None = None
        self._turn = 0
        self._gaps = 0
        self._retry_at_s = 0.0
        self._kept_whole: set[str] = set()
        self._read_anew = False
        self._reading_since_s = 0.0

    def poll(self) -> Step:
        """Do one piece of work, if there is any: read, decode, or commit. Never raises.

        Costs a look at the stream's bounds when nothing has arrived.
        """
        now_s = self._clock.monotonic_s()
        if now_s < self._retry_at_s:
            return Step(False, self._retry_at_s)
        try:
            worked = self._advance(now=False)
        except Exception as error:  # noqa: BLE001  (one table's trouble must not stop the others)
            self._fail(error)
            return Step(False, self._retry_at_s)
        return Step(worked, now_s if worked else now_s + self._pause_s())

    def flush(self, *, read: bool = True) -> bool:
        """Commit what was read, whatever its age; for shutdown.

        Args:
            read: Whether to read once more before. Not where another delivery takes over: what has
                come since may be for another table.

        Returns:
            Whether nothing that was read is left; otherwise ``state.error`` tells why.
        """
        try:
            self._advance(now=True, read=read)
            if self._read_anew and read:
                self._advance(now=True)
        except Exception as error:  # noqa: BLE001  (the stream keeps the data)
            self._fail(error)
        return not self.state.waiting_records

    def _pause_s(self) -> float:
        oldest = self.state.oldest_waiting_us
        if oldest is None:
            return _INTERVAL_S
        left_s = self._spec.buffer_time - self._age_s(oldest)
        return min(_INTERVAL_S, max(0.0, left_s))

    def _age_s(self, oldest_us: int) -> float:
        """How long the oldest record has waited; since it was read, if the clock went back."""
        here_s = self._clock.monotonic_s() - self._reading_since_s
        return max(here_s, (self._clock.now_us() - oldest_us) / 1_000_000)

    def _advance(self, *, now: bool, read: bool = True) -> bool:
        if self._buffer is None and not (read and self._begin()):
            return False
        read_bytes = self._read() if read else 0
        backlog = read_bytes >= _READ_BYTES // 2
        if self._chunk_bytes >= _RUN_BYTES or self._run_cells() >= _RUN_CELLS:
            self._decode()
            backlog = True
        if self._due(backlog=backlog, now=now):
            self._decode()
            self._commit(read=read)
            return True
        return backlog

    def _begin(self) -> bool:
        """Find out where to go on, when there is something to go on with."""
        if self._position and not self._arrived():
            return False
        exists = self._lake.exists(self.state.table)
        self._table = self._open_table() if exists else None
        offsets = self._table.offsets() if self._table else {}
        self._source = self._table.sources().get(self._stream.name) if self._table else None
        self._stored = offsets_of(self._stream, offsets)
        self._position = starts(self.state.table, self._stream, self._stored, self._source)
        self._reached = dict(self._position)
        self.state.offsets = dict(self._position)
        self._commit_group()
        if not self._arrived():
            self.state.error = None
            return False
        schema = self._table.state().schema() if self._table else None
        self._buffer = RowBuffer(self._stream.name, self._decoder, schema)
        return True

    def _open_table(self) -> LakeTable:
        return self._lake.table(self.state.table, spec=self._table_spec, sort_by=self._spec.sort_by)

    def _arrived(self) -> bool:
        return any(
            self._stream.bounds(partition).end > self._position.get(partition, 0)
            for partition in range(self._stream.partitions)
        )

    def _key(self, partition: int) -> str:
        return f"{self._stream.name}/{partition}"

    def _read(self) -> int:
        """Read once, partitions taking turns; returns the bytes."""
        partitions = self._stream.partitions
        for step in range(partitions):
            partition = (self._turn + step) % partitions
            position = self._position.setdefault(partition, 0)
            if self._stream.bounds(partition).end <= position:
                continue
            chunks = self._stream.read(partition, position, max_bytes=_READ_BYTES)
            if not chunks:
                continue
            self._turn = partition + 1
            for chunk in chunks:
                self._take(chunk)
            self._on_step("read")
            return sum(int(chunk.batch.nbytes) for chunk in chunks)
        return 0

    def _take(self, chunk: Chunk) -> None:
        state = self.state
        gap = chunk.base_offset - self._position[chunk.partition]
        if gap > 0:
            self._gaps += gap
            _LOG.warning(
                "%d records of %s from offset %d on are not in the stream any more",
                gap,
                self._key(chunk.partition),
                self._position[chunk.partition],
            )
        self._position[chunk.partition] = chunk.end_offset
        self._chunks.append(chunk)
        self._chunk_bytes += chunk.batch.nbytes
        state.waiting_bytes += chunk.batch.nbytes
        state.waiting_records += chunk.batch.num_rows
        oldest = state.oldest_waiting_us
        if oldest is None:
            self._reading_since_s = self._clock.monotonic_s()
        state.oldest_waiting_us = min(oldest or chunk.appended_at_us, chunk.appended_at_us)

    def _run_cells(self) -> int:
        assert self._buffer is not None
        records = sum(int(chunk.batch.num_rows) for chunk in self._chunks)
        return records * self._buffer.columns

    def _decode(self) -> None:
        if not self._chunks:
            return
        assert self._buffer is not None
        for run in runs(self._chunks):
            self._buffer.add(run)
        self._chunks, read_bytes, self._chunk_bytes = [], self._chunk_bytes, 0
        if read_bytes >= _RUN_BYTES:
            for partition, offset in self._position.items():
                self._stream.evict(partition, offset)
        self._on_step("decoded")

    def _due(self, *, backlog: bool, now: bool) -> bool:
        state = self.state
        if state.oldest_waiting_us is None:
            return False
        assert self._buffer is not None
        age_s = self._age_s(state.oldest_waiting_us)
        limit = self._spec.buffer_size
        if age_s > 2 * self._spec.buffer_time + 5:
            limit = max(limit, min(4 * limit, _CATCH_UP_BYTES))
        if state.waiting_bytes >= limit or self._buffer.size_bytes >= _DECODED_BYTES:
            return True
        return now or (age_s >= self._spec.buffer_time and not backlog)

    def _commit(self, *, read: bool = True) -> None:
        assert self._buffer is not None
        # Whoever may not read again commits what was read as it is.
        if read and self._widened(self._buffer):
            self._forget()
            self._read_anew = True
            return
        self._read_anew = False
        buffer, state = self._buffer, self.state
        assert state.oldest_waiting_us is not None
        rows, dead = buffer.rows(), buffer.dead()
        since_us = state.oldest_waiting_us
        if since_us > self._clock.now_us():
            since_us = 0  # the clock went back: letters may be dated before their records
        state.dead_letters += self._dead.append(dead, since_us=since_us)
        self._on_step("dead_letters")
        table = self._table or self._create(rows)
        rows = without_doubles(rows, buffer.copies, self._stored_rows)
        source = self._source_now()
        # Partitions of a log that this one follows, and does not have.
        gone = {partition: 0 for partition in self._stored if partition not in self._position}
        report = table.commit(
            rows,
            expected=self._named(self._stored),
            reached=self._named(gone | self._position),
            sources={self._stream.name: source},
        )
        self._on_step("committed")
        state.rows += rows.num_rows
        state.gaps += self._gaps
        state.commits += 1
        state.last_commit, state.last_commit_at_us = report, self._clock.now_us()
        if buffer.misfits:
            state.misfits = folded(state.misfits, buffer.misfits)
            state.misfit_at_us = state.last_commit_at_us
        if buffer.time_fallbacks:
            state.time_fallbacks = added(state.time_fallbacks, buffer.time_fallbacks)
            state.time_fallback_at_us = state.last_commit_at_us
        state.error, state.failures = None, 0
        self._stored, self._reached = dict(self._position), dict(self._position)
        self._source = source
        state.offsets = dict(self._position)
        self._clear()
        self._commit_group()
        self._on_step("group")

    def _widened(self, buffer: RowBuffer) -> bool:
        """Whether columns that met fractions are doubles now; then everything is read again."""
        met = met_fractions(buffer.misfits) - self._kept_whole
        if not met or self._table is None:
            return False
        wanted = met & whole_fields(self._table.state().schema())
        wanted -= buffer.inexact(wanted)  # as if they were in the table already
        expected = self._named(self._stored)
        try:
            done = wanted and widen(self._table, wanted, expected=expected, on_step=self._on_step)
        except CorruptionError as error:
            # An old file that cannot be read is no reason to deliver nothing more.
            _LOG.warning("%s keep whole numbers: %s", ", ".join(sorted(wanted)), error)
            done = None
        if done:
            self._on_step("widened")
            return True
        # Where it cannot be once, it is not tried at each commit: such a table only grows.
        self._kept_whole |= wanted
        return False

    def _stored_rows(self, wanted: set[Place]) -> set[Place]:
        # In a table of two logs, a place does not tell the record.
        if self._table is None or self._stream.identity.follows:
            return set()
        pinned = self._table.pin()
        paths = [file.path for file in pinned.files]
        return stored_rows(
            paths, lambda number: pinned.bounds(pinned.files[number], OFFSET_COLUMN), wanted
        )

    def _source_now(self) -> Source:
        before = self._source
        if before is None or before.id != self._stream.identity.id:
            return source_at(self._stream, self._position, None)
        moved = {p: at for p, at in self._position.items() if at != self._reached.get(p)}
        return source_at(self._stream, moved, before)

    def _create(self, rows: pa.Table) -> LakeTable:
        self._table = self._lake.create(
            self.state.table, rows.schema, spec=self._table_spec, sort_by=self._spec.sort_by
        )
        self._on_step("created")
        return self._table

    def _named(self, offsets: Mapping[int, int]) -> dict[str, int]:
        return {self._key(partition): offset for partition, offset in offsets.items()}

    def _commit_group(self) -> None:
        try:
            committed = self._stream.committed(GROUP)
        except CorruptionError as error:
            _LOG.warning("%s: it is written anew from the table", error)
            committed = {}
        # Where this table has nothing yet, another one may have had it: retention waits for this.
        reached = {partition: self._reached.get(partition, 0) for partition in self._position}
        if any(committed.get(p, 0) != offset for p, offset in reached.items()):
            self._stream.commit(GROUP, reached)

    def _clear(self) -> None:
        state = self.state
        self._buffer, self._chunks, self._chunk_bytes, self._gaps = None, [], 0, 0
        state.waiting_records = state.waiting_bytes = 0
        state.oldest_waiting_us = None

    def _forget(self) -> None:
        self._clear()
        self._table, self._stored, self._position = None, {}, {}
        self._reached, self._source = {}, None

    def _fail(self, error: Exception) -> None:
        """Forget what was read, wait, and go on from the table's offsets."""
        state = self.state
        self._forget()
        state.failures += 1
        least, most = _BACK_OFF_S
        pause_s = min(most, least * 2 ** min(state.failures - 1, 10))
        if isinstance(error, StorageFullError | ConflictError):
            # Somebody makes room, or says what to do: then it should not take a minute.
            pause_s = min(pause_s, _SHORT_BACK_OFF_S)
        self._retry_at_s = self._clock.monotonic_s() + pause_s
        if not isinstance(error, MadangError):
            _LOG.exception("delivering %s failed", self._stream.name, exc_info=error)
            error = MadangError(
                f"delivering {self._stream.name} to {state.table} failed: "
                f"{type(error).__name__}: {error}"
            )
        elif type(error) is not type(state.error):
            _LOG.warning("delivering %s to %s: %s", self._stream.name, state.table, error)
        state.error = error
