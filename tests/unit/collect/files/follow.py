"""A files source over real files and a real log, looked at by hand."""

from __future__ import annotations

from pathlib import Path

from madang.collect.files import FilesSource, Patience
from madang.collect.source import SourceContext
from madang.core.clock import SystemClock
from madang.project import FilesSourceSpec, Project, StreamSpec
from madang.stream import LogStore


class TurnedClock(SystemClock):
    """The machine's clock, which a test turns ahead."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now_us(self) -> int:
        return super().now_us() + round(self.ahead_s * 1e6)

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ahead_s


class Follow:
    """Restartable: ``restart`` forgets everything that is not on disk, as a crash does."""

    def __init__(self, tmp_path: Path, *, partitions: int = 1, stream=None, **spec) -> None:
        self.logs = tmp_path / "logs"
        self.logs.mkdir(exist_ok=True)
        self.root = tmp_path
        self.clock = TurnedClock()
        self.store = LogStore(tmp_path / "streams", min_free_bytes=0)
        self.stream = self.store.open("lines", partitions=partitions)
        self.stream_spec = StreamSpec(name="lines", **(stream or {}))
        spec = {"paths": (str(self.logs / "**"),), "poll_interval": 0.2} | spec
        self.spec = FilesSourceSpec(kind="files", name="files", stream="lines", **spec)
        self.target = self.stream
        self.restart()

    def restart(self) -> None:
        context = SourceContext(
            stream=self.target,
            stream_spec=self.stream_spec,
            project=Project(directory=str(self.root)),
            directory=self.root,
            data=self.root,
            state=self.root / "state",
            clock=self.clock,
        )
        self.source = FilesSource(self.spec, context, patience=Patience(1.0, 3.0))

    def poll(self, *, after_s: float = 0.0) -> FilesSource:
        self.clock.ahead_s += after_s
        self.source.poll()
        return self.source

    def chunks(self):
        found = []
        for partition in range(self.stream.partitions):
            at = 0
            while chunks := self.stream.read(partition, at):
                found += chunks
                at = chunks[-1].end_offset
        return found

    def lines(self) -> list[str]:
        return [
            value.decode() for chunk in self.chunks() for value in chunk.batch["value"].to_pylist()
        ]

    def close(self) -> None:
        self.source.close()
        self.store.close()
