"""What a pushed body of metrics says: the common result of all protocols that push."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from madang.core.samples import Samples

TEXT_LIMIT = 200
REFUSED_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Refused:
    """A part that was not taken, while the rest was.

    ``position`` counts from 1: the line of a text, or the series (data point) of a message; 0 is
    the whole. ``text`` is the beginning of what was refused, for people to recognise it.
    """

    position: int
    reason: str
    text: str

    def where(self, what: str) -> str:
        """``line 3: ``, of ``what`` it counts; empty for the whole."""
        return f"{what}{self.position}: " if self.position else ""


@dataclass(frozen=True, slots=True)
class FamilyMetadata:
    """What a sender says of a metric family; empty texts where it says nothing.

    ``type`` is one of Prometheus's: counter, gauge, histogram, gaugehistogram, summary, info,
    stateset, unknown.
    """

    family: str
    type: str
    help: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Exemplar:
    """An exemplar; ``series`` and its own ``labels`` are canonical labels."""

    series: bytes
    labels: bytes
    value: float
    ts_ms: int


@dataclass(frozen=True, slots=True)
class NativeHistograms:
    """Native histograms: of equal length, ``series`` being places in ``Samples.labels``.

    ``messages`` are Prometheus's ``prompb.Histogram``, as they came.
    """

    series: npt.NDArray[np.int32]
    ts_ms: npt.NDArray[np.int64]
    sums: npt.NDArray[np.float64]
    messages: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.messages)


def no_histograms() -> NativeHistograms:
    """None of them."""
    return NativeHistograms(
        np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float64), ()
    )


@dataclass(frozen=True, slots=True)
class Pushed:
    """A decoded body.

    Attributes:
        samples: What is to be stored; ``samples.labels`` also holds the series of ``histograms``.
        series_ids: ``series_id`` of each of ``samples.labels``.
        histograms: Native histograms.
        metadata: Of metric families.
        exemplars: In order of the body.
        refused: What was not taken, the first ``REFUSED_LIMIT`` of it.
        refused_count: How many were not taken.
        left_out: What was understood but is no sample, by what it is (``string field``).
    """

    samples: Samples
    series_ids: npt.NDArray[np.int64]
    histograms: NativeHistograms = field(default_factory=no_histograms)
    metadata: Sequence[FamilyMetadata] = ()
    exemplars: Sequence[Exemplar] = ()
    refused: Sequence[Refused] = ()
    refused_count: int = 0
    left_out: dict[str, int] = field(default_factory=dict)


class Refusals:
    """Gathers what is refused, so that hostile bodies do not cost memory."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[Refused] = []

    def add(self, position: int, reason: str, text: bytes | str = "", count: int = 1) -> None:
        """Note one, or several that are refused as one."""
        self.count += count
        if len(self._kept) < REFUSED_LIMIT:
            self._kept.append(Refused(position, reason, shown(text)))

    def sorted(self) -> list[Refused]:
        """Those that are kept, by position."""
        return sorted(self._kept, key=lambda refused: refused.position)


def shown(text: bytes | str) -> str:
    """The beginning of a text, on one line, whatever its bytes."""
    if isinstance(text, bytes):
        text = text[:TEXT_LIMIT].decode(errors="backslashreplace")
    text = text[:TEXT_LIMIT]
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )
