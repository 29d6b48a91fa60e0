"""How much a request may hold: a packed body is small, what it unpacks to need not be."""

from __future__ import annotations

from madang.collect.sender_labels import SeriesError
from madang.core.errors import TooLargeError

SERIES_LIMIT = 200_000
"""Series of one request; Prometheus sends 2,000 at most unless told otherwise."""

SERIES_LIMIT_BYTES = 1 << 20
"""What one series that is read one by one may have: some 60,000 samples."""

TEXTS_PER_SERIES = 40


def check_series(count: int) -> None:
    """Refuse a request whose series are too many.

    Raises:
        TooLargeError: they are.
    """
    if count > SERIES_LIMIT:
        raise TooLargeError(
            f"the request has more than {SERIES_LIMIT} series",
            hint="send fewer samples in a request (Prometheus: max_samples_per_send)",
        )


def check_size(series: bytes) -> None:
    """Refuse a series that is too large to be read one by one.

    Raises:
        SeriesError: it is.
    """
    if len(series) > SERIES_LIMIT_BYTES:
        raise SeriesError(f"a series of {len(series)} bytes; {SERIES_LIMIT_BYTES} are the most")
