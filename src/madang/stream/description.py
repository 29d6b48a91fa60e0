"""``stream.json``: what a stream is, for every process that opens it."""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pyarrow as pa

from madang.core.durable_files import replace_file, sync_folder
from madang.core.errors import ConflictError, CorruptionError, InvalidInputError
from madang.core.ids import new_id
from madang.core.names import unknown
from madang.stream.consumer_groups import noted_identity
from madang.stream.folder import PartitionFolder
from madang.stream.mapped_segment import MappedSegment
from madang.stream.partition_lock import FileLock
from madang.stream.port import RECORD_SCHEMA, LogIdentity
from madang.stream.schema_change import check_schema, merge

_log = logging.getLogger(__name__)
FORMAT = 1
FILE_NAME = "stream.json"
MAX_PARTITIONS = 1024


class StreamDescription(msgspec.Struct, frozen=True):
    """What ``stream.json`` says; ``schema`` is the Arrow IPC schema message in base64.

    ``id`` and ``follows`` are those of :class:`madang.stream.LogIdentity`; partitions are text.
    """

    name: str
    partitions: int
    schema: str
    created_at_us: int
    format: int = FORMAT
    id: str = ""
    follows: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)

    def arrow_schema(self) -> pa.Schema:
        """The schema, decoded."""
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(self.schema)))

    def identity(self) -> LogIdentity:
        """Which log it is."""
        follows = {
            before: {int(number): offset for number, offset in starts.items()}
            for before, starts in self.follows.items()
        }
        return LogIdentity(self.id, follows)

    def changed(self, schema: pa.Schema | None, partitions: int | None) -> StreamDescription:
        """The description after ``schema`` and ``partitions`` were asked for; None asks nothing.

        Raises:
            InvalidInputError: fewer partitions than there are.
            ConflictError: a schema that does not follow from this one.
        """
        after = self
        if partitions is not None and partitions < self.partitions:
            raise InvalidInputError(
                f"the stream {self.name!r} has {self.partitions} partitions, "
                f"{partitions} were asked",
                hint="partitions can be added, never removed",
            )
        if partitions is not None:
            after = msgspec.structs.replace(after, partitions=partitions)
        if schema is not None:
            old = self.arrow_schema()
            merged = merge(self.name, old, check_schema(self.name, schema))
            if not merged.equals(old):
                after = msgspec.structs.replace(after, schema=_encode(merged))
        return after


class IdentityFile:
    """The identity in a stream's ``stream.json``, read again only when the file was replaced.

    Args:
        folder: The stream's.
        known: As it was read just now.
    """

    def __init__(self, folder: Path, known: LogIdentity) -> None:
        self._path = folder / FILE_NAME
        self._known = known
        self._seen: tuple[int, int] | None = None

    def read(self) -> LogIdentity:
        """The identity; what it was before, if the file cannot be read."""
        try:
            found = self._path.stat()
            seen = (found.st_ino, found.st_mtime_ns)
            if seen != self._seen:
                raw = self._path.read_bytes()
                self._known = msgspec.json.decode(raw, type=StreamDescription).identity()
                self._seen = seen
        except (OSError, ValueError):
            return self._known
        return self._known


def describe(
    folder: Path, schema: pa.Schema | None, partitions: int | None, now_us: int
) -> StreamDescription:
    """Read ``stream.json`` of a stream's folder; write it if something new was asked for.

    Args:
        folder: The stream's; made if missing.
        schema: None: as on disk, or ``RECORD_SCHEMA``.
        partitions: None: as on disk, or 1.
        now_us: The time, for a new stream.
    """
    if partitions is not None and not 1 <= partitions <= MAX_PARTITIONS:
        raise InvalidInputError(
            f"a stream cannot have {partitions} partitions", hint=f"1 to {MAX_PARTITIONS} can be"
        )
    known = read_description(folder)
    lost = known is not None and not (folder / FILE_NAME).exists()
    if known is not None and known.id and not lost and known.changed(schema, partitions) == known:
        return known
    wanted = check_schema(folder.name, RECORD_SCHEMA if schema is None else schema)
    if not folder.exists():
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
    lock = FileLock(folder / ".lock")
    try:
        with lock.held():
            known = read_description(folder)
            if known is None:
                after = StreamDescription(folder.name, partitions or 1, _encode(wanted), now_us)
            else:
                after = known.changed(schema, partitions)
            if not after.id:
                after = msgspec.structs.replace(after, id=new_id())
            if after != known or lost:
                replace_file(folder / FILE_NAME, msgspec.json.encode(after))
    finally:
        lock.close()
    return after


def follow(folder: Path, before: str, starts: Mapping[int, int], *, renew: bool) -> LogIdentity:
    """Write down that the log in ``folder`` took the place of another one.

    Args:
        folder: The stream's.
        before: The identity of the other one.
        starts: Partition → the first offset that was not in the other one.
        renew: Give this log an identity of its own: it had the other one's.
    """
    lock = FileLock(folder / ".lock")
    try:
        with lock.held():
            known = read_description(folder)
            if known is None:
                raise unknown("stream", folder.name, [])
            follows = {before: {str(number): offset for number, offset in starts.items()}}
            after = msgspec.structs.replace(
                known,
                id=new_id() if renew or not known.id else known.id,
                follows=known.follows | follows,
            )
            replace_file(folder / FILE_NAME, msgspec.json.encode(after))
    finally:
        lock.close()
    return after.identity()


def read_description(folder: Path) -> StreamDescription | None:
    """What ``stream.json`` says, or what the segments say where it cannot be read; None: no stream.

    Raises:
        ConflictError: a newer Madang wrote it.
    """
    try:
        raw = (folder / FILE_NAME).read_bytes()
    except NotADirectoryError:
        return None
    except FileNotFoundError:
        return _derived(folder, "missing")
    try:
        found = msgspec.json.decode(raw, type=StreamDescription)
        found.arrow_schema()
    except (ValueError, OSError, pa.ArrowException) as error:
        return _derived(folder, str(error))
    if found.format > FORMAT:
        raise ConflictError(
            f"{folder / FILE_NAME} has format {found.format}, this Madang reads up to {FORMAT}",
            hint="use the newer Madang that wrote it",
        )
    return found


def _derived(folder: Path, reason: str) -> StreamDescription | None:
    """The description that follows from the folders of partitions and the youngest segment."""
    numbers = [int(path.name[1:]) for path in folder.glob("p[0-9][0-9][0-9][0-9]") if path.is_dir()]
    if not numbers:
        return None
    youngest: MappedSegment | None = None
    for number in numbers:
        partition = PartitionFolder.of(folder, number)
        for base in reversed(partition.segments()):
            try:
                segment = MappedSegment(partition.segment(base), base, RECORD_SCHEMA)
            except (CorruptionError, FileNotFoundError):
                continue
            if segment.header_damage is not None:
                continue
            if youngest is None or segment.header.created_at_us > youngest.header.created_at_us:
                youngest = segment
            break
    schema = youngest.schema if youngest else RECORD_SCHEMA
    created_at_us = youngest.header.created_at_us if youngest else 0
    _log.error("%s is %s: taken from the segments", folder / FILE_NAME, reason)
    return StreamDescription(
        folder.name, max(numbers) + 1, _encode(schema), created_at_us, id=noted_identity(folder)
    )


def _encode(schema: pa.Schema) -> str:
    return base64.b64encode(schema.serialize().to_pybytes()).decode()
