"""The key column of JSON records, and the partition that a key stands for."""

from __future__ import annotations

import zlib

import numpy as np
import pyarrow as pa

from madang.collect.bodies.engine import column_of


def extract_keys(values: pa.BinaryArray, field: str) -> pa.BinaryArray:
    """The text of ``field`` (a dotted path) in each JSON record; null where there is none.

    Records that are not JSON or not UTF-8 have no key.
    """
    path = "$" + "".join(f'."{part}"' for part in field.replace('"', "").split("."))
    return column_of(
        pa.table({"value": values}),
        "SELECT encode(CASE WHEN json_valid(text) THEN json_extract_string(text, $path) END)"
        " FROM (SELECT TRY(decode(value)) AS text FROM rows)",
        {"path": path},
    ).cast(pa.binary())


def spread(batch: pa.RecordBatch, partitions: int) -> list[tuple[int, pa.RecordBatch]]:
    """The batch by partition, keyed records where their key says (CRC-32 of the key, modulo).

    Records keep their order within a partition. Records without a key share the partition of the
    empty key, so that the same body always spreads the same way: that keeps a repeated
    Idempotency-Key harmless. The rule is for good: changing it would part a key's records.
    """
    if partitions == 1 or batch.num_rows == 0:
        return [(0, batch)]
    keys = batch.column("key")
    if keys.null_count == len(keys):
        return [(partition_of(b"", partitions), batch)]
    encoded = keys.dictionary_encode(null_encoding="encode")
    chosen = np.array(
        [partition_of(key or b"", partitions) for key in encoded.dictionary.to_pylist()], np.int64
    )[encoded.indices.to_numpy()]
    return [
        (int(partition), batch.filter(pa.array(chosen == partition)))
        for partition in np.unique(chosen)
    ]


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key."""
    return zlib.crc32(key) % partitions
