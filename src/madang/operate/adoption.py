"""Adopting a stream whose folder was replaced: its table goes on with what lies there now."""

from __future__ import annotations

from dataclasses import dataclass

from madang.core.errors import ConflictError
from madang.lake import Lake
from madang.lake.lineage import agrees, offsets_of, starts
from madang.stream import LogStream


@dataclass(frozen=True, slots=True)
class Adopted:
    """Where delivery goes on, by partition, and how many records wait there."""

    table: str
    starts: dict[int, int]
    records: int


def adopt(lake: Lake, stream: LogStream, table: str) -> Adopted:
    """Let ``table`` go on with ``stream``, which is not the log that it was filled from.

    The table keeps its rows. Of a new log everything is delivered. Of an older state of the same
    log, what came after that state: records that were appended later than the last one that the
    table has.

    Raises:
        ConflictError: the table goes on with this stream anyway.
    """
    found = lake.table(table) if lake.exists(table) else None
    source = found.sources().get(stream.name) if found else None
    stored = offsets_of(stream, found.offsets()) if found else {}
    try:
        starts(table, stream, stored, source)
    except ConflictError:
        begin: dict[int, int] = {}
        if source is not None and source.id == stream.identity.id:
            same = agrees(stream, stored, source)
            for partition, offset in stored.items():
                if partition >= stream.partitions:
                    continue
                at_us = source.at_us.get(partition)
                if same.get(partition, True):
                    begin[partition] = offset
                elif at_us is not None:
                    begin[partition] = stream.offset_at(partition, at_us + 1)
        stream.take_the_place_of(source.id if source else "", begin)
        return _adopted(stream, table, begin)
    raise ConflictError(
        f"the stream {stream.name!r} is the one that {table} was filled from: nothing to adopt",
        hint="madang status says what is wrong",
    )


def _adopted(stream: LogStream, table: str, begin: dict[int, int]) -> Adopted:
    bounds = {partition: stream.bounds(partition) for partition in range(stream.partitions)}
    first = {p: max(begin.get(p, 0), bound.earliest) for p, bound in bounds.items()}
    return Adopted(table, first, sum(max(0, bounds[p].end - at) for p, at in first.items()))
