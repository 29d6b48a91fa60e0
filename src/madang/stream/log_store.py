"""The store: every stream under one folder, opened once per process."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from madang.core.clock import Clock, SystemClock
from madang.core.errors import UnavailableError
from madang.core.names import check_stream_name, unknown
from madang.stream.description import FILE_NAME, describe, read_description
from madang.stream.log_stream import LogSettings, LogStream
from madang.stream.recovery import RecoveryReport
from madang.stream.space import DiskSpace

_THREADS = 8


class LogStore:
    """Opens streams; one per data directory and process. Thread-safe; open it after forking.

    Args:
        root: The folder ``streams``; made if missing.
        clock: Injected time.
        segment_size_bytes: A segment that is larger is sealed and the next one begins.
        min_free_bytes: The disk's watermark: appends are refused below it.
        idempotency_window_s: How long idempotency keys are remembered.
        compression: Arrow IPC codec for batches on disk (``lz4``, ``zstd``), or None.
    """

    def __init__(
        self,
        root: Path,
        *,
        clock: Clock | None = None,
        segment_size_bytes: int = 128 * 2**20,
        min_free_bytes: int = 512 * 2**20,
        idempotency_window_s: float = 86_400.0,
        compression: str | None = None,
    ) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self._clock = clock or SystemClock()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="stream")
        self._settings = LogSettings(
            self._clock,
            self._pool,
            DiskSpace(root, min_free_bytes, self._clock),
            segment_size_bytes,
            idempotency_window_s,
            compression,
        )
        self._mutex = threading.Lock()
        self._streams: dict[str, LogStream] = {}
        self._closed = False

    @property
    def space(self) -> DiskSpace:
        """The disk that the streams lie on."""
        return self._settings.space

    def open(
        self, name: str, schema: pa.Schema | None = None, partitions: int | None = None
    ) -> LogStream:
        """The stream ``name``, created if it does not exist.

        Args:
            name: As :func:`check_stream_name` allows.
            schema: None: as it is on disk, or ``RECORD_SCHEMA`` for a new one. A wider schema is
                taken over if it only adds columns that may be null.
            partitions: None: as on disk, or 1. More than on disk are added.

        Raises:
            InvalidInputError: a bad name, or fewer partitions than there are.
            ConflictError: a schema that does not follow from the one on disk.
        """
        check_stream_name(name)
        known = self._streams.get(name)
        if (
            known is not None
            and not known.closed
            and partitions == known.partitions
            and schema is not None
            and known.schema.equals(schema)
        ):
            return known
        with self._mutex:
            if self._closed:
                raise UnavailableError("the store of streams is closed")
            described = describe(self.root / name, schema, partitions, self._clock.now_us())
            found_schema = described.arrow_schema()
            stream = self._streams.get(name)
            if stream is None or stream.closed:
                stream = LogStream(name, self.root / name, self._settings, described)
                self._streams[name] = stream
            else:
                if not stream.schema.equals(found_schema):
                    stream.schema = found_schema
                stream.grow(described.partitions)
            return stream

    def get(self, name: str) -> LogStream:
        """The stream ``name``, which must exist; cheap once it is open, for every request.

        Partitions or columns that another process added are seen after :meth:`open`.

        Raises:
            NotFoundError: it does not exist; the hint has the near match.
        """
        stream = self._streams.get(name)
        if stream is not None and not stream.closed:
            return stream
        if read_description(self.root / check_stream_name(name)) is None:
            raise unknown("stream", name, self.names())
        return self.open(name)

    def names(self) -> list[str]:
        """The streams on disk, in order of name."""
        found = {path.parent.name for path in self.root.glob(f"*/{FILE_NAME}")}
        return sorted(found | {path.parent.name for path in self.root.glob("*/p0000")})

    def recover(self) -> RecoveryReport:
        """Cut torn tails and quarantine damage in every stream; once, before the roles start.

        Scans the last segment of each partition. Safe, if slow, while others append.
        """
        began = time.monotonic()
        found = [partition for name in self.names() for partition in self.open(name).recover()]
        return RecoveryReport(tuple(found), time.monotonic() - began)

    def close(self) -> None:
        """Finish what was submitted, release files and threads."""
        with self._mutex:
            self._closed = True
            streams = list(self._streams.values())
            self._streams.clear()
        for stream in streams:
            stream.close()
        self._pool.shutdown(wait=True)

    def __enter__(self) -> LogStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
