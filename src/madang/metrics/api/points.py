"""Samples as JSON, as Prometheus writes them: ``[1435781451.781,"0.5"]``.

A range query has millions of them. orjson writes the numbers of some series at a time, with a comma
between; each comma then becomes what stands between two values, and numpy writes the times into
these gaps. No Python runs, and no object is made, for each point.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import orjson

from madang.metrics.number_text import sample_text
from madang.metrics.promql.windows import alike

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]

# Within these, orjson writes numbers as Prometheus does: without an exponent.
_PLAIN_FROM, _PLAIN_BELOW = 1e-5, 1e16
# Beyond these, both write an exponent; from one to the other Prometheus does not.
_SMALL_BELOW, _LARGE_FROM = 1e-6, 1e21
_WHOLE_BELOW = 2.0**53
"""Below this, a whole number is written alike as an integer, which is much quicker."""
_MINUS_ZERO = np.iinfo(np.int64).min
"""The bits of -0.0, which an integer is not."""
_AT_ONCE = 32_768
_EXACT_MS = 10**15
"""Before this time, seconds as a double have all their milliseconds."""
_KEPT_TIMES = 64


def point_texts(offsets: _Ints, ts_ms: _Ints, values: _Floats) -> list[memoryview]:
    """The points of each series, from ``offsets[i]`` on, with commas between: a list's inside."""
    texts: list[memoryview] = []
    known: dict[bytes, list[bytes]] = {}
    bounds = offsets.tolist()
    for first, last in _groups(bounds):
        own = slice(bounds[first], bounds[last])
        numbers = number_line(values[own])
        starts = offsets[first : last + 1] - own.start
        texts += _spread(starts, ts_ms[own], numbers) or _joined(starts, ts_ms[own], numbers, known)
    return texts


def _spread(starts: _Ints, ts_ms: _Ints, numbers: bytes) -> list[memoryview]:
    """The points of series whose times have one number of digits and one fraction of a second.

    So they have in most range queries. Nothing where they do not.
    """
    if not len(ts_ms):
        return [memoryview(b"")] * (len(starts) - 1)
    rows = len(starts) - 1 if alike(ts_ms, starts) else 1
    ts_ms = ts_ms[: len(ts_ms) // rows]
    seconds = ts_ms // 1000
    width = len(str(seconds.max()))
    fraction = int(ts_ms[0] - 1000 * seconds[0])
    if seconds.min() < 10 ** (width - 1) or np.any(ts_ms - 1000 * seconds != fraction):
        return []
    end = seconds_text(fraction).encode()[1:]
    gap = b'"],[%b%b,"' % (b"0" * width, end)
    line = b",%b" % numbers
    commas = np.flatnonzero(np.frombuffer(line, np.uint8) == ord(","))
    places = commas + np.arange(len(commas)) * (len(gap) - 1)
    text = bytearray(line).replace(b",", gap)
    text += b'"]'
    written = orjson.dumps(seconds, option=orjson.OPT_SERIALIZE_NUMPY)
    kind = f"V{width}"
    times = np.ndarray(len(seconds), kind, written, 1, (width + 1,))
    anywhere = np.ndarray(len(text) - width + 1, kind, text, 0, (1,))
    anywhere[places.reshape(rows, -1) + 4] = times
    whole = memoryview(text)
    bounds = np.append(places, len(text) - 2)[starts].tolist()
    # Of the gap before a series its end is the series', and its begin that of the one before.
    return [whole[begin + 3 : max(begin + 3, end_ + 2)] for begin, end_ in pairwise(bounds)]


def _joined(
    starts: _Ints, ts_ms: _Ints, numbers: bytes, known: dict[bytes, list[bytes]]
) -> list[memoryview]:
    """The points of series with any times."""
    texts: list[memoryview] = []
    written = numbers.split(b",")
    for start, end in pairwise(starts.tolist()):
        if start == end:
            texts.append(memoryview(b""))
            continue
        parts = [b""] * (2 * (end - start))
        parts[0::2] = _befores(ts_ms[start:end], known)
        parts[1::2] = written[start:end]
        texts.append(memoryview(b'[%b"]' % b"".join(parts)))
    return texts


def _groups(bounds: list[int]) -> Iterator[tuple[int, int]]:
    """Series that follow each other and together have not too many samples."""
    first = 0
    for place in range(1, len(bounds)):
        if bounds[place] - bounds[first] >= _AT_ONCE:
            yield first, place
            first = place
    if first < len(bounds) - 1:
        yield first, len(bounds) - 1


def _befores(ts_ms: _Ints, known: dict[bytes, list[bytes]]) -> list[bytes]:
    """What stands before each value of a series: its time, and the end of the point before.

    The series of a range query have the same steps, or all but a few of them.
    """
    key = ts_ms.tobytes()
    found = known.get(key)
    if found is None:
        if len(known) >= _KEPT_TIMES:
            known.clear()
        times = b",".join(time_texts(ts_ms))
        found = known[key] = times.replace(b",", b',"|"],[').split(b"|")
        found[-1] += b',"'
    return found


def time_texts(ts_ms: _Ints) -> list[bytes]:
    """Times as seconds with at most three decimals, without zeros at their end."""
    if len(ts_ms) and np.abs(ts_ms).max() >= _EXACT_MS:
        return [seconds_text(ms).encode() for ms in ts_ms.tolist()]
    text = orjson.dumps(ts_ms / 1000, option=orjson.OPT_SERIALIZE_NUMPY)
    return _inside(text).split(b",") if len(ts_ms) else []


def number_texts(values: _Floats) -> list[bytes]:
    """Values as ``sample_text`` writes each of them."""
    return number_line(values).split(b",") if len(values) else []


def number_line(values: _Floats) -> bytes:
    """Values as ``sample_text`` writes each of them, with commas between."""
    values = np.ascontiguousarray(values)
    sizes = np.abs(values)
    with np.errstate(invalid="ignore"):
        integers = values.astype(np.int64)
    whole = (integers == values) & (sizes < _WHOLE_BELOW)
    if whole.all() and not np.any(values.view(np.int64) == _MINUS_ZERO):
        return orjson.dumps(integers, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    text = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)
    usual = (sizes >= _PLAIN_FROM) & (sizes < _PLAIN_BELOW) | (sizes == 0)
    if usual.all():
        return _inside(text) if whole.any() or sizes.max() >= _WHOLE_BELOW else text[1:-1]
    text = text[:-1] + b",]"
    text = text.replace(b"null", b"NaN")
    if (~usual & (sizes < _PLAIN_FROM)).any():
        text = _without_millionths(text)
        for short, padded in ((b"e-7,", b"e-07,"), (b"e-8,", b"e-08,"), (b"e-9,", b"e-09,")):
            text = text.replace(short, padded)
    line = _inside(text)[:-1]
    odd = np.isinf(values) | (sizes >= _PLAIN_BELOW) & (sizes < _LARGE_FROM)
    places = np.flatnonzero(odd)
    if not len(places):
        return line
    texts = line.split(b",")
    unique, kinds = np.unique(values[places], return_inverse=True)
    written = [sample_text(value).encode() for value in unique.tolist()]
    for place, kind in zip(places.tolist(), kinds.tolist(), strict=True):
        texts[place] = written[kind]
    return b",".join(texts)


def _without_millionths(text: bytes) -> bytes:
    """A list of numbers, a comma behind each, with ``d.dde-6`` written as ``0.00000ddd``."""
    signs = np.frombuffer(b"," + text[1:], np.uint8).copy()
    at = np.flatnonzero(signs == ord("e"))
    at = at[(signs[at + 1] == ord("-")) & (signs[at + 2] == ord("6")) & (signs[at + 3] == ord(","))]
    commas = np.flatnonzero(signs == ord(","))
    starts = commas[np.searchsorted(commas, at) - 1] + 1
    starts += signs[starts] == ord("-")
    # The first digit takes the place of what is behind it: the point, or the e.
    signs[starts + 1] = signs[starts]
    signs[starts] = ord("~")
    kept = np.ones(len(signs), np.bool_)
    kept[at[starts + 1 < at]] = False
    kept[at + 1] = kept[at + 2] = False
    return b"[" + signs[kept].tobytes()[1:].replace(b"~", b"0.00000")


def _inside(text: bytes) -> bytes:
    """The numbers of a list that orjson wrote, with commas between, whole ones without ``.0``."""
    return text[1:-1].replace(b".0,", b",").removesuffix(b".0")


def seconds_text(ms: int) -> str:
    """A time as seconds with at most three decimals, without zeros at their end."""
    whole, part = divmod(abs(ms), 1000)
    text = f"{whole}.{part:03}".rstrip("0") if part else str(whole)
    return f"-{text}" if ms < 0 else text
