"""Which log a table's offsets count in: a number means nothing in another log of the same name.

A stream's folder can be removed and filled again, or restored from an older backup. Its offsets
then name other records, and once it has grown past the old end nothing about the numbers shows it.
So each commit says, beside the offsets, the log's identity and when the record before each next
offset was appended. The time is the stronger mark: it tells a log that lost its end and grew again,
too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from madang.core.errors import ConflictError
from madang.stream import Stream

SOURCES_PROPERTY = "madang.streams"


@dataclass(frozen=True, slots=True)
class Source:
    """The log that the offsets of a stream count in.

    ``id`` is its identity; ``at_us``: partition → when the record before the next offset was
    appended; a partition without records is absent.
    """

    id: str
    at_us: Mapping[int, int] = field(default_factory=dict)


def parse_sources(summary: Mapping[str, str] | None) -> dict[str, Source]:
    """Stream → its log, as a snapshot's summary says; empty if it does not."""
    text = (summary or {}).get(SOURCES_PROPERTY)
    found: dict[str, Any] = orjson.loads(text) if text else {}
    return {
        name: Source(str(each["id"]), {int(p): int(us) for p, us in each["at_us"].items()})
        for name, each in found.items()
    }


def sources_summary(sources: Mapping[str, Source]) -> dict[str, str]:
    """The summary property that carries logs; none where there is nothing to say."""
    if not sources:
        return {}
    content = {
        name: {"id": each.id, "at_us": {str(p): us for p, us in sorted(each.at_us.items())}}
        for name, each in sources.items()
    }
    text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()
    return {SOURCES_PROPERTY: text}


def source_at(stream: Stream, reached: Mapping[int, int], before: Source | None) -> Source:
    """The mark of ``stream`` at the offsets ``reached``.

    Args:
        stream: The log.
        reached: Partition → next offset.
        before: The mark of partitions that are not in ``reached``.
    """
    times = dict(before.at_us) if before else {}
    for partition, offset in reached.items():
        times.pop(partition, None)
        at_us = _appended_at_us(stream, partition, offset - 1)
        if at_us is not None:
            times[partition] = at_us
    return Source(stream.identity.id, times)


def agrees(stream: Stream, offsets: Mapping[int, int], source: Source | None) -> dict[int, bool]:
    """Partition → whether ``stream`` is the log that an offset counts in, by what it holds.

    A partition is absent where that cannot be told: nothing was taken of it, the record is gone by
    retention, or damaged, or no time was kept for it.
    """
    found = {}
    for partition, offset in offsets.items():
        if not offset:
            continue
        if partition >= stream.partitions or offset > stream.bounds(partition).end:
            found[partition] = False
            continue
        wanted = source.at_us.get(partition) if source else None
        at_us = _appended_at_us(stream, partition, offset - 1)
        if wanted is not None and at_us is not None:
            found[partition] = at_us == wanted
    return found


def starts(
    table: str, stream: Stream, offsets: Mapping[int, int], source: Source | None
) -> dict[int, int]:
    """Partition → where to go on in ``stream`` for a table that stands at ``offsets``.

    Args:
        table: Its name, for the error.
        stream: The log as it is now.
        offsets: Partition → next offset, of partitions that the table has something of.
        source: The log in which these count, as the table says.

    Raises:
        ConflictError: they count in another log, and nobody said that this one follows it.
    """
    follows = stream.identity.follows.get(source.id if source else "")
    if follows is not None:
        return {partition: follows.get(partition, 0) for partition in range(stream.partitions)}
    known = agrees(stream, offsets, source)
    is_other = source is not None and source.id != stream.identity.id
    if not all(known.values()) or (is_other and any(offsets.values()) and not known):
        raise _conflict(table, stream, offsets, known)
    return {partition: offsets.get(partition, 0) for partition in range(stream.partitions)}


def offsets_of(stream: Stream, stored: Mapping[str, int]) -> dict[int, int]:
    """Partition → next offset of ``stream``, from the offsets of a table."""
    found = {}
    for key, offset in stored.items():
        name, _, partition = key.rpartition("/")
        if name == stream.name:
            found[int(partition)] = offset
    return found


def _appended_at_us(stream: Stream, partition: int, offset: int) -> int | None:
    """When the record at ``offset`` was appended; None if it cannot be read."""
    if offset < 0 or partition >= stream.partitions:
        return None
    bounds = stream.bounds(partition)
    if not bounds.earliest <= offset < bounds.end:
        return None
    chunks = stream.read(partition, offset, max_bytes=1)
    return chunks[0].appended_at_us if chunks and chunks[0].base_offset == offset else None


def _conflict(
    table: str, stream: Stream, offsets: Mapping[int, int], known: Mapping[int, bool]
) -> ConflictError:
    partition = next(
        (p for p, same in known.items() if not same), max(offsets, key=offsets.__getitem__)
    )
    holds = f"the table {table} holds {stream.name}/{partition} up to offset {offsets[partition]}"
    if partition >= stream.partitions:
        what = f"the stream has {stream.partitions} partitions"
    elif offsets[partition] > stream.bounds(partition).end:
        what = f"the stream ends at {stream.bounds(partition).end}"
    else:
        what = "the record before it is not the one that the table has"
    return ConflictError(
        f"{holds}, but {what}: the folder of the stream {stream.name!r} was replaced, or restored "
        "from an older backup",
        hint=f"put the right folder back; or go on with this one, the table keeping its rows: "
        f"madang streams adopt {stream.name}",
    )
