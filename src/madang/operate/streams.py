"""The project's streams, opened: which schema each has, and the stream of its dead letters."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

import pyarrow as pa

from madang.collect.host import HOST_SCHEMA
from madang.core.errors import InvalidInputError
from madang.core.names import DEAD_SUFFIX, SAMPLES, unknown
from madang.core.samples import SAMPLES_SCHEMA
from madang.lake import DEAD_LETTER_SCHEMA
from madang.project import HostSourceSpec, Project, RecordFormat
from madang.project.reading import READING, reading_of
from madang.project.system import QUERY_HISTORY
from madang.query import QUERY_HISTORY_SCHEMA
from madang.stream import RECORD_SCHEMA, LogStore, LogStream


def schema_of(project: Project, name: str) -> pa.Schema | None:
    """The Arrow schema of a stream, or None for a typed one that its first Arrow batch defines.

    Raises:
        NotFoundError: the project has no such stream; the near match is the hint.
    """
    if name.endswith(DEAD_SUFFIX):
        return DEAD_LETTER_SCHEMA
    spec = project.streams.get(name)
    if spec is None:
        raise unknown("stream", name, project.streams)
    if spec.format is not RecordFormat.TYPED:
        return RECORD_SCHEMA
    if name == QUERY_HISTORY:
        return QUERY_HISTORY_SCHEMA
    if name == SAMPLES:
        return SAMPLES_SCHEMA
    feeding = [source for source in project.sources.values() if source.stream == name]
    return HOST_SCHEMA if any(isinstance(one, HostSourceSpec) for one in feeding) else None


def open_stream(store: LogStore, project: Project, name: str) -> LogStream:
    """The stream ``name`` as the project describes it; opening it again is free.

    Raises:
        NotFoundError: no such stream, or a typed one without a first batch.
    """
    schema = schema_of(project, name)
    spec = project.streams.get(name)
    if schema is None:
        known = store.get(name)
        return known if spec is None else store.open(name, None, partitions=spec.partitions)
    if spec is None:
        return store.open(name, schema, partitions=1)
    stream = store.open(name, schema, partitions=spec.partitions)
    if spec.format is not RecordFormat.TYPED:
        # What is appended now is read as the stream says now, even if it is delivered much later.
        stream.attributes = {READING: reading_of(spec)}
    return stream


def check_columns(fields: Iterable[pa.Field]) -> None:
    """See whether a table can have the columns that define a typed stream.

    Raises:
        InvalidInputError: one has no name or that of a table's own column, two in a struct have
            the same, or a type that no table has: its records could be acknowledged and never be
            delivered.
    """
    from madang.lake.types import to_iceberg_type
    from madang.process.layout import RESERVED
    from madang.process.typed_rows import normal_type

    for field in fields:
        if field.name.casefold() in RESERVED:
            raise InvalidInputError(
                f"the column {field.name!r} is one that every table has of its own",
                hint=f"name it otherwise; Madang fills {', '.join(RESERVED)}",
            )
        if pa.types.is_null(field.type):
            continue  # It stays out of the table.
        to_iceberg_type(normal_type(field.type), count(1), field.name)
        _check_names([field])


def _check_names(fields: list[pa.Field]) -> None:
    names = [field.name for field in fields]
    if "" in names:
        raise InvalidInputError("a column has no name", hint="name it")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInputError(f"the field {twice!r} occurs twice in a struct")
    for field in fields:
        inner = [field.type.field(at) for at in range(field.type.num_fields)]
        if inner:
            _check_names(inner)
