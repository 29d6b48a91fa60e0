"""The series that a decoder has met: a number each, so that repeating ones cost no Python."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from madang.core.errors import TooLargeError
from madang.core.samples import series_id

_OVERHEAD_BYTES = 200


class SeriesTable:
    """Canonical labels ↔ numbers from 0. Not safe across threads.

    Decoders keep what they read of a sender (label bytes on the wire, text before a value) beside
    the number, and look it up as a whole when it comes again. ``size_bytes`` is an estimate of
    both; past ``limit_bytes`` everything is forgotten before the next body.

    Args:
        limit_bytes: About how much memory the known series may take between bodies.
        new_limit: How many series one body may bring that were not known.
    """

    def __init__(self, limit_bytes: int = 256 << 20, new_limit: int = 500_000) -> None:
        self._limit_bytes = limit_bytes
        self._new_limit = new_limit
        self.clear()

    def __len__(self) -> int:
        return len(self._labels)

    def begin(self) -> bool:
        """Begin a body; whether everything was forgotten, so that numbers given out are void."""
        full = self.size_bytes > self._limit_bytes
        if full:
            self.clear()
        self._most = len(self._labels) + self._new_limit
        return full

    def clear(self) -> None:
        """Forget everything; numbers given out are void."""
        self.size_bytes = 0
        self._most = self._new_limit
        self._numbers: dict[bytes, int] = {}
        self._labels: list[bytes] = []
        self._ids = np.empty(1024, np.int64)
        self._scratch = np.empty(1024, np.int64)

    def number(self, canonical: bytes) -> int:
        """The number of a series, a new one if need be.

        Raises:
            TooLargeError: a body brings too many new ones.
        """
        found = self._numbers.get(canonical)
        if found is not None:
            return found
        number = len(self._labels)
        if number >= self._most:
            raise TooLargeError(
                f"the body brings more than {self._new_limit} series that were not known",
                hint="send fewer in a request, or look for a label whose values never repeat",
            )
        if number == len(self._ids):
            self._ids = np.concatenate([self._ids, np.empty_like(self._ids)])
            self._scratch = np.empty(len(self._ids), np.int64)
        self._ids[number] = series_id(canonical)
        self._labels.append(canonical)
        self._numbers[canonical] = number
        self.size_bytes += len(canonical) + _OVERHEAD_BYTES
        return number

    def note(self, text: bytes) -> None:
        """Count a text that a decoder keeps beside numbers."""
        self.size_bytes += len(text) + _OVERHEAD_BYTES

    def labels(self, number: int) -> bytes:
        """The labels of a number."""
        return self._labels[number]

    def places(
        self, numbers: npt.NDArray[np.int64]
    ) -> tuple[Sequence[bytes], npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """The different series among ``numbers``: their labels, their ids, and who has which."""
        # Each writes its place at its number; the last one stays, and is the one that speaks.
        # (A sort would cost ten times as much.)
        order = np.arange(len(numbers))
        self._scratch[numbers] = order
        speaks = self._scratch[numbers] == order
        different = numbers[speaks]
        self._scratch[different] = np.arange(len(different))
        labels = list(map(self._labels.__getitem__, different.tolist()))
        return labels, self._ids[different], self._scratch[numbers].astype(np.int32)
