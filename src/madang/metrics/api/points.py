"""Samples as JSON, as Prometheus writes them: ``[1435781451.781,"0.5"]``.

A range query has millions of them: they are put together by Arrow, not one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.metrics.number_text import number_text


def point_lists(
    offsets: npt.NDArray[np.int64],
    ts_ms: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
) -> list[bytes]:
    """The samples of each series, from ``offsets[i]`` on, as JSON arrays of points."""
    begins = _taken(ts_ms, lambda ms: f'[{seconds_text(ms)},"')
    between, none = (pa.scalar(text, pa.large_string()) for text in ('"],', ""))
    texts = pc.binary_join_element_wise(
        begins, numbers(values).cast(pa.large_string()), between, none
    )
    _, places, data = texts.buffers()
    bounds = np.frombuffer(places, np.int64)[offsets].tolist()
    text = data.to_pybytes() if data is not None else b""
    return [b"[%b]" % text[begin : max(begin, end - 1)] for begin, end in pairwise(bounds)]


def _taken(ts_ms: npt.NDArray[np.int64], write: Callable[[int], str]) -> pa.LargeStringArray:
    """``write`` of each time, called once for those that are equal."""
    unique, places = np.unique(ts_ms, return_inverse=True)
    texts = pa.array([write(ms) for ms in unique.tolist()], pa.large_string())
    return texts.take(pa.array(places))


def numbers(values: npt.NDArray[np.float64]) -> pa.StringArray:
    """Values as Go's ``FormatFloat(v, 'f', -1, 64)`` writes them: shortest, never an exponent."""
    texts = pa.array(values).cast(pa.string())
    odd = pc.match_substring_regex(texts, "[en]").to_numpy(zero_copy_only=False)
    if not odd.any():
        return texts
    unique, places = np.unique(values[odd], return_inverse=True)
    plain = pa.array([number_text(value) for value in unique.tolist()], pa.string())
    return pc.replace_with_mask(texts, pa.array(odd), plain.take(pa.array(places)))


def seconds_text(ms: int) -> str:
    """A time as seconds with at most three decimals, without zeros at their end."""
    whole, part = divmod(abs(ms), 1000)
    text = f"{whole}.{part:03}".rstrip("0").rstrip(".")
    return f"-{text}" if ms < 0 else text
