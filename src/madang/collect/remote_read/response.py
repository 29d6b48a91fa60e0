"""Series → the response of remote read that has samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from madang.collect.remote_read.messages import MESSAGES
from madang.collect.remote_write.plain import SAMPLE_BYTES, fits, write_samples
from madang.collect.remote_write.snappy import pack
from madang.collect.remote_write.varint import varint

CONTENT_TYPE = "application/x-protobuf"
_RESULT, _SERIES = b"\x0a", b"\x0a"

Labels = tuple[tuple[str, str], ...]


class SeriesColumns(Protocol):
    """Samples of several series: those of series ``i`` stand from ``offsets[i]`` on."""

    @property
    def labels(self) -> Sequence[Labels]:
        """Pairs of name and value, sorted by name."""
        ...

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """Where the samples of each series begin, and where the last ones end."""
        ...

    @property
    def ts_ms(self) -> npt.NDArray[np.int64]:
        """Milliseconds since 1970, ascending in each series."""
        ...

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """The values."""
        ...


def write_response(results: Iterable[SeriesColumns], added: Mapping[str, str]) -> bytes:
    """A packed ReadResponse, each result's series sorted by their labels.

    Args:
        results: One for each query of the request, in order.
        added: Labels of the server, which series have that lack them.
    """
    parts: list[bytes] = []
    for result in results:
        series = list(_series(result, added))
        parts += (_RESULT, varint(sum(map(len, series))), *series)
    return pack(b"".join(parts))


def _series(result: SeriesColumns, added: Mapping[str, str]) -> Iterator[bytes]:
    bounds = list(pairwise(result.offsets.tolist()))
    labels = [_with(one, added) for one in result.labels] if added else result.labels
    fast = fits(result.ts_ms)
    wire = write_samples(result.ts_ms, result.values) if fast else b""
    for place in sorted(range(len(labels)), key=labels.__getitem__):
        start, end = bounds[place]
        if start == end:
            continue
        message: Any = MESSAGES["TimeSeries"]()
        for name, value in labels[place]:
            message.labels.add(name=name, value=value)
        if fast:
            samples = wire[start * SAMPLE_BYTES : end * SAMPLE_BYTES]
        else:
            samples = b""
            pairs = zip(
                result.ts_ms[start:end].tolist(), result.values[start:end].tolist(), strict=True
            )
            for ts_ms, number in pairs:
                message.samples.add(value=number, timestamp=ts_ms)
        head = message.SerializeToString()
        yield b"".join((_SERIES, varint(len(head) + len(samples)), head, samples))


def _with(labels: Labels, added: Mapping[str, str]) -> Labels:
    """Labels, and those of the server that they lack."""
    return tuple(sorted((dict(added) | dict(labels)).items()))
