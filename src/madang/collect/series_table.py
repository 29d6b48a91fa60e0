"""The series that a decoder has met: a number each, so that repeating ones cost no Python."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from madang.core.samples import series_id

_OVERHEAD_BYTES = 200


class SeriesTable:
    """Canonical labels ↔ numbers from 0. Not safe across threads.

    Decoders keep what they read of a sender (label bytes on the wire, text before a value) beside
    the number, and look it up as a whole when it comes again. ``size_bytes`` is an estimate of
    both; past ``limit_bytes`` (``is_full``) a decoder clears itself and this before its next body.
    """

    def __init__(self, limit_bytes: int = 256 << 20) -> None:
        self.limit_bytes = limit_bytes
        self.clear()

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def is_full(self) -> bool:
        """Whether to begin anew."""
        return self.size_bytes > self.limit_bytes

    def clear(self) -> None:
        """Forget everything; numbers given out are void."""
        self.size_bytes = 0
        self._numbers: dict[bytes, int] = {}
        self._labels: list[bytes] = []
        self._ids = np.empty(1024, np.int64)
        self._scratch = np.empty(1024, np.int64)

    def number(self, canonical: bytes) -> int:
        """The number of a series, a new one if need be."""
        found = self._numbers.get(canonical)
        if found is not None:
            return found
        number = len(self._labels)
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
