"""A files source over real files and a real log, looked at by hand."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

from madang.collect.files import FilesSource, Patience
from madang.collect.files.identity import key_of
from madang.collect.source import SourceContext
from madang.core.clock import SystemClock
from madang.project import FilesSourceSpec, Project, StreamSpec
from madang.stream import RECORD_SCHEMA, Appended, LogStore


class TurnedClock(SystemClock):
    """The machine's clock, which a test turns ahead."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now_us(self) -> int:
        return super().now_us() + round(self.ahead_s * 1e6)

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ahead_s


class KilledError(BaseException):
    """What a test raises where the process is killed: nothing may handle it."""


class Fuse:
    """Kills at the n-th of the moments that are told to it, counted down from ``left``."""

    def __init__(self) -> None:
        self.left: int | None = None

    def burn(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise KilledError


class KillingStream:
    """The stream below; a fuse burns right before a batch is on disk and right after."""

    def __init__(self, stream, fuse: Fuse) -> None:
        self._stream = stream
        self._fuse = fuse

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def submit(self, batch, **more):
        self._fuse.burn()
        future = self._stream.submit(batch, **more)
        future.result()
        self._fuse.burn()
        return future


class MemoryStream:
    """What a files source asks of a stream, without the disk: for models of many short lives."""

    name = "lines"
    schema = RECORD_SCHEMA
    partitions = 1

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self._sequences: dict[str, int] = {}

    def submit(self, batch, *, partition=0, origin=None, attributes=None):
        future = Future()
        last = self._sequences.get(origin.producer)
        duplicate = last is not None and origin.sequence <= last
        if not duplicate:
            self._sequences[origin.producer] = origin.sequence
            self.values += batch["value"].to_pylist()
        future.set_result(Appended(partition, 0, batch.num_rows, 0, duplicate))
        return future

    def last_sequence(self, partition, producer):
        return self._sequences.get(producer)

    def close(self) -> None:
        pass


class Follow:
    """Restartable: ``restart`` as at an orderly end, ``crash`` as after a kill."""

    def __init__(
        self, tmp_path: Path, *, partitions: int = 1, memory=False, stream=None, **spec
    ) -> None:
        self.logs = tmp_path / "logs"
        self.logs.mkdir(exist_ok=True)
        self.root = tmp_path
        self.clock = TurnedClock()
        self.store = None
        if memory:
            self.stream = MemoryStream()
        else:
            self.store = LogStore(tmp_path / "streams", min_free_bytes=0)
            self.stream = self.store.open("lines", partitions=partitions)
        self.stream_spec = StreamSpec(name="lines", **(stream or {}))
        spec = {"paths": (str(self.logs / "**"),), "poll_interval": 0.2} | spec
        self.spec = FilesSourceSpec(kind="files", name="files", stream="lines", **spec)
        self.fuse = Fuse()
        self.target = KillingStream(self.stream, self.fuse)
        self.restart()

    def restart(self) -> None:
        if hasattr(self, "source"):
            self.source.close()
        self._start()

    def crash(self) -> None:
        """Go on as after a kill: what the source did not write yet is gone."""
        for file in self.source._files.values():
            file.close()
        journal = self.source._book._journal
        if journal is not None:
            journal.close()
        self._start()

    def killed_after(self, moments: int) -> bool:
        """Look once, killed at the n-th moment before or behind an append; whether that came."""
        self.fuse.left = moments
        try:
            self.source.poll()
        except KilledError:
            self.crash()
            return True
        finally:
            self.fuse.left = None
        return False

    def _start(self) -> None:
        context = SourceContext(
            stream=self.target,
            stream_spec=self.stream_spec,
            project=Project(directory=str(self.root)),
            directory=self.root,
            data=self.root,
            state=self.root / "state",
            clock=self.clock,
        )
        self.source = FilesSource(self.spec, context, patience=Patience(1.0, 3.0, 1.0))

    def poll(self, *, after_s: float = 0.0) -> FilesSource:
        self.clock.ahead_s += after_s
        self.source.poll()
        return self.source

    def known_bytes(self, path: Path) -> int:
        """How much of what the file holds, or held last, is known to have been read."""
        mark = self.source._book.last_held(key_of(path, path.stat()))
        return 0 if mark is None else mark.position

    def chunks(self):
        found = []
        for partition in range(self.stream.partitions):
            at = 0
            while chunks := self.stream.read(partition, at):
                found += chunks
                at = chunks[-1].end_offset
        return found

    def lines(self) -> list[str]:
        if self.store is None:
            return [value.decode() for value in self.stream.values]
        return [
            value.decode() for chunk in self.chunks() for value in chunk.batch["value"].to_pylist()
        ]

    def close(self) -> None:
        self.source.close()
        if self.store is not None:
            self.store.close()
