"""Parts of the head on disk: Arrow files that are written once, and mapped, not read.

A file of series holds those that it adds to the index; a row for each label name that they have:
``name``, ``refs`` (the series that have it, ascending), ``codes`` (the place of each one's value
among all texts of the label), ``texts`` (those that it adds). In front of them stands a row with
the empty name, whose ``refs`` are all of the series and ``numbers`` their ids, then their checks.

A file of samples has a row for each series: ``ref``, ``ts`` (ms since 1970, ascending), ``value``.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from madang.core.errors import CorruptionError
from madang.metrics.head.chunk import Chunk
from madang.metrics.head.label_columns import LabelPart
from madang.metrics.head.series_index import SeriesPart

VERSION = b"1"
_INTS = pa.large_list(pa.int32())
SERIES_FILE = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("refs", _INTS, nullable=False),
        pa.field("codes", _INTS, nullable=False),
        pa.field("texts", pa.large_list(pa.large_string()), nullable=False),
        pa.field("numbers", pa.large_list(pa.int64()), nullable=False),
    ],
    metadata={"madang.metrics": VERSION},
)
SAMPLES_FILE = pa.schema(
    [
        pa.field("ref", pa.int32(), nullable=False),
        pa.field("ts", pa.large_list(pa.int64()), nullable=False),
        pa.field("value", pa.large_list(pa.float64()), nullable=False),
    ],
    metadata={"madang.metrics": VERSION},
)


def write_series(path: Path, part: SeriesPart) -> None:
    """Write series; durable when it returns, but for the folder's entry. Raises OSError."""
    _write(path, _series_batch(part))


def read_series(path: Path) -> SeriesPart:
    """Map series that were written.

    Raises:
        CorruptionError: it is no such file, or not whole.
        OSError: it cannot be read.
    """
    batch = _map(path, SERIES_FILE)
    lists = {name: batch.column(name) for name in ("refs", "codes", "texts", "numbers")}
    numbers = lists["numbers"][0].values.to_numpy()
    columns = {}
    for row in range(1, batch.num_rows):
        columns[batch.column("name")[row].as_py()] = LabelPart(
            lists["refs"][row].values.to_numpy(),
            lists["codes"][row].values.to_numpy(),
            lists["texts"][row].values.to_pylist(),
        )
    half = len(numbers) // 2
    refs = lists["refs"][0].values.to_numpy()
    return SeriesPart(refs, numbers[:half], numbers[half:], columns)


def write_samples(path: Path, chunk: Chunk) -> None:
    """Write samples; durable when it returns, but for the folder's entry. Raises OSError."""
    _write(path, _samples_batch(chunk))


def read_samples(path: Path) -> Chunk:
    """Map samples that were written. Raises as ``read_series`` does."""
    batch = _map(path, SAMPLES_FILE)
    ts = batch.column("ts")
    return Chunk(
        batch.column("ref").to_numpy(),
        ts.offsets.to_numpy(),
        ts.values.to_numpy(),
        batch.column("value").values.to_numpy(),
    )


def _series_batch(part: SeriesPart) -> pa.RecordBatch:
    columns = list(part.columns.values())
    numbers = np.concatenate([part.ids, part.checks])
    return pa.RecordBatch.from_arrays(
        [
            pa.array(["", *part.columns], pa.string()),
            _lists([part.refs, *(column.refs for column in columns)]),
            _lists([part.refs[:0], *(column.codes for column in columns)]),
            pa.array([[], *(column.texts for column in columns)], SERIES_FILE.field(3).type),
            _lists([numbers, *(numbers[:0] for _ in columns)]),
        ],
        schema=SERIES_FILE,
    )


def _samples_batch(chunk: Chunk) -> pa.RecordBatch:
    offsets = pa.array(chunk.offsets)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(chunk.refs),
            pa.LargeListArray.from_arrays(offsets, pa.array(chunk.ts_ms)),
            pa.LargeListArray.from_arrays(offsets, pa.array(chunk.values)),
        ],
        schema=SAMPLES_FILE,
    )


def _lists(parts: list[npt.NDArray[np.int32]] | list[npt.NDArray[np.int64]]) -> pa.Array:
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(np.concatenate(parts)))


def _write(path: Path, batch: pa.RecordBatch) -> None:
    with path.open("wb") as file:
        with pa.ipc.new_file(file, batch.schema) as writer:
            writer.write_batch(batch)
        file.flush()
        os.fsync(file.fileno())


def _map(path: Path, schema: pa.Schema) -> pa.RecordBatch:
    with pa.memory_map(str(path)) as source:
        try:
            reader = pa.ipc.open_file(source)
            if not reader.schema.equals(schema, check_metadata=True):
                raise CorruptionError(f"{path} is not a file of this version")
            batch = reader.get_batch(0)
            batch.validate()
        except (pa.ArrowInvalid, IndexError) as error:
            raise CorruptionError(f"{path} is damaged: {error}") from None
        return batch
