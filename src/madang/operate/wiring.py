"""How the parts are built from a data directory and a project; every role builds them here."""

from __future__ import annotations

from pathlib import Path

from madang.core.clock import SystemClock
from madang.core.datadir import DataDir
from madang.core.errors import InvalidInputError
from madang.metadata import with_password
from madang.process import StreamDecoder
from madang.project import Project, StreamSpec
from madang.query.zone import zone_name
from madang.stream import LogStore


def open_store(data: DataDir, project: Project) -> LogStore:
    """The stream store of a data directory."""
    storage = project.platform.storage
    return LogStore(
        data.streams,
        clock=SystemClock(),
        segment_size_bytes=storage.segment_size,
        min_free_bytes=storage.min_free,
        idempotency_window_s=storage.idempotency_window,
    )


def metadata_location(data: DataDir, project: Project) -> Path | str:
    """Where the metadata database is: a SQLite file, or the URL of a PostgreSQL.

    Raises:
        InvalidInputError: the file of its password cannot be read.
    """
    spec = project.platform.metadata
    if spec.url is None:
        return data.metadata
    if not spec.password_file:
        return spec.url
    path = Path(project.directory) / spec.password_file
    try:
        password = path.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"the password of the metadata database cannot be read from {path}: {error}",
            hint="metadata.password_file in madang.yml names it",
        ) from None
    return with_password(spec.url, password)


def decoder_of(project: Project, spec: StreamSpec) -> StreamDecoder:
    """The decoder of a stream, with the project's time zone and files."""
    return StreamDecoder(spec, zone=zone_of(project), project_dir=project.directory)


def zone_of(project: Project) -> str:
    """The IANA zone of days and of times without a zone: the project's, else the machine's."""
    return zone_name(project.platform.time_zone)
