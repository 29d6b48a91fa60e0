"""The decoder port: what delivery and fresh reads ask of ``process``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from madang.lake.tally import Misfit, Tally
from madang.stream import Chunk

DEAD_LETTER_SCHEMA = pa.schema(
    [
        pa.field("ts", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("stream", pa.string(), nullable=False),
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("code", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("attributes", pa.map_(pa.string(), pa.string())),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary(), nullable=False),
    ]
)
"""A record that could not become a row: ``ts`` is its arrival, ``value`` its bytes as received."""

TIME_COLUMN = "_time"
PARTITION_COLUMN = "_partition"
OFFSET_COLUMN = "_offset"
REST_COLUMN = "_rest"


@dataclass(frozen=True, slots=True)
class Decoded:
    """What became of a run of chunks: every record is in exactly one of the two tables.

    ``rows`` has ``_time`` (timestamp[us, UTC], not null), ``_partition`` (int32), ``_offset``
    (int64), then the data's columns in the table's order with new ones behind, then ``_rest``
    (string, JSON object or null). Rows keep the order of the chunks. ``dead`` has
    ``DEAD_LETTER_SCHEMA``. ``misfits`` are the values that went to ``_rest``;
    ``time_fallbacks`` rows without a usable event time, by reason: ``missing``, ``unreadable``,
    ``out_of_range``.
    """

    rows: pa.Table
    dead: pa.Table
    misfits: dict[Misfit, Tally]
    time_fallbacks: dict[str, Tally] = field(default_factory=dict)


class Decoder(Protocol):
    """Turns chunks of one stream into rows of its table. Pure: the same input, the same output."""

    def decode(self, chunks: Sequence[Chunk], schema: pa.Schema | None) -> Decoded:
        """Decode ``chunks``.

        Args:
            chunks: From one stream, any partitions.
            schema: The table's Arrow schema as it stands, or None before its first commit. Columns
                keep their type; new fields become new columns behind it.
        """
        ...
