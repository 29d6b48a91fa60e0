"""What the door asks of the lake and the streams: names, pinned snapshots, the fresh part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a pinned table; ``field_id`` is what its files know it by."""

    name: str
    type: pa.DataType
    field_id: int


@dataclass(frozen=True, slots=True)
class PinnedTable:
    """A table at one snapshot.

    ``files`` are paths of Parquet files; ``bounds(position, column)`` gives the least and the
    greatest value of a column in ``files[position]`` (times in µs, dates in days), None where it is
    not known. ``offsets``: ``<stream>/<partition>`` → the next offset that is not in it yet.
    ``sources``: stream → the log in which its offsets count, for whoever reads the streams.
    ``schema`` is None where the table does not exist in the lake yet.
    """

    name: str
    columns: tuple[Column, ...]
    files: tuple[str, ...]
    schema: pa.Schema | None
    offsets: Mapping[str, int] = field(default_factory=dict)
    bounds: Callable[[int, str], tuple[Any, Any]] = lambda position, column: (None, None)
    select: str | None = None
    """Reads ``files`` in its own way, where they are not a lake's Parquet files."""
    sources: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FreshPart:
    """The decoded records that a stream holds beyond a snapshot.

    ``incomplete``: there was more than a fresh read takes, or the stream is not the one that the
    table was filled from: the newest are missing. Or some records cannot be decoded.
    """

    rows: pa.Table
    bytes_read: int
    incomplete: bool = False


class Catalog(Protocol):
    """The tables of the platform. Used by one thread at a time."""

    def names(self) -> Sequence[str]:
        """Full names of all tables, those that only have a stream yet among them."""
        ...

    def pin(self, name: str, as_of: int | datetime | None = None) -> PinnedTable:
        """The newest snapshot, the one with an id, or the newest that is not after a time.

        Raises:
            NotFoundError: There is no such snapshot.
        """
        ...

    def fresh(self, table: PinnedTable, *, max_bytes: int | None = None) -> FreshPart | None:
        """What its streams hold beyond ``table.offsets``; None where it has no stream.

        ``max_bytes`` of raw records are taken, the oldest; None: as many as a query may.
        """
        ...
