"""What a data file's manifest entry says of its columns, read from the Parquet footer.

Bounds are kept for top-level columns of a plain type, in Iceberg's single-value serialization
(https://iceberg.apache.org/spec/#binary-single-value-serialization), strings cut to 16 characters.
They are taken from the raw bytes of the footer: times in year 0 or 9999 have no Python value.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq
from pyiceberg import types as ice
from pyiceberg.schema import Schema

Bound = bool | int | float | str | bytes
"""A column's least or greatest value in a file."""
_TEXT_BOUND = 16
_MOST_COLUMNS = 100
"""Only so many columns are described: of a table with a thousand, nobody could read the manifests
in time. Parquet's own footers have the rest."""
_PACKS: dict[type[ice.IcebergType], str] = {
    ice.BooleanType: "?",
    ice.IntegerType: "<i",
    ice.DateType: "<i",
    ice.LongType: "<q",
    ice.TimeType: "<q",
    ice.TimestampType: "<q",
    ice.TimestamptzType: "<q",
    ice.FloatType: "<f",
    ice.DoubleType: "<d",
}


@dataclass(slots=True)
class FileStats:
    """Fields of an Iceberg ``DataFile``, by field id where they are mappings."""

    record_count: int
    column_sizes: dict[int, int] = field(default_factory=dict)
    value_counts: dict[int, int] = field(default_factory=dict)
    null_value_counts: dict[int, int] = field(default_factory=dict)
    lower_bounds: dict[int, bytes] = field(default_factory=dict)
    upper_bounds: dict[int, bytes] = field(default_factory=dict)
    split_offsets: list[int] = field(default_factory=list)


def leaves(schema: Schema) -> list[tuple[int, str, ice.PrimitiveType, bool]]:
    """The Parquet columns of a schema, in Parquet's order: id, path, type, whether top-level."""
    found: list[tuple[int, str, ice.PrimitiveType, bool]] = []
    for column in schema.fields:
        found += _leaves(column.field_id, column.name, column.field_type, top=True)
    return found


def _leaves(
    field_id: int, path: str, kind: ice.IcebergType, *, top: bool = False
) -> Iterator[tuple[int, str, ice.PrimitiveType, bool]]:
    if isinstance(kind, ice.StructType):
        for child in kind.fields:
            yield from _leaves(child.field_id, f"{path}.{child.name}", child.field_type)
    elif isinstance(kind, ice.ListType):
        yield from _leaves(kind.element_id, f"{path}.list.element", kind.element_type)
    elif isinstance(kind, ice.MapType):
        yield from _leaves(kind.key_id, f"{path}.key_value.key", kind.key_type)
        yield from _leaves(kind.value_id, f"{path}.key_value.value", kind.value_type)
    elif isinstance(kind, ice.PrimitiveType):
        yield field_id, path, kind, top


def file_stats(footer: pq.FileMetaData, schema: Schema) -> FileStats:
    """The statistics of a file that was written with the columns of ``schema``, in that order."""
    stats = FileStats(footer.num_rows)
    columns = leaves(schema)[:_MOST_COLUMNS]
    bounds: dict[int, tuple[Any, Any] | None] = {}
    for group_index in range(footer.num_row_groups):
        group = footer.row_group(group_index)
        first = group.column(0)
        stats.split_offsets.append(
            first.dictionary_page_offset
            if first.has_dictionary_page and first.dictionary_page_offset < first.data_page_offset
            else first.data_page_offset
        )
        for index, (field_id, _, kind, top) in enumerate(columns):
            chunk = group.column(index)
            stats.column_sizes[field_id] = (
                stats.column_sizes.get(field_id, 0) + chunk.total_compressed_size
            )
            stats.value_counts[field_id] = stats.value_counts.get(field_id, 0) + chunk.num_values
            if not top:
                continue
            known = chunk.statistics if chunk.is_stats_set else None
            _add_nulls(stats, field_id, known)
            _widen(bounds, field_id, kind, known, chunk.num_values)
    kinds = {field_id: kind for field_id, _, kind, _ in columns}
    for field_id, found in bounds.items():
        if found is not None:
            _put_bounds(stats, field_id, kinds[field_id], found)
    return stats


def _add_nulls(stats: FileStats, field_id: int, known: pq.Statistics | None) -> None:
    before = stats.null_value_counts.get(field_id, 0)
    if known is None or not known.has_null_count or before < 0:
        stats.null_value_counts[field_id] = -1
    else:
        stats.null_value_counts[field_id] = before + known.null_count


def _widen(
    bounds: dict[int, tuple[Any, Any] | None],
    field_id: int,
    kind: ice.PrimitiveType,
    known: pq.Statistics | None,
    values: int,
) -> None:
    if not isinstance(kind, ice.StringType | ice.BinaryType) and type(kind) not in _PACKS:
        return
    if known is not None and known.has_null_count and known.null_count == values:
        return
    if known is None or not known.has_min_max or bounds.get(field_id, ()) is None:
        bounds[field_id] = None
        return
    low, high = known.min_raw, known.max_raw
    before = bounds.get(field_id)
    if before is not None:
        low, high = min(low, before[0]), max(high, before[1])
    bounds[field_id] = (low, high)


def _put_bounds(
    stats: FileStats, field_id: int, kind: ice.PrimitiveType, found: tuple[Any, Any]
) -> None:
    low, high = found
    lower: bytes | None
    upper: bytes | None
    if isinstance(kind, ice.StringType):
        lower, upper = _text_bounds(low, high)
    elif isinstance(kind, ice.BinaryType):
        lower = low[:_TEXT_BOUND]
        upper = high if len(high) <= _TEXT_BOUND else None
    else:
        pack: Callable[[Any], bytes] = struct.Struct(_PACKS[type(kind)]).pack
        lower, upper = pack(low), pack(high)
    if lower is not None:
        stats.lower_bounds[field_id] = lower
    if upper is not None:
        stats.upper_bounds[field_id] = upper


def _text_bounds(low: bytes, high: bytes) -> tuple[bytes | None, bytes | None]:
    try:
        first, last = low.decode(), high.decode()
    except UnicodeDecodeError:
        return None, None
    lower = first[:_TEXT_BOUND].encode()
    if len(last) <= _TEXT_BOUND:
        return lower, high
    cut = last[:_TEXT_BOUND]
    for position in range(len(cut) - 1, -1, -1):
        following = ord(cut[position]) + 1
        if following <= 0x10FFFF and not 0xD800 <= following <= 0xDFFF:
            return lower, (cut[:position] + chr(following)).encode()
    return lower, None


def read_bound(kind: ice.IcebergType, raw: bytes) -> Bound | None:
    """The value of a bound: bool, int (µs for times, days for dates), float, str or bytes.

    None where the type keeps no bounds that this reader knows.
    """
    if isinstance(kind, ice.StringType):
        return raw.decode(errors="replace")
    if isinstance(kind, ice.BinaryType):
        return raw
    pack = _PACKS.get(type(kind))
    if pack is None:
        return None
    if len(raw) == 4 and pack in ("<q", "<d"):
        # Written before the column was widened.
        pack = "<i" if pack == "<q" else "<f"
    value: Bound = struct.unpack(pack, raw)[0]
    return value
