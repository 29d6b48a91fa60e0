"""Any interleaving of append, read, crash, damage behind the end and retention, against a model."""

import os
import shutil
import tempfile
from concurrent.futures import wait
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from madang.core.clock import ManualClock
from madang.core.errors import ConflictError
from madang.stream import LogStore, LogStream, Origin
from madang.stream.folder import PartitionFolder
from madang.stream.head import HeadFile
from madang.testing.folders import memory_folder
from madang.testing.records import record_batch, values_of

_PRODUCERS = st.sampled_from(["key:a", "key:b", "key:c", "file:x", "file:y"])


class LogModel(RuleBasedStateMachine):
    """Two stores, as two processes, on one folder; ``self.log`` is what was acknowledged."""

    @initialize(segment_size=st.sampled_from([800, 3000, 20_000]))
    def begin(self, segment_size: int) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="madang-model-", dir=memory_folder()))
        self.clock = ManualClock()
        self.segment_size = segment_size
        self.log: list[bytes] = []
        self.earliest = 0
        self.origins: dict[str, tuple[int, int, int]] = {}
        self.next_value = 0
        self.folder = PartitionFolder.of(self.root / "s", 0)
        self.stores: list[LogStore] = []
        self.abandoned: list[LogStore] = []
        self.start()
        self.identity = self.stores[0].open("s").identity.id
        self.head_before = self.folder.head.read_bytes()
        self.last_was: tuple[int, dict[str, tuple[int, int, int]]] | None = None

    def start(self) -> None:
        self.stores = [
            LogStore(
                self.root,
                clock=self.clock,
                segment_size_bytes=self.segment_size,
                min_free_bytes=0,
            )
            for _ in range(2)
        ]
        for store in self.stores:
            store.open("s")

    def kill(self) -> None:
        """As kill -9 does: nothing is closed, saved or flushed."""
        self.abandoned += self.stores
        self.stores = []

    def stream(self, process: int) -> LogStream:
        return self.stores[process].open("s")

    def values(self, count: int, size: int) -> list[bytes]:
        first = self.next_value
        self.next_value += count
        return [b"%d:" % number + b"x" * size for number in range(first, first + count)]

    @rule(
        process=st.integers(0, 1),
        count=st.integers(1, 5),
        size=st.sampled_from([0, 10, 500]),
        producer=st.none() | _PRODUCERS,
        step=st.integers(-1, 2),
    )
    def append(self, process: int, count: int, size: int, producer: str | None, step: int) -> None:
        before = self.folder.head.read_bytes(), len(self.log), dict(self.origins)
        values = self.values(count, size)
        known = self.origins.get(producer or "")
        sequence = (known[0] if known else 10) + step
        origin = Origin(producer, sequence) if producer else None
        future = self.stream(process).submit(record_batch(values), origin=origin)
        if known is not None and producer.startswith("key:") and sequence != known[0]:
            assert isinstance(future.exception(10), ConflictError)
            return
        answer = future.result(10)
        if known is not None and sequence <= known[0]:
            assert answer.duplicate
            assert (answer.base_offset, answer.count) == known[1:]
            return
        assert not answer.duplicate
        assert (answer.base_offset, answer.count) == (len(self.log), count)
        if producer:
            self.origins[producer] = (sequence, len(self.log), count)
        self.log += values
        self.head_before, self.last_was = before[0], before[1:]

    @rule(process=st.integers(0, 1), counts=st.lists(st.integers(1, 3), min_size=2, max_size=6))
    def append_at_once(self, process: int, counts: list[int]) -> None:
        batches = [self.values(count, 20) for count in counts]
        futures = [self.stream(process).submit(record_batch(batch)) for batch in batches]
        wait(futures, 10)
        for future, batch in zip(futures, batches, strict=True):
            assert future.result().base_offset == len(self.log)
            self.log += batch
        self.last_was = None

    @rule(process=st.integers(0, 1), seconds=st.integers(0, 3000))
    def time_passes(self, process: int, seconds: int) -> None:
        self.clock.advance(seconds / 1000)
        stream = self.stream(process)
        for producer, known in self.origins.items():
            assert stream.last_sequence(0, producer) == known[0]

    @rule(process=st.integers(0, 1), part=st.floats(0, 1), max_bytes=st.integers(1, 4000))
    def read(self, process: int, part: float, max_bytes: int) -> None:
        offset = round(part * len(self.log))
        found: list[tuple[int, bytes]] = []
        at = offset
        while chunks := self.stream(process).read(0, at, max_bytes=max_bytes):
            found += values_of(chunks)
            at = chunks[-1].end_offset
        first = max(offset, self.earliest)
        assert found == list(enumerate(self.log))[first:]

    @rule(
        process=st.integers(0, 1),
        size=st.none() | st.integers(0, 20_000),
        age=st.none() | st.integers(0, 4),
        part=st.floats(0, 1.2),
    )
    def retain(self, process: int, size: int | None, age: int | None, part: float) -> None:
        floor = round(part * len(self.log))
        stream = self.stream(process)
        stream.retain(age_s=age, size_bytes=size, floor={0: floor})
        earliest = stream.bounds(0).earliest
        assert self.earliest <= earliest <= max(floor, self.earliest)
        self.earliest = earliest
        self.last_was = None
        self.head_before = self.folder.head.read_bytes()  # retention syncs it

    @rule(
        garbage=st.binary(max_size=300),
        copied=st.integers(0, 2000),
        zeros=st.integers(0, 300),
        cut=st.floats(0, 1),
        recover=st.booleans(),
    )
    def crash(self, garbage: bytes, copied: int, zeros: int, cut: float, recover: bool) -> None:
        """A torn tail: noise, zeros, or a piece of older frames, cut anywhere behind the end."""
        self.kill()
        self.tear(garbage, copied, zeros, cut)
        self.start()
        if recover:
            report = self.stores[0].recover()
            assert not report.quarantined
        self.last_was = None

    def tear(self, garbage: bytes, copied: int, zeros: int, cut: float) -> None:
        bases = self.folder.segments()
        if not bases:
            return
        path = self.folder.segment(bases[-1])
        size = path.stat().st_size
        tail = path.read_bytes()[-copied:] if copied else b""
        torn = garbage + tail + bytes(zeros)
        with path.open("ab") as file:
            file.write(torn)
        os.truncate(path, size + round(cut * len(torn)))

    @rule(lost=st.sampled_from(["stale", "gone", "zeroed"]))
    def power_cut(self, lost: str) -> None:
        """The head was not synced, the indexes neither: what was acknowledged is found anyway."""
        self.kill()
        if lost == "stale":
            self.folder.head.write_bytes(self.head_before)
        elif lost == "gone":
            self.folder.head.unlink()
        else:
            self.folder.head.write_bytes(bytes(192))
        for base in self.folder.segments():
            self.folder.index(base).unlink(missing_ok=True)
        self.start()
        report = self.stores[1].recover()
        assert not report.quarantined
        assert report.partitions[0].end == len(self.log)
        self.head_before = self.folder.head.read_bytes()
        self.last_was = None

    @rule(process=st.integers(0, 1), recover=st.booleans())
    def killed_before_publishing(self, process: int, recover: bool) -> None:
        """The last append was written, but its writer died before anybody was told.

        Recovery keeps it, for it cannot tell; a writer that comes first overwrites it.
        """
        if self.last_was is None:
            # No precondition: how batches gather to groups, and so where segments end, is not
            # the same in every run, and hypothesis wants the same rules to be possible.
            return
        head = HeadFile(self.folder.head, 0)
        now = head.require()
        head.close()
        after = self.folder.head.read_bytes()
        self.folder.head.write_bytes(self.head_before)
        head = HeadFile(self.folder.head, 0)
        before = head.read()
        head.close()
        if before is None or before.segment_base != now.segment_base or not before.position:
            self.folder.head.write_bytes(after)
            return
        self.kill()
        self.start()
        if recover:
            assert self.stores[process].recover().partitions[0].end == len(self.log)
        else:
            self.log = self.log[: self.last_was[0]]
            self.origins = self.last_was[1]
            self.append(process, 1, 10, None, 0)
        self.last_was = None

    @rule()
    def restart(self) -> None:
        for store in self.stores:
            store.close()
        self.start()
        self.last_was = None

    @rule()
    def forget_derived(self) -> None:
        """Indexes may be lost at any time."""
        for base in self.folder.segments():
            self.folder.index(base).unlink(missing_ok=True)

    @invariant()
    def bounds(self) -> None:
        for store in self.stores:
            bounds = store.open("s").bounds(0)
            assert (bounds.earliest, bounds.end) == (self.earliest, len(self.log))
            assert not store.open("s").quarantined()
            assert store.open("s").identity.id == self.identity

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        for store in self.abandoned:
            # Closing it would write, but it is dead: only what the system would free is freed.
            store._pool.shutdown()
            for part in store._streams["s"]._parts:
                part.writer.release()
                part.partition.close()
            store._streams["s"]._groups.close()
        shutil.rmtree(self.root)


LogModel.TestCase.settings = settings(
    max_examples=int(os.environ.get("MADANG_MODEL_EXAMPLES", "40")),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestLog = LogModel.TestCase
