"""Series that a loop leaves behind: another takes them over, or they end.

When a target's settings change, its series go on. When it goes, they end. Over a stop of the source
they are kept in a file, so that what has gone meanwhile ends soon after the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

FILE = "left.arrow"
_SCHEMA = pa.schema(
    [
        ("job", pa.string()),
        ("identity", pa.binary()),
        ("last_ms", pa.int64()),
        ("series", pa.list_(pa.int64())),
    ]
)


@dataclass(frozen=True, slots=True)
class LeftSeries:
    """The numbers of a target's living series, and when it was scraped last."""

    last_ms: int
    series: npt.NDArray[np.int64]


class Left:
    """What was left behind, by the identity of targets."""

    def __init__(self) -> None:
        self._found: dict[bytes, LeftSeries] = {}

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self._found)

    def leave(self, identity: bytes, series: LeftSeries) -> None:
        """Remember the series of a target that is scraped no more."""
        if len(series.series):
            self._found[identity] = series

    def take(self, identity: bytes) -> LeftSeries | None:
        """The series that a target of this identity goes on with."""
        return self._found.pop(identity, None)

    def take_all(self) -> dict[bytes, LeftSeries]:
        """Everything that nobody has taken."""
        found, self._found = self._found, {}
        return found

    def items(self) -> Iterable[tuple[bytes, LeftSeries]]:
        """Identities and what they left."""
        return self._found.items()


def save_left(folder: Path, left: Mapping[str, Left]) -> None:
    """Write what every job has left."""
    rows = [(job, *one) for job, found in left.items() for one in found.items()]
    batch = pa.record_batch(
        [
            pa.array([job for job, _, _ in rows], pa.string()),
            pa.array([identity for _, identity, _ in rows], pa.binary()),
            pa.array([one.last_ms for _, _, one in rows], pa.int64()),
            pa.array([one.series for _, _, one in rows], pa.list_(pa.int64())),
        ],
        schema=_SCHEMA,
    )
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{FILE}.tmp"
    with pa.OSFile(str(draft), "wb") as file, pa.ipc.new_file(file, _SCHEMA) as writer:
        writer.write_batch(batch)
    draft.replace(folder / FILE)


def load_left(folder: Path, *, since_ms: int) -> dict[str, Left]:
    """What the last stop left, as far as it was scraped after ``since_ms``; the file goes.

    After a crash there is none: then series end by their age alone.
    """
    path = folder / FILE
    found: dict[str, Left] = {}
    try:
        data = path.read_bytes()
        path.unlink()
        table = pa.ipc.open_file(data).read_all()
    except (OSError, pa.ArrowInvalid):
        return found
    if table.schema != _SCHEMA:
        return found
    columns = [table[name].to_pylist() for name in ("job", "identity", "last_ms")]
    for job, identity, last_ms, series in zip(*columns, table["series"], strict=True):
        if last_ms >= since_ms:
            numbers = series.values.to_numpy(zero_copy_only=False)
            found.setdefault(job, Left()).leave(identity, LeftSeries(last_ms, numbers))
    return found
