"""Parts of a block on disk: Arrow files that are mapped, not read.

``series.arrow`` holds the series that the part adds to the block, ``samples.arrow`` its samples,
which may be of series of earlier parts too.

``series.arrow`` has a row for each label name that they have: ``name``, ``refs`` (the series that
have it, ascending), ``codes`` (the place of each one's value among all texts of the label in the
block), ``texts`` (those that the part adds). In front of them stands a row with the empty name,
whose ``numbers`` are the series' ids and then their checks.
``samples.arrow`` has a row for each series: ``ref``, ``ts`` (ms since 1970, ascending), ``value``.
The files are written once; the folder's name appears when both are on disk.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from madang.core.durable_files import sync_folder
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


def write_part(folder: Path, series: SeriesPart, chunk: Chunk) -> None:
    """Write a part as ``folder``; durable when it returns.

    Raises:
        OSError: it could not be written; the folder is not there.
    """
    draft = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        _write(draft / "series.arrow", _series_batch(series))
        _write(draft / "samples.arrow", _samples_batch(chunk))
        sync_folder(draft)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync_folder(folder.parent)


def read_part(folder: Path) -> tuple[SeriesPart, Chunk]:
    """Map a part; its arrays are those of the files.

    Raises:
        CorruptionError: a file is no such file, or not whole.
        OSError: it cannot be read.
    """
    series = _map(folder / "series.arrow", SERIES_FILE)
    samples = _map(folder / "samples.arrow", SAMPLES_FILE)
    numbers = series.column("numbers")[0].values.to_numpy()
    columns = {}
    for row in range(1, series.num_rows):
        refs, codes = (series.column(name)[row].values.to_numpy() for name in ("refs", "codes"))
        texts = series.column("texts")[row].values.to_pylist()
        columns[series.column("name")[row].as_py()] = LabelPart(refs, codes, texts)
    half = len(numbers) // 2
    ts = samples.column("ts")
    chunk = Chunk(
        samples.column("ref").to_numpy(),
        ts.offsets.to_numpy(),
        ts.values.to_numpy(),
        samples.column("value").values.to_numpy(),
    )
    return SeriesPart(numbers[:half], numbers[half:], columns), chunk


def _series_batch(part: SeriesPart) -> pa.RecordBatch:
    columns = list(part.columns.values())
    numbers = np.concatenate([part.ids, part.checks])
    return pa.RecordBatch.from_arrays(
        [
            pa.array(["", *part.columns], pa.string()),
            _lists([np.empty(0, np.int32), *(column.refs for column in columns)]),
            _lists([np.empty(0, np.int32), *(column.codes for column in columns)]),
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
