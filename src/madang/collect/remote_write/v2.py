"""Remote write 2.0: ``io.prometheus.write.v2.Request``, whose texts stand in one table."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

import numpy as np
from google.protobuf.message import DecodeError

from madang.collect.gathered import Gathered
from madang.collect.pushed import FamilyMetadata
from madang.collect.remote_write.bounds import TEXTS_PER_SERIES, check_series, check_size
from madang.collect.remote_write.histograms import add_histograms
from madang.collect.remote_write.messages import METRIC_TYPES, V2
from madang.collect.remote_write.plain import (
    SAMPLE_BYTES,
    ZERO_BYTES,
    Read,
    read_samples,
    read_zeros,
)
from madang.collect.remote_write.symbols import KnownSymbols, keys_of, pairs_of
from madang.collect.sender_labels import SeriesError
from madang.collect.wire_messages import AnyMessage
from madang.core.errors import InvalidInputError

_Request = V2["Request"]
_TimeSeries = V2["TimeSeries"]
_REFS_TAG = 0x0A
CREATED = "created timestamp"


def decode_v2(wire: bytes, known: KnownSymbols, gathered: Gathered) -> None:
    """Read a request into ``gathered``.

    Raises:
        InvalidInputError: it is no Request.
        TooLargeError: it has too many series or texts.
    """
    try:
        request = _Request.FromString(wire)
    except DecodeError:
        raise InvalidInputError("the body is no Request of remote write 2.0") from None
    check_series(len(request.timeseries))
    check_series(len(request.symbols) // TEXTS_PER_SERIES)
    series: list[bytes] = list(request.timeseries)
    reader = _Reader(known, list(request.symbols), gathered)
    for place in reader.single_samples(series):
        reader.read(place, series[place])


# Place, references, sample, and what is behind it.
_Part = tuple[int, bytes, bytes, bytes]


class _Reader:
    def __init__(self, known: KnownSymbols, symbols: list[bytes], gathered: Gathered) -> None:
        self._known = known
        self._symbols = symbols
        self._numbers = known.numbers(symbols)
        self._gathered = gathered
        self._told: set[tuple[str, bytes]] = set()
        # Metadata on the wire → read; None: it is not metadata alone.
        self._metadata: dict[bytes, AnyMessage | None] = {b"": None}

    def single_samples(self, series: list[bytes]) -> list[int]:
        """Take the series that are one sample of the usual shape; the places of the others."""
        usual: list[_Part] = []
        zeros: list[_Part] = []
        others: list[int] = []
        for place, one in enumerate(series):
            size = len(one)
            end = 2 + one[1] if size > ZERO_BYTES and one[0] == _REFS_TAG else size
            if end + ZERO_BYTES > size or not 2 < end < 0x82:
                others.append(place)
                continue
            is_zero = one[end + 1] == ZERO_BYTES - 2
            behind = end + (ZERO_BYTES if is_zero else SAMPLE_BYTES)
            if behind > size:
                others.append(place)
                continue
            part = zeros if is_zero else usual
            part.append((place, one[2:end], one[end:behind], one[behind:]))
        if usual:
            others += self._take(usual, read_samples)
        if zeros:
            others += self._take(zeros, read_zeros)
        return sorted(others)

    def _take(self, parts: list[_Part], read: Callable[[bytes], Read]) -> list[int]:
        places, refs, samples, tails = zip(*parts, strict=True)
        times_ms, values, good = read(b"".join(samples))
        keys = keys_of(refs, self._numbers)
        found = list(map(self._known.series.get, keys))
        if None in found:
            # What is refused here is told by the strict way.
            for row, key in enumerate(keys):
                if found[row] is None and key:
                    with contextlib.suppress(SeriesError):
                        found[row] = self._known.learn(key)
        families, told = self._known.families, self._told
        for row, (number, tail) in enumerate(zip(found, tails, strict=True)):
            if number is None or not tail or (families[number], tail) in told:
                continue
            if not self._tell(places[row], number, tail):
                found[row] = None
        if good.all() and None not in found:
            numbers = np.array(found, np.int64)
            self._gathered.add_samples(np.array(places), numbers, times_ms, values)
            return []
        for row in np.flatnonzero(~good).tolist():
            found[row] = None
        at = np.flatnonzero([number is not None for number in found])
        numbers = np.array([found[row] for row in at], np.int64)
        self._gathered.add_samples(np.array(places)[at], numbers, times_ms[at], values[at])
        return [places[row] for row, number in enumerate(found) if number is None]

    def _tell(self, place: int, number: int, tail: bytes) -> bool:
        """Note the metadata behind a sample; False: there is something else."""
        if tail not in self._metadata:
            try:
                alone = _TimeSeries.FromString(tail)
            except DecodeError:
                return False
            metadata = alone.metadata
            alone.ClearField("metadata")
            self._metadata[tail] = None if alone.ByteSize() else metadata
        if (found := self._metadata[tail]) is None:
            return False
        self._note(place, number, tail, found)
        return True

    def read(self, place: int, wire: bytes) -> None:
        """Read one series of any shape."""
        texts: list[bytes] = []
        try:
            check_size(wire)
            series = _TimeSeries.FromString(wire)
            texts = self._texts(series.labels_refs)
            if not series.samples and not series.histograms:
                raise SeriesError("neither samples nor histograms")  # noqa: TRY301  # one answer
            if series.samples and series.histograms:
                raise SeriesError("both samples and histograms")  # noqa: TRY301
            key = self._numbers[list(series.labels_refs)].tobytes()
            number = self._known.learn(key)
            add_histograms(series.histograms, number, self._gathered)
        except (SeriesError, DecodeError) as error:
            reason = str(error) if isinstance(error, SeriesError) else "not as protobuf writes it"
            self._gathered.refusals.add(place + 1, reason, b" ".join(texts))
            return
        samples = series.samples
        self._gathered.add_series(
            place, number, [one.timestamp for one in samples], [one.value for one in samples]
        )
        if series.created_timestamp or any(one.start_timestamp for one in samples):
            self._gathered.leave_out(CREATED)
        for exemplar in series.exemplars:
            self._exemplar(place, number, exemplar)
        if series.HasField("metadata"):
            self._note(place, number, series.metadata.SerializeToString(), series.metadata)

    def _exemplar(self, place: int, number: int, exemplar: AnyMessage) -> None:
        try:
            pairs = pairs_of(self._texts(exemplar.labels_refs))
            self._gathered.add_exemplar(
                number,
                pairs,
                exemplar.value,
                exemplar.timestamp,
            )
        except SeriesError as error:
            self._gathered.refuse_part(place + 1, "an exemplar", number, error)

    def _note(self, place: int, number: int, wire: bytes, metadata: AnyMessage) -> None:
        # Most series of a family say the same.
        name = self._known.families[number]
        if (name, wire) in self._told:
            return
        self._told.add((name, wire))
        kind: int = metadata.type
        # 0 is the empty text, also where a table has left it away.
        refs = (metadata.help_ref, metadata.unit_ref)
        try:
            texts = [self._symbol(ref).decode(errors="replace") if ref else "" for ref in refs]
        except SeriesError as error:
            self._gathered.refuse_part(place + 1, "metadata", number, error)
            return
        if kind or any(texts):
            kind_name = METRIC_TYPES[kind] if 0 <= kind < len(METRIC_TYPES) else "unknown"
            self._gathered.add_metadata(FamilyMetadata(name, kind_name, *texts))

    def _texts(self, refs: Iterable[int]) -> list[bytes]:
        return [self._symbol(ref) for ref in refs]

    def _symbol(self, ref: int) -> bytes:
        if ref >= len(self._symbols):
            raise SeriesError(f"refers to the symbol {ref}; the request has {len(self._symbols)}")
        return self._symbols[ref]
