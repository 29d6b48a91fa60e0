"""A decoder and streams for tests of the lake: small enough to see through, on real files."""

import pyarrow as pa
import pyarrow.compute as pc

from madang.core.errors import FencedError
from madang.lake import Lake
from madang.lake.decoder import DEAD_LETTER_SCHEMA, Decoded
from madang.stream import RECORD_SCHEMA, LogStore

NOW_US = 1_795_219_200_000_000  # 2026-11-21 00:00 UTC


class NumberDecoder:
    """``b"42"`` → the row n=42, ``b"dead"`` → a dead letter, ``b"poison"`` → raises."""

    def decode(self, chunks, schema):
        rows, dead = [], [DEAD_LETTER_SCHEMA.empty_table()]
        for chunk in chunks:
            value = chunk.batch["value"].cast(pa.string())
            if pc.any(pc.equal(value, "poison")).as_py():
                raise RuntimeError("poisoned")
            offset = pa.array(range(chunk.base_offset, chunk.end_offset), pa.int64())
            partition = pa.array([chunk.partition] * len(offset), pa.int32())
            bad = pc.equal(value, "dead")
            good = pc.invert(bad)
            rows.append(
                pa.table(
                    {
                        "_time": chunk.batch["ts"].filter(good),
                        "_partition": partition.filter(good),
                        "_offset": offset.filter(good),
                        "n": value.filter(good).cast(pa.int64()),
                        "_rest": pa.nulls(pc.sum(good).as_py(), pa.string()),
                    }
                )
            )
            dead.append(_letters(chunk, bad, partition, offset))
        return Decoded(pa.concat_tables(rows), pa.concat_tables(dead), {})


def _letters(chunk, bad, partition, offset):
    count = pc.sum(bad).as_py()
    return pa.table(
        {
            "ts": chunk.batch["ts"].filter(bad),
            "stream": pa.array(["orders"] * count, pa.string()),
            "partition": partition.filter(bad),
            "offset": offset.filter(bad),
            "code": pa.array(["bad"] * count, pa.string()),
            "reason": pa.array(["is dead"] * count, pa.string()),
            "attributes": pa.nulls(count, pa.map_(pa.string(), pa.string())),
            "key": chunk.batch["key"].filter(bad),
            "value": chunk.batch["value"].filter(bad),
        },
        schema=DEAD_LETTER_SCHEMA,
    )


def records(values, ts_us=NOW_US):
    """A record batch of the stream, one record a value."""
    return pa.RecordBatch.from_pylist(
        [{"ts": ts_us, "key": None, "headers": None, "value": str(v).encode()} for v in values],
        schema=RECORD_SCHEMA,
    )


def open_streams(data, partitions=1, clock=None):
    """The store with ``orders`` and ``orders.dead``."""
    store = LogStore(data.streams, clock=clock, min_free_bytes=0)
    store.open("orders", RECORD_SCHEMA, partitions)
    store.open("orders.dead", DEAD_LETTER_SCHEMA)
    return store


def delivered(lake, name="lake.orders"):
    """All rows of a table, read from the files of its current state."""
    import pyarrow.parquet as pq

    pinned = lake.table(name).pin()
    tables = [pq.read_table(file.path, partitioning=None) for file in pinned.files]
    return pa.concat_tables(tables, promote_options="permissive") if tables else None


def numbers(lake):
    """The column ``n`` of every delivered row, sorted."""
    rows = delivered(lake)
    return [] if rows is None else sorted(rows["n"].to_pylist())


def letters(store):
    """The source offsets of all dead letters, in order of the log."""
    stream, position, found = store.get("orders.dead"), 0, []
    while chunks := stream.read(0, position):
        for chunk in chunks:
            found += chunk.batch["offset"].to_pylist()
        position = chunks[-1].end_offset
    return found


def compete(data, start, results):
    """Commit five rounds against other processes that do the same; counts the rounds won."""
    lake = Lake(data)
    batch = pa.table(
        {
            "_time": pa.array([NOW_US], pa.timestamp("us", "UTC")),
            "_partition": pa.array([0], pa.int32()),
            "_offset": pa.array([0], pa.int64()),
            "n": pa.array([0], pa.int64()),
        }
    )
    won = 0
    start.wait()
    table = lake.table("lake.orders")
    for round_number in range(5):
        while table.offsets().get("s/0", 0) < round_number:
            pass
        expected = {"s/0": round_number} if round_number else {}
        try:
            table.commit(batch, expected=expected, reached={"s/0": round_number + 1})
            won += 1
        except FencedError:
            pass
    results.put(won)
    lake.close()
