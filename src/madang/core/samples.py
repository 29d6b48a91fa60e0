"""Samples of metrics, on their way from collectors to a stream: the one form of all protocols.

A series is its labels. They are written one way, so that equal labels are equal bytes: sorted by
name, without empty values, ``name FF value FF name FF value``. The byte FF is in no UTF-8 text.
``__name__`` is a label like the others.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa

METRIC_NAME = "__name__"
STALE_NAN_BITS = 0x7FF0000000000002
STALE_NAN: float = struct.unpack("<d", struct.pack("<Q", STALE_NAN_BITS))[0]
"""The value that says that a series has ended: a NaN with bits of its own, as in Prometheus."""

_OPAQUE_BITS = 0x7FF8_0048_4953_544F
OPAQUE: float = struct.unpack("<d", struct.pack("<Q", _OPAQUE_BITS))[0]
"""Stands for a native histogram, of which no more is known yet than that it is there.

A NaN with bits of its own, as the mark of staleness: what only passes values on, or counts them,
need not know of it. The head, tables and queries have it; the stream has the histogram itself.
"""

ANNOUNCE_EVERY_S = 600.0
"""A sender says a series' labels again before this much time has passed since it last did."""

_SEPARATOR = b"\xff"

SAMPLES_SCHEMA = pa.schema(
    [
        pa.field("ts", pa.timestamp("ms", "UTC"), nullable=False),
        pa.field("series", pa.int64(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("histogram", pa.binary()),
        pa.field("labels", pa.binary()),
    ]
)
"""Schema of a stream of samples.

``series`` is ``series_id`` of the labels; ``labels``, as ``canonical_labels`` writes them, stand
beside the first sample that a sender brings of a series, and again at least every
``ANNOUNCE_EVERY_S``; in all other rows they are null. So whoever has read that much of the stream
knows all series that have samples in it, and may forget those that had none for longer.
``histogram`` is a native histogram (Prometheus's protobuf message), whose ``value`` is its sum.
"""


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of several series at several times.

    ``series``, ``ts_ms`` and ``values`` have one length; ``series[i]`` is the place in ``labels``
    of the i-th sample's series, ``ts_ms`` milliseconds since 1970. No two of ``labels`` are equal.
    """

    labels: Sequence[bytes]
    series: npt.NDArray[np.int32]
    ts_ms: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)


def canonical_labels(labels: Mapping[str, str] | Iterable[tuple[str, str]]) -> bytes:
    """Labels as bytes; empty values are left out, as they are equal to no label.

    Raises:
        ValueError: a name occurs twice.
    """
    pairs = labels.items() if isinstance(labels, Mapping) else labels
    kept = sorted((name.encode(), value.encode()) for name, value in pairs if value)
    for (name, _), (following, _) in itertools.pairwise(kept):
        if name == following:
            raise ValueError(f"the label {name.decode()!r} is given twice")
    return _SEPARATOR.join(part for pair in kept for part in pair)


def labels_of(canonical: bytes) -> dict[str, str]:
    """The labels that ``canonical_labels`` wrote, sorted by name."""
    if not canonical:
        return {}
    parts = [part.decode() for part in canonical.split(_SEPARATOR)]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def series_id(canonical: bytes) -> int:
    """The number of a series: 64 bits of BLAKE2b of its labels, signed as SQL and Iceberg count.

    Among ten million series two share a number with a chance of 3 in a million; whoever keeps
    labels by number compares them.
    """
    return int.from_bytes(blake2b(canonical, digest_size=8).digest(), "little", signed=True)


def is_stale(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which of the values are ``STALE_NAN``, bit for bit."""
    stale: npt.NDArray[np.bool_] = np.ascontiguousarray(values).view(np.uint64) == STALE_NAN_BITS
    return stale


def is_opaque(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which of the values are ``OPAQUE``, bit for bit."""
    opaque: npt.NDArray[np.bool_] = np.ascontiguousarray(values).view(np.uint64) == _OPAQUE_BITS
    return opaque
