"""Which partition a record belongs to, and one batch appended over several of them.

The partition of a key is part of the format: records with one key keep their order only as long as
the key stays where it is. It is ``mix(sum((byte[i] + 1) * M**(i + 1))) mod partitions`` in unsigned
64-bit arithmetic, with ``M = 0x9E3779B97F4A7C15`` and ``mix`` the finaliser of splitmix64 (Steele,
Lea, Flood: *Fast splittable pseudorandom number generators*, 2014): a hash that numpy computes for
all keys of a batch at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.core.errors import ConflictError, InvalidInputError, MadangError
from madang.stream.log_stream import LogStream
from madang.stream.port import Appended, Origin

_M = 0x9E3779B97F4A7C15
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_U64 = np.uint64


def hash_keys(keys: pa.Array) -> npt.NDArray[np.uint64]:
    """The hashes of binary or text keys; that of a null key means nothing.

    Args:
        keys: ``binary``, ``large_binary``, ``string`` or ``large_string``.
    """
    keys = keys.cast(pa.large_binary())
    if not len(keys):
        return np.zeros(0, _U64)
    _, raw_offsets, raw_bytes = keys.buffers()
    offsets = np.frombuffer(raw_offsets, np.int64)[keys.offset : keys.offset + len(keys) + 1]
    starts, lengths = offsets[:-1], np.diff(offsets)
    longest = int(lengths.max())
    total = np.zeros(len(keys) if longest == 0 else int(offsets[-1] - offsets[0]) + 1, _U64)
    if longest:
        content = np.frombuffer(raw_bytes, np.uint8)[offsets[0] : offsets[-1]].astype(_U64)
        within = np.arange(len(content), dtype=np.int64) - np.repeat(starts - offsets[0], lengths)
        powers = np.cumprod(np.full(longest, _M, _U64), dtype=_U64)
        np.cumsum((content + _U64(1)) * powers[within], dtype=_U64, out=total[1:])
        sums = total[offsets[1:] - offsets[0]] - total[starts - offsets[0]]
    else:
        sums = total
    for shift, factor in _MIX:
        sums = (sums ^ (sums >> _U64(shift))) * _U64(factor)
    mixed: npt.NDArray[np.uint64] = sums ^ (sums >> _U64(31))
    return mixed


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of one key."""
    return int(hash_keys(pa.array([key], pa.binary()))[0] % _U64(partitions))


def append_partitioned(
    stream: LogStream,
    batch: pa.RecordBatch,
    keys: pa.Array | None = None,
    *,
    origin: Origin | None = None,
    attributes: Mapping[str, str] | None = None,
) -> list[Future[Appended]]:
    """Append ``batch`` to the partitions that its keys belong to.

    A batch that was appended before, even in part and even over fewer partitions than there are
    now, is divided as it was the first time, so that every part finds its first offsets.

    Args:
        stream: Where to.
        batch: Of the stream's schema.
        keys: One per record, binary or text; null: no key. None: the batch stays together.
        origin: Makes the append idempotent, in each partition for itself.
        attributes: Hold for every record.

    Returns:
        One future per partition that gets records, in order of partition. Records without a key go
        together to the partition of the origin's producer, or else to each partition in turn.
    """
    if keys is not None and len(keys) != batch.num_rows:
        wrong = f"{len(keys)} keys were given for {batch.num_rows} records"
        return [_failed(InvalidInputError(wrong))]
    try:
        split = _split_of(stream, origin)
    except ConflictError as error:
        return [_failed(error)]
    if split == 1 or keys is None or keys.null_count == len(keys):
        partition = _keyless(stream, origin, split)
        return [
            stream.submit(
                batch, partition=partition, origin=origin, attributes=attributes, split=split
            )
        ]
    owners = (hash_keys(keys) % _U64(split)).astype(np.int64)
    if keys.null_count:
        without = np.asarray(pc.is_null(keys).to_numpy(zero_copy_only=False))
        owners[without] = _keyless(stream, origin, split)
    counts = np.bincount(owners, minlength=split)
    order = np.argsort(owners, kind="stable")
    futures = []
    begin = 0
    for partition in np.flatnonzero(counts).tolist():
        rows = order[begin : begin + int(counts[partition])]
        begin += len(rows)
        part = batch if len(rows) == batch.num_rows else batch.take(pa.array(rows))
        futures.append(
            stream.submit(
                part, partition=partition, origin=origin, attributes=attributes, split=split
            )
        )
    return futures


def _split_of(stream: LogStream, origin: Origin | None) -> int:
    """Over how many partitions to divide: as the first time, or all that there are."""
    if origin is not None and stream.partitions > 1:
        for partition in range(stream.partitions):
            found = stream.find(partition, origin)
            if found is not None and found[1]:
                return min(found[1], stream.partitions)
    return stream.partitions


def _keyless(stream: LogStream, origin: Origin | None, split: int) -> int:
    if split == 1:
        return 0
    if origin is None:
        return stream.next_turn() % split
    return partition_of(origin.producer.encode("utf-8", "surrogatepass"), split)


def _failed(error: MadangError) -> Future[Appended]:
    future: Future[Appended] = Future()
    future.set_exception(error)
    return future
