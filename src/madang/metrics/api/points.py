"""Samples as JSON, as Prometheus writes them: ``[1435781451.781,"0.5"]``.

A range query has millions of them: they are put together by Arrow, not one by one.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def points(ts_ms: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> pa.StringArray:
    """Each sample as a JSON array of seconds and the value as text."""
    return pc.binary_join_element_wise(
        pc.binary_join_element_wise("[", seconds(ts_ms), ""),
        pc.binary_join_element_wise(numbers(values), '"]', ""),
        ',"',
    )


def point_lists(
    offsets: npt.NDArray[np.int64],
    ts_ms: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
) -> list[str]:
    """The samples of each series, as JSON arrays of points."""
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), points(ts_ms, values).cast("string"))
    joined = pc.binary_join(lists, ",")
    return [f"[{text}]" for text in joined.to_pylist()]


def seconds(ts_ms: npt.NDArray[np.int64]) -> pa.StringArray:
    """Times as seconds with at most three decimals, without zeros at their end."""
    unique, places = np.unique(ts_ms, return_inverse=True)
    texts = [_seconds_text(ms) for ms in unique.tolist()]
    return pa.array(texts, pa.string()).take(pa.array(places))


def numbers(values: npt.NDArray[np.float64]) -> pa.StringArray:
    """Values as Go's ``FormatFloat(v, 'f', -1, 64)`` writes them: shortest, never an exponent."""
    texts = pa.array(values).cast(pa.string())
    odd = pc.match_substring_regex(texts, "[en]").to_numpy(zero_copy_only=False)
    if not odd.any():
        return texts
    unique, places = np.unique(values[odd], return_inverse=True)
    plain = pa.array([number_text(value) for value in unique.tolist()], pa.string())
    return pc.replace_with_mask(texts, pa.array(odd), plain.take(pa.array(places)))


def number_text(value: float) -> str:
    """One value; see ``numbers``."""
    if value != value:  # noqa: PLR0124 -- NaN
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")


def _seconds_text(ms: int) -> str:
    whole, part = divmod(abs(ms), 1000)
    text = f"{whole}.{part:03}".rstrip("0").rstrip(".")
    return f"-{text}" if ms < 0 else text
