"""What the series of a head are: which names and labels make most of them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from madang.core.samples import METRIC_NAME
from madang.metrics.head.label_columns import LabelColumn


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
        refused: Series that limits refused, by job.
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
    refused: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCounts:
    """What the labels alone tell; see ``Cardinality``."""

    label_pairs: int
    by_metric: Sequence[Counted]
    values_by_label: Sequence[Counted]
    bytes_by_label: Sequence[Counted]
    by_pair: Sequence[Counted]


def count_labels(columns: Mapping[str, LabelColumn], limit: int) -> LabelCounts:
    """Count what label columns hold, the ``limit`` largest of each kind."""
    pairs: list[Counted] = []
    for name, column in columns.items():
        pairs += (Counted(f"{name}={one.name}", one.count) for one in _most_used(column, limit))
    names = columns.get(METRIC_NAME)
    return LabelCounts(
        label_pairs=sum(len(column.texts) for column in columns.values()),
        by_metric=list(_most_used(names, limit)) if names is not None else [],
        values_by_label=_largest(
            (Counted(name, len(column.texts)) for name, column in columns.items()), limit
        ),
        bytes_by_label=_largest(
            (Counted(name, _value_bytes(column)) for name, column in columns.items()), limit
        ),
        by_pair=_largest(pairs, limit),
    )


def _most_used(column: LabelColumn, limit: int) -> Iterator[Counted]:
    """The values of a column that most series have."""
    counts = np.bincount(column.codes.values, minlength=len(column.texts))
    codes = np.arange(len(counts))
    if len(counts) > limit:
        codes = np.argpartition(-counts, limit - 1)[:limit]
    codes = codes[np.lexsort((codes, -counts[codes]))]
    for code in codes.tolist():
        yield Counted(column.texts[code], int(counts[code]))


def _value_bytes(column: LabelColumn) -> int:
    sizes = pc.binary_length(pa.array(column.texts, pa.large_string())).to_numpy()
    counts = np.bincount(column.codes.values, minlength=len(column.texts))
    return int(sizes @ counts)


def _largest(counted: Iterable[Counted], limit: int) -> list[Counted]:
    return heapq.nsmallest(limit, counted, key=lambda one: (-one.count, one.name))
