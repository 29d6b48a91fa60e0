"""Numbers as Go's ``ParseFloat`` reads them: one by one, and by the thousand."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_DECIMAL = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEXADECIMAL = re.compile(
    rb"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+"
)
"""What ``le`` may be written in, though no value of a sample."""
_INFINITE = re.compile(rb"[+-]?inf(?:inity)?", re.IGNORECASE)
_REMEMBERED_BYTES = 64  # a longer text is no bound that comes again and again
_EXPONENT_FROM = 6  # Go: below 1e-4 and from 1e6 on
_LACKING_MS = 1e-3  # four times what a double of today in milliseconds can lack
INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1

Offsets: TypeAlias = npt.NDArray[np.int32]


def parse_float(text: bytes) -> float:
    """One number.

    Raises:
        ValueError: not a number; hexadecimal, with underscores or beyond the range of a double,
            which Prometheus refuses as well.
    """
    if _DECIMAL.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise ValueError(f"{text[:40].decode()} is beyond the range of a double")
        return value
    if _INFINITE.fullmatch(text):
        return -math.inf if text[:1] == b"-" else math.inf
    if text.lower() == b"nan":
        return math.nan
    if not text:
        raise ValueError("the line ends")
    raise ValueError(f"{text[:40].decode(errors='backslashreplace')!r} is not a number")


def slices(body: bytes, starts: Offsets, ends: Offsets) -> pa.StringArray:
    """The slices ``body[starts[i]:ends[i]]``, ascending and apart, copied next to each other.

    The bytes are not checked to be UTF-8.
    """
    count = len(starts)
    if count == 0:
        return pa.array([], pa.string())
    bounds = np.empty(2 * count, np.int32)
    bounds[0::2] = starts
    bounds[1::2] = ends
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(body)]
    both = pa.Array.from_buffers(pa.string(), 2 * count - 1, buffers)
    return both.take(pa.array(np.arange(0, 2 * count, 2, dtype=np.int32)))


class NotANumberError(Exception):
    """Within this package: the text at ``place`` is not a number, and why."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(reason)
        self.place = place
        self.reason = reason


def parse_floats(texts: pa.StringArray) -> npt.NDArray[np.float64]:
    """The numbers that the texts are.

    Arrow reads more than Go does (``-nan``, ``nan(1)``, 1e999 as infinite), but nothing of that is
    finite: so only what is not finite is looked at again.

    Raises:
        NotANumberError: the first that is not a number.
    """
    try:
        values: npt.NDArray[np.float64] = texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return _one_by_one(texts)
    odd = np.flatnonzero(~np.isfinite(values))
    if len(odd):
        taken = texts.take(pa.array(odd))
        try:
            for text in pc.unique(taken.view(pa.binary())).to_pylist():
                parse_float(text)
        except ValueError:
            return _one_by_one(texts)
        values = values.copy()
        values[np.isnan(values)] = np.nan  # one NaN: never one that marks staleness
    return values


def _one_by_one(texts: pa.StringArray) -> npt.NDArray[np.float64]:
    values = np.empty(len(texts), np.float64)
    for place, text in enumerate(texts.view(pa.binary()).to_pylist()):
        try:
            values[place] = parse_float(text)
        except ValueError as error:
            raise NotANumberError(place, str(error)) from None
    return values


def milliseconds(seconds: float) -> int:
    """Seconds as whole milliseconds towards zero, within 64 bits.

    Where only the last bits of the double lack to a whole millisecond, it is that one.
    """
    scaled = seconds * 1000
    if not INT64_MIN < scaled < INT64_MAX:
        return INT64_MAX if seconds > 0 else INT64_MIN + 1
    near = round(scaled)
    return near if abs(scaled - near) < _LACKING_MS else int(scaled)


def whole_milliseconds(seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """What ``milliseconds`` is, of many finite numbers."""
    with np.errstate(over="ignore"):
        scaled = seconds * 1000
    inside = (scaled > INT64_MIN) & (scaled < INT64_MAX)
    scaled = np.where(inside, scaled, 0)
    near = np.rint(scaled)
    whole = np.where(np.abs(scaled - near) < _LACKING_MS, near, np.trunc(scaled)).astype(np.int64)
    whole[~inside] = np.where(seconds[~inside] < 0, INT64_MIN + 1, INT64_MAX)
    return whole


def number_of_seconds(ts_ms: int) -> bytes:
    """Milliseconds as seconds, exactly."""
    whole, rest = divmod(abs(ts_ms), 1000)
    sign = "-" if ts_ms < 0 else ""
    return f"{sign}{whole}.{rest:03d}".rstrip("0").rstrip(".").encode()


def label_float(text: bytes) -> bytes:
    """The value of ``le`` or ``quantile`` as OpenMetrics writes floats; no float stays as it is.

    Prometheus 3 does so for histograms and summaries of every format, so that a bucket has one
    name however a target writes it.
    """
    return _label_float(text) if len(text) <= _REMEMBERED_BYTES else _label_float.__wrapped__(text)


@lru_cache(maxsize=4096)
def _label_float(text: bytes) -> bytes:
    try:
        is_hexadecimal = _HEXADECIMAL.fullmatch(text) is not None
        value = float.fromhex(text.decode()) if is_hexadecimal else parse_float(text)
        return format_float(value, always_point=True).encode()
    except (ValueError, OverflowError):
        return text


def format_float(value: float, *, always_point: bool = False) -> str:
    """The shortest text that reads as this number again, as Go writes it.

    Args:
        value: Any double.
        always_point: OpenMetrics' way: ``1.0`` rather than ``1``.
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        text = "-0" if math.copysign(1, value) < 0 else "0"
        return text + ".0" if always_point else text
    sign, digits, _ = exact = Decimal(repr(value)).normalize().as_tuple()
    figures = "".join(map(str, digits))
    exponent = len(digits) + int(exact.exponent) - 1
    minus = "-" if sign else ""
    if exponent < -4 or exponent >= _EXPONENT_FROM:
        rest = f".{figures[1:]}" if len(figures) > 1 else ""
        return f"{minus}{figures[0]}{rest}e{exponent:+03d}"
    if exponent < 0:
        return f"{minus}0.{'0' * (-exponent - 1)}{figures}"
    whole = figures[: exponent + 1].ljust(exponent + 1, "0")
    rest = figures[exponent + 1 :]
    if rest or always_point:
        return f"{minus}{whole}.{rest or '0'}"
    return minus + whole
