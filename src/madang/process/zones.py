"""Local times → UTC, in bulk, with the tz database that Python carries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from madang.core.errors import InvalidInputError

MicrosUtc = npt.NDArray[np.int64]
"""Microseconds since 1970-01-01 UTC."""

_BIN_US = 15 * 60 * 1_000_000
"""Offsets change at multiples of a quarter of an hour."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- a wall-clock time, without a zone by design
EVENT_TIME = (0, int(datetime(2200, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000)
"""Event times lie from 1970-01-01 until before 2200-01-01 UTC; others count as unreadable, so that
one absurd record does not make a partition of its own."""
ANY_TIME = (
    int(datetime(1, 1, 2, tzinfo=UTC).timestamp()) * 1_000_000,
    int(datetime(9999, 12, 31, tzinfo=UTC).timestamp()) * 1_000_000,
)
"""What a column of times may hold: the years 1 to 9999, as far as Python and SQL engines go."""


def load_zone(name: str) -> ZoneInfo:
    """The IANA zone ``name``.

    Raises:
        InvalidInputError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInputError(
            f"{name!r} is no time zone", hint="write an IANA name such as Asia/Seoul"
        ) from None


def to_utc(local_us: npt.NDArray[np.int64], zone: ZoneInfo) -> MicrosUtc:
    """UTC of wall-clock times (microseconds since 1970-01-01 00:00 of the wall clock).

    An hour that is repeated in autumn is read as its first pass; a time in the hour that is skipped
    in spring is read with the offset before it, so 02:30 becomes 03:30. Times outside the years 1
    to 9999 are left as if they were UTC.
    """
    if not len(local_us):
        return local_us
    inside = (local_us >= ANY_TIME[0]) & (local_us < ANY_TIME[1])
    bins, inverse = np.unique(np.where(inside, local_us, 0) // _BIN_US, return_inverse=True)
    offsets = np.array([_offset_us(int(bin_) * _BIN_US, zone) for bin_ in bins], np.int64)
    return np.where(inside, local_us - offsets[inverse], local_us)


def _offset_us(local_us: int, zone: ZoneInfo) -> int:
    local = (_EPOCH + timedelta(microseconds=local_us)).replace(tzinfo=zone)
    offset = local.utcoffset()
    assert offset is not None
    return round(offset.total_seconds() * 1_000_000)
