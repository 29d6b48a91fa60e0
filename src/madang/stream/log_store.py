"""The store: every stream under one folder, opened once per process."""

from __future__ import annotations

import base64
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pyarrow as pa

from madang.core.clock import Clock, SystemClock
from madang.core.errors import CorruptionError, InvalidInputError, UnavailableError
from madang.core.names import check_stream_name, unknown
from madang.stream.folder import replace_file, sync_folder
from madang.stream.log_stream import LogSettings, LogStream
from madang.stream.partition_lock import FileLock
from madang.stream.port import RECORD_SCHEMA
from madang.stream.recovery import RecoveryReport
from madang.stream.schema_change import check_schema, merge
from madang.stream.space import DiskSpace

_THREADS = 8
_FORMAT = 1
_DESCRIPTION = "stream.json"
MAX_PARTITIONS = 1024


class _Description(msgspec.Struct):
    """``stream.json``: what a stream is, for every process that opens it."""

    name: str
    partitions: int
    schema: str
    """The Arrow IPC schema message, base64."""
    created_at_us: int
    format: int = _FORMAT


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
        with self._mutex:
            if self._closed:
                raise UnavailableError("the store of streams is closed")
            described = self._describe(name, schema, partitions)
            found_schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(described.schema)))
            stream = self._streams.get(name)
            if stream is None or stream.closed:
                stream = LogStream(
                    name, self.root / name, found_schema, described.partitions, self._settings
                )
                self._streams[name] = stream
            else:
                if not stream.schema.equals(found_schema):
                    stream.schema = found_schema
                stream.grow(described.partitions)
            return stream

    def _describe(
        self, name: str, schema: pa.Schema | None, partitions: int | None
    ) -> _Description:
        """``stream.json`` as it stands, after what was asked for was taken over."""
        if partitions is not None and not 1 <= partitions <= MAX_PARTITIONS:
            raise InvalidInputError(f"a stream cannot have {partitions} partitions")
        folder = self.root / name
        known = self._read(name)
        if known is not None and schema is None and partitions is None:
            return known
        created = not folder.exists()
        folder.mkdir(exist_ok=True)
        if created:
            sync_folder(self.root)
        lock = FileLock(folder / ".lock")
        try:
            with lock.held():
                known = self._read(name)
                if known is None:
                    wanted = check_schema(name, RECORD_SCHEMA if schema is None else schema)
                    after = _Description(
                        name, partitions or 1, _encode(wanted), self._clock.now_us()
                    )
                else:
                    after = _changed(known, schema, partitions)
                if after != known:
                    replace_file(folder / _DESCRIPTION, msgspec.json.encode(after))
        finally:
            lock.close()
        return after

    def _read(self, name: str) -> _Description | None:
        path = self.root / name / _DESCRIPTION
        try:
            raw = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            found = msgspec.json.decode(raw, type=_Description)
        except msgspec.DecodeError as error:
            raise CorruptionError(
                f"{path} cannot be read: {error}", hint="restore it from a backup"
            ) from error
        if found.format > _FORMAT:
            raise CorruptionError(
                f"{path} has format {found.format}, this Madang reads up to {_FORMAT}"
            )
        return found

    def get(self, name: str) -> LogStream:
        """The stream ``name``, which must exist; cheap once it is open, for every request.

        Partitions or columns that another process added are seen after :meth:`open`.

        Raises:
            NotFoundError: it does not exist; the hint has the near match.
        """
        stream = self._streams.get(name)
        if stream is not None and not stream.closed:
            return stream
        if self._read(check_stream_name(name)) is None:
            raise unknown("stream", name, self.names())
        return self.open(name)

    def names(self) -> list[str]:
        """The streams on disk, in order of name."""
        return sorted(path.parent.name for path in self.root.glob(f"*/{_DESCRIPTION}"))

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


def _encode(schema: pa.Schema) -> str:
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def _changed(known: _Description, schema: pa.Schema | None, partitions: int | None) -> _Description:
    after = _Description(
        known.name, known.partitions, known.schema, known.created_at_us, known.format
    )
    if partitions is not None and partitions < known.partitions:
        raise InvalidInputError(
            f"the stream {known.name!r} has {known.partitions} partitions, {partitions} were asked",
            hint="partitions can be added, never removed",
        )
    if partitions is not None:
        after.partitions = partitions
    if schema is not None:
        old = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(known.schema)))
        merged = merge(known.name, old, check_schema(known.name, schema))
        if not merged.equals(old):
            after.schema = _encode(merged)
    return after
