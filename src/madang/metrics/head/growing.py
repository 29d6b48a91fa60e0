"""Arrays that grow at their end."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", bound=np.generic)


class GrowingArray(Generic[Number]):
    """A one-dimensional array with room behind its end; appending is amortised.

    Args:
        dtype: Of the elements.
        values: What it holds at first. They are copied when it grows.
    """

    def __init__(self, dtype: type[Number], values: npt.NDArray[Number] | None = None) -> None:
        self._array: npt.NDArray[Number] = np.empty(0, dtype) if values is None else values
        self._size = len(self._array)

    def __len__(self) -> int:
        return self._size

    @property
    def values(self) -> npt.NDArray[Number]:
        """What it holds; the view stays as it is when more is appended."""
        return self._array[: self._size]

    def extend(self, values: npt.NDArray[Number]) -> None:
        """Append."""
        end = self._size + len(values)
        if end > len(self._array):
            grown = np.empty(max(end, len(self._array) * 3 // 2, 16), self._array.dtype)
            grown[: self._size] = self.values
            self._array = grown
        self._array[self._size : end] = values
        self._size = end
