"""Remote write 1.0: ``prometheus.WriteRequest``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from madang.collect.gathered import Gathered
from madang.collect.pushed import TEXT_LIMIT, FamilyMetadata
from madang.collect.remote_write.bounds import check_series, check_size
from madang.collect.remote_write.histograms import add_histograms
from madang.collect.remote_write.messages import METRIC_TYPES, V1
from madang.collect.remote_write.plain import (
    SAMPLE_BYTES,
    ZERO_BYTES,
    Read,
    read_samples,
    read_zeros,
)
from madang.collect.sender_labels import SeriesError, series_labels
from madang.core.errors import InvalidInputError

_WriteRequest = V1["WriteRequest"]
_TimeSeries = V1["TimeSeries"]

_LABEL_TAG = 0x0A

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


class KnownHeads:
    """Label bytes of series as they stand on the wire, by which a series is known again.

    A head is stored once it was read as labels and nothing else. As protobuf is read from left to
    right, what follows a known head can be read for itself.
    """

    def __init__(self) -> None:
        self.numbers: dict[bytes, int] = {}


def decode_v1(wire: bytes, heads: KnownHeads, gathered: Gathered) -> None:
    """Read a request into ``gathered``.

    Raises:
        InvalidInputError: it is no WriteRequest.
        TooLargeError: it has too many series.
    """
    try:
        request = _WriteRequest.FromString(wire)
    except DecodeError:
        raise InvalidInputError("the body is no WriteRequest of remote write 1.0") from None
    check_series(max(len(request.timeseries), len(request.metadata)))
    series: list[bytes] = list(request.timeseries)
    others = _single_samples(series, range(len(series)), heads, gathered)
    if others and _learn_heads(series, others, heads, gathered):
        others = _single_samples(series, others, heads, gathered)
    for place in _many_samples(series, others, heads, gathered):
        _read_series(place, series[place], gathered)
    for one in request.metadata:
        gathered.add_metadata(
            FamilyMetadata(
                _text(one.metric_family_name),
                METRIC_TYPES[one.type] if 0 <= one.type < len(METRIC_TYPES) else "unknown",
                _text(one.help),
                _text(one.unit),
            )
        )


def _single_samples(
    series: list[bytes], places: range | list[int], heads: KnownHeads, gathered: Gathered
) -> list[int]:
    """Take the series that are a known head and one sample; the places of the others."""
    known = heads.numbers.get
    numbers = [known(series[place][:-SAMPLE_BYTES]) for place in places]
    others = _take(series, places, numbers, SAMPLE_BYTES, gathered)
    numbers = [known(series[place][:-ZERO_BYTES]) for place in others]
    return _take(series, others, numbers, ZERO_BYTES, gathered)


def _learn_heads(
    series: list[bytes], places: list[int], heads: KnownHeads, gathered: Gathered
) -> bool:
    """Know the heads of the series at ``places`` from now on; whether any was new."""
    before = len(heads.numbers)
    for place in places:
        head = series[place][: _head_end(series[place])]
        if not head or head in heads.numbers:
            continue
        try:
            alone = _TimeSeries.FromString(head)
            pairs = [(label.name, label.value) for label in alone.labels]
            only_labels = not (alone.samples or alone.exemplars or alone.histograms)
            number = gathered.table.number(series_labels(pairs))
        except (DecodeError, SeriesError):
            continue
        if only_labels:
            heads.numbers[head] = number
            gathered.table.note(head)
    return len(heads.numbers) > before


def _take(
    series: list[bytes],
    places: range | list[int],
    numbers: list[int | None],
    size: int,
    gathered: Gathered,
) -> list[int]:
    known = [place for place, number in zip(places, numbers, strict=True) if number is not None]
    if not known:
        return list(places)
    wire = b"".join([series[place][-size:] for place in known])
    read = read_samples(wire) if size == SAMPLE_BYTES else read_zeros(wire)
    found = np.array([number for number in numbers if number is not None], np.int64)
    good = _add(gathered, np.array(known), found, read)
    if good.all() and len(known) == len(places):
        return []
    taken = set(np.array(known)[good].tolist())
    return [place for place in places if place not in taken]


def _many_samples(
    series: list[bytes], places: list[int], heads: KnownHeads, gathered: Gathered
) -> list[int]:
    """Take the series that are a known head and many samples; the places of the others."""
    known: list[tuple[int, int]] = []
    tails: list[bytes] = []
    counts: list[int] = []
    for place in places:
        one = series[place]
        end = _head_end(one)
        count, rest = divmod(len(one) - end, SAMPLE_BYTES)
        number = heads.numbers.get(one[:end])
        if number is not None and count and not rest:
            known.append((place, number))
            tails.append(one[end:])
            counts.append(count)
    if not known:
        return places
    times_ms, values, good = read_samples(b"".join(tails))
    starts = np.cumsum(counts) - np.array(counts)
    whole = np.logical_and.reduceat(good, starts)
    numbers = np.array([number for _, number in known], np.int64)
    usual = np.repeat(whole, counts)
    at = np.repeat([place for place, _ in known], counts)
    _add(gathered, at, np.repeat(numbers, counts), (times_ms, values, usual))
    taken = {place for (place, _), all_good in zip(known, whole.tolist(), strict=True) if all_good}
    return [place for place in places if place not in taken]


def _add(gathered: Gathered, places: Integers, numbers: Integers, read: Read) -> Booleans:
    times_ms, values, good = read
    if good.all():
        gathered.add_samples(places, numbers, times_ms, values)
    else:
        gathered.add_samples(places[good], numbers[good], times_ms[good], values[good])
    return good


def _head_end(wire: bytes) -> int:
    """Where the labels in front of a series end."""
    at, size = 0, len(wire)
    while at + 1 < size and wire[at] == _LABEL_TAG:
        length = wire[at + 1]
        if length >= 0x80:
            if at + 2 >= size or wire[at + 2] >= 0x80:
                break
            length = (length & 0x7F) + (wire[at + 2] << 7) + 1
        at += 2 + length
    return min(at, size)


def _read_series(place: int, wire: bytes, gathered: Gathered) -> None:
    try:
        check_size(wire)
        series = _TimeSeries.FromString(wire)
    except (DecodeError, SeriesError) as error:
        reason = str(error) if isinstance(error, SeriesError) else "no TimeSeries"
        gathered.refusals.add(place + 1, reason, wire[:TEXT_LIMIT])
        return
    pairs = [(label.name, label.value) for label in series.labels]
    try:
        number = gathered.table.number(series_labels(pairs))
        add_histograms(series.histograms, number, gathered)
    except (SeriesError, DecodeError) as error:
        reason = str(error) if isinstance(error, SeriesError) else "no Histogram"
        gathered.refusals.add(place + 1, reason, shown_pairs(pairs))
        return
    gathered.add_series(
        place,
        number,
        [one.timestamp for one in series.samples],
        [one.value for one in series.samples],
    )
    for exemplar in series.exemplars:
        of = [(label.name, label.value) for label in exemplar.labels]
        try:
            gathered.add_exemplar(number, of, exemplar.value, exemplar.timestamp)
        except SeriesError as error:
            gathered.refuse_part(place + 1, "an exemplar", number, error)


def shown_pairs(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """Labels for people, whatever their bytes."""
    return b", ".join(name + b"=" + value for name, value in pairs)


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")
