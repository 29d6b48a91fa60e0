"""Series that end in nothing but samples of the usual shape: read all at once.

A sample on the wire is ``12 10 09 <8 bytes: value> 10 <6 bytes: milliseconds>``; a value of 0 is
left away: ``12 07 10 <6 bytes>``. Six bytes of a varint hold the times from 1971 to 2109.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SAMPLE_BYTES = 18
ZERO_BYTES = 9

Bytes = npt.NDArray[np.uint8]
Read = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]


def read_samples(wire: bytes) -> Read:
    """Records of ``SAMPLE_BYTES`` → times, values, and which are of that shape."""
    records = np.frombuffer(wire, np.uint8).reshape(-1, SAMPLE_BYTES)
    usual = (
        (records[:, 0] == 0x12)
        & (records[:, 1] == SAMPLE_BYTES - 2)
        & (records[:, 2] == 0x09)
        & (records[:, 11] == 0x10)
    )
    values = np.ascontiguousarray(records[:, 3:11]).view("<f8").reshape(-1)
    times_ms, good = _times(records[:, 12:])
    return times_ms, values.astype(np.float64, copy=False), usual & good


def read_zeros(wire: bytes) -> Read:
    """Records of ``ZERO_BYTES`` → times, zeros, and which are of that shape."""
    records = np.frombuffer(wire, np.uint8).reshape(-1, ZERO_BYTES)
    usual = (records[:, 0] == 0x12) & (records[:, 1] == ZERO_BYTES - 2) & (records[:, 2] == 0x10)
    times_ms, good = _times(records[:, 3:])
    return times_ms, np.zeros(len(records)), usual & good


def write_samples(times_ms: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> bytes:
    """Samples → records of ``SAMPLE_BYTES``; the times must be from 2^35 to below 2^42."""
    records = np.empty((len(values), SAMPLE_BYTES), np.uint8)
    records[:, 0] = 0x12
    records[:, 1] = SAMPLE_BYTES - 2
    records[:, 2] = 0x09
    records[:, 3:11] = np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(-1, 8)
    records[:, 11] = 0x10
    for place in range(6):
        more = 0x80 if place < 5 else 0
        records[:, 12 + place] = (times_ms >> (7 * place)) & 0x7F | more
    return records.tobytes()


def fits(times_ms: npt.NDArray[np.int64]) -> bool:
    """Whether ``write_samples`` can write the times."""
    return bool(len(times_ms) == 0 or (times_ms.min() >= 1 << 35 and times_ms.max() < 1 << 42))


def _times(varints: Bytes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    good = (varints[:, :5] >= 0x80).all(axis=1) & (varints[:, 5] < 0x80)
    times_ms = np.zeros(len(varints), np.int64)
    for place in range(6):
        times_ms |= (varints[:, place] & 0x7F).astype(np.int64) << (7 * place)
    return times_ms, good
