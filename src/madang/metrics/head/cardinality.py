"""What the series of a head are: which names and labels make most of them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from madang.core.samples import METRIC_NAME
from madang.metrics.head.label_columns import ColumnView
from madang.metrics.head.series_limits import RefusedSeries

_Counts = npt.NDArray[np.int64]
_FEW = 10


@dataclass(frozen=True, slots=True)
class Counted:
    """A name and how much there is of it."""

    name: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cardinality:
    """The series of a head; each list has the largest first.

    Attributes:
        series: How many.
        label_pairs: How many different pairs of label and value.
        chunks: How many parts and runs hold the samples.
        oldest_ms: The begin of the oldest block; None without samples.
        newest_ms: The newest sample.
        by_metric: Series by metric name.
        values_by_label: Different values by label name.
        bytes_by_label: Bytes of the values of all series by label name, each counted anew.
        by_pair: Series by ``label=value``.
        refused: Series that limits refused.
    """

    series: int
    label_pairs: int
    chunks: int
    oldest_ms: int | None
    newest_ms: int | None
    by_metric: Sequence[Counted]
    values_by_label: Sequence[Counted]
    bytes_by_label: Sequence[Counted]
    by_pair: Sequence[Counted]
    refused: Sequence[RefusedSeries] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCounts:
    """What the labels alone tell; see ``Cardinality``."""

    label_pairs: int
    by_metric: Sequence[Counted]
    values_by_label: Sequence[Counted]
    bytes_by_label: Sequence[Counted]
    by_pair: Sequence[Counted]


def count_labels(columns: Mapping[str, ColumnView], limit: int) -> LabelCounts:
    """Count what label columns hold, the ``limit`` largest of each kind."""
    pairs: list[Counted] = []
    values: list[Counted] = []
    sizes: list[Counted] = []
    by_metric: list[Counted] = []
    for name, column in columns.items():
        counts = np.bincount(column.codes)
        most_used = _most_used(column.texts, counts, limit)
        pairs += (Counted(f"{name}={one.name}", one.count) for one in most_used)
        values.append(Counted(name, int(np.count_nonzero(counts))))
        sizes.append(Counted(name, _value_bytes(column.texts, counts)))
        if name == METRIC_NAME:
            by_metric = most_used
    return LabelCounts(
        label_pairs=sum(one.count for one in values),
        by_metric=by_metric,
        values_by_label=_largest(values, limit),
        bytes_by_label=_largest(sizes, limit),
        by_pair=_largest(pairs, limit),
    )


def _most_used(texts: Sequence[str], counts: _Counts, limit: int) -> list[Counted]:
    """The values of a column that most series have."""
    codes = np.flatnonzero(counts)
    if len(codes) > limit:
        least = np.partition(counts[codes], len(codes) - limit)[len(codes) - limit]
        above, equal = codes[counts[codes] > least], codes[counts[codes] == least]
        codes = np.concatenate([above, equal[: _FEW * limit]])
    return _largest((Counted(texts[code], int(counts[code])) for code in codes.tolist()), limit)


def _value_bytes(texts: Sequence[str], counts: _Counts) -> int:
    sizes = pc.binary_length(pa.array(texts[: len(counts)], pa.large_string())).to_numpy()
    return int(sizes @ counts)


def _largest(counted: Iterable[Counted], limit: int) -> list[Counted]:
    return heapq.nsmallest(limit, counted, key=lambda one: (-one.count, one.name))
