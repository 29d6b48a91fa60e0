"""Samples as JSON, as Prometheus writes them: ``[1435781451.781,"0.5"]``.

A range query has millions of them: orjson writes the numbers of some series at a time, and what
stands around them is put in between by joining lists; no Python runs for each point.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import orjson

from madang.metrics.number_text import sample_text

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]

# Within these, orjson writes numbers as Prometheus does: without an exponent.
_PLAIN_FROM, _PLAIN_BELOW = 1e-5, 1e16
# Beyond these, both write an exponent; from one to the other Prometheus does not.
_SMALL_BELOW, _LARGE_FROM = 1e-6, 1e21
_AT_ONCE = 16_384
_EXACT_MS = 10**15
"""Before this time, seconds as a double have all their milliseconds."""
_KEPT_TIMES = 64


def point_lists(offsets: _Ints, ts_ms: _Ints, values: _Floats) -> list[bytes]:
    """The samples of each series, from ``offsets[i]`` on, as JSON arrays of points."""
    texts: list[bytes] = []
    known: dict[bytes, list[bytes]] = {}
    bounds = offsets.tolist()
    for first, last in _groups(bounds):
        begin = bounds[first]
        written = number_texts(values[begin : bounds[last]])
        for start, end in pairwise(bounds[first : last + 1]):
            if start == end:
                texts.append(b"[]")
                continue
            parts = [b""] * (2 * (end - start))
            parts[0::2] = _befores(ts_ms[start:end], known)
            parts[1::2] = written[start - begin : end - begin]
            texts.append(b'[[%b"]]' % b"".join(parts))
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
    return _split(text)


def number_texts(values: _Floats) -> list[bytes]:
    """Values as ``sample_text`` writes each of them."""
    values = np.ascontiguousarray(values)
    text = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)
    sizes = np.abs(values)
    usual = (sizes >= _PLAIN_FROM) & (sizes < _PLAIN_BELOW) | (sizes == 0)
    if usual.all():
        return _split(text)
    text = text[:-1] + b",]"
    text = text.replace(b"null", b"NaN")
    if (~usual & (sizes < _PLAIN_FROM)).any():
        text = _without_millionths(text)
        for short, padded in ((b"e-7,", b"e-07,"), (b"e-8,", b"e-08,"), (b"e-9,", b"e-09,")):
            text = text.replace(short, padded)
    texts = _split(text)[:-1]
    odd = np.isinf(values) | (sizes >= _PLAIN_BELOW) & (sizes < _LARGE_FROM)
    places = np.flatnonzero(odd)
    if len(places):
        unique, kinds = np.unique(values[places], return_inverse=True)
        written = [sample_text(value).encode() for value in unique.tolist()]
        for place, kind in zip(places.tolist(), kinds.tolist(), strict=True):
            texts[place] = written[kind]
    return texts


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


def _split(text: bytes) -> list[bytes]:
    """The numbers of a list that orjson wrote, whole ones without ``.0``."""
    inner = text[1:-1]
    if not inner:
        return []
    return inner.replace(b".0,", b",").removesuffix(b".0").split(b",")


def seconds_text(ms: int) -> str:
    """A time as seconds with at most three decimals, without zeros at their end."""
    whole, part = divmod(abs(ms), 1000)
    text = f"{whole}.{part:03}".rstrip("0") if part else str(whole)
    return f"-{text}" if ms < 0 else text
