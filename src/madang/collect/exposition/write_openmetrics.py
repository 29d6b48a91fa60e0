"""Samples → a page of OpenMetrics that its strict rules accept.

Of a family that would break a rule (a histogram without its last bucket, a negative counter, a
name that clashes) nothing is left out: its samples are written without a type.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from madang.collect.exposition.families import METRIC_NAME, SUFFIXES, KnownSample
from madang.collect.exposition.known import PageCache
from madang.collect.exposition.numbers import number_of_seconds
from madang.collect.exposition.openmetrics import parse_openmetrics
from madang.collect.exposition.page import (
    NO_TIMESTAMP,
    Exemplar,
    Family,
    MetricType,
    PageLimits,
)
from madang.collect.exposition.problem import MalformedPageError
from madang.collect.exposition.series_text import Grammar
from madang.collect.exposition.writing import (
    escaped,
    family_name,
    labels_text,
    number_texts,
    series_name,
    series_text,
)
from madang.core.samples import Samples

_CUT = {MetricType.COUNTER: "_total", MetricType.INFO: "_info"}
_WITHOUT_UNIT = (MetricType.INFO, MetricType.STATESET)
_ORDER = {b"_count": 1, b"_gcount": 1, b"_sum": 2, b"_gsum": 2, b"_created": 3}
_ANY_SIZE = PageLimits((1 << 31) - 1, (1 << 31) - 1, (1 << 31) - 1)


@dataclass(slots=True)
class _Block:
    """A family to be written: the rows of its samples."""

    family: Family
    rows: list[int] = field(default_factory=list)

    @property
    def suffixes(self) -> tuple[bytes, ...]:
        return SUFFIXES.get(self.family.type, (b"",))

    @property
    def names(self) -> set[str]:
        """The names that the family takes, whether or not it has samples of them."""
        return {self.family.name, *(self.family.name + s.decode() for s in self.suffixes)}


def write_openmetrics(
    samples: Samples, metadata: Iterable[Family] = (), exemplars: Sequence[Exemplar] = ()
) -> bytes:
    """A page that ends with ``# EOF``.

    Args:
        samples: Those with ``NO_TIMESTAMP`` are written without a time.
        metadata: Families, by the names of any format (a counter with or without ``_total``).
        exemplars: By the places of samples; only buckets and totals of counters can have one.
    """
    writing = _Writing(samples, exemplars)
    families = _by_name(metadata)
    return b"".join([*writing.blocks(families), b"# EOF\n"])


def _by_name(metadata: Iterable[Family]) -> dict[str, Family]:
    families: dict[str, Family] = {}
    for family in metadata:
        name = family.name.removesuffix(_CUT.get(family.type, "")) or family.name
        has_unit = name.endswith(f"_{family.unit}") and family.type not in _WITHOUT_UNIT
        named = Family(name, family.type, family.help, family.unit if has_unit else "")
        if name in families and family.type in _CUT:
            # A gauge x beside a counter x_total: only one of them can be the family x.
            named = Family(family.name, MetricType.UNKNOWN, family.help)
        families.setdefault(named.name, named)
    return families


class _Writing:
    def __init__(self, samples: Samples, exemplars: Sequence[Exemplar]) -> None:
        self._series = samples.series.tolist()
        self._times = samples.ts_ms.tolist()
        self._numbers = number_texts(samples.values.tolist())
        self._texts = [series_text(labels) for labels in samples.labels]
        self._known = [
            KnownSample(place, series_name(labels), labels, odd_infinity=False)
            for place, labels in enumerate(samples.labels)
        ]
        self._exemplars = {exemplar.place: exemplar for exemplar in exemplars}

    def blocks(self, families: dict[str, Family]) -> list[bytes]:
        """The families, each as text."""
        blocks = self._resolve(families)
        texts = {block.family.name: self._text(block) for block in blocks}
        typed = [block for block in blocks if len(block.names) > 1 or _is_ruled(block)]
        typed_names = {block.family.name for block in typed}
        single = [block for block in blocks if block.family.name not in typed_names]
        refused = [block for block in typed if not _is_accepted(texts[block.family.name])]
        for block in refused:
            typed.remove(block)
        while True:
            plain = self._singles([*single, *refused], families)
            clash = _first_clash(typed, {block.family.name for block in plain})
            if clash is None:
                break
            typed.remove(clash)
            refused.append(clash)
        return [*(texts[block.family.name] for block in typed), *map(self._text, plain)]

    def _resolve(self, families: dict[str, Family]) -> list[_Block]:
        """Samples by the family that their name belongs to; any other name is a family itself."""
        owners: dict[bytes, str] = {}
        for name, family in families.items():
            for suffix in SUFFIXES.get(family.type, (b"",)):
                owners.setdefault(name.encode() + suffix, name)
        blocks: dict[str, _Block] = {}
        for row, place in enumerate(self._series):
            own_name = self._known[place].name
            name = owners.get(own_name) or own_name.decode()
            block = blocks.get(name)
            if block is None:
                block = blocks[name] = _Block(families.get(name, Family(name)))
            block.rows.append(row)
        for name, family in families.items():
            blocks.setdefault(name, _Block(family))
        # A sample may have the name of a family without being one of its type's.
        return list(blocks.values())

    def _singles(self, blocks: list[_Block], families: dict[str, Family]) -> list[_Block]:
        """The samples of blocks by their names alone: gauges stay such, all else has no type."""
        singles: dict[str, _Block] = {}
        for block in blocks:
            for row in block.rows:
                name = self._known[self._series[row]].name.decode()
                kept = families.get(name, Family(name))
                is_gauge = kept.type is MetricType.GAUGE
                kind = MetricType.GAUGE if is_gauge else MetricType.UNKNOWN
                plain = Family(name, kind, kept.help, kept.unit if is_gauge else "")
                singles.setdefault(name, _Block(plain)).rows.append(row)
            if not block.rows:
                family = block.family
                singles.setdefault(family.name, _Block(Family(family.name, help=family.help)))
        return list(singles.values())

    def _text(self, block: _Block) -> bytes:
        out = _header(block.family)
        takes_exemplars = set()
        suffix_of = {block.family.name.encode() + suffix: suffix for suffix in block.suffixes}
        rows = []
        groups: dict[bytes, int] = {}
        for row in block.rows:
            sample = self._known[self._series[row]]
            suffix = suffix_of.get(sample.name, b"")
            sample.see_as(_own_label(block.family, suffix))
            group = groups.setdefault(sample.group, len(groups))
            rows.append((group, self._times[row], _ORDER.get(suffix, 0), sample.bound, row))
            if suffix in (b"_bucket", b"_total"):
                takes_exemplars.add(row)
        for *_, row in sorted(rows):
            line = self._texts[self._series[row]] + b" " + self._numbers[row]
            if self._times[row] != NO_TIMESTAMP:
                line += b" " + number_of_seconds(self._times[row])
            exemplar = self._exemplars.get(row) if row in takes_exemplars else None
            out.append(line + _exemplar_text(exemplar) if exemplar else line)
        return b"\n".join((*out, b"")) if out else b""


def _is_ruled(block: _Block) -> bool:
    return block.family.type in (MetricType.STATESET, MetricType.GAUGE)


def _own_label(family: Family, suffix: bytes) -> bytes:
    if suffix == b"_bucket":
        return b"le"
    if family.type is MetricType.SUMMARY and suffix == b"":
        return b"quantile"
    return family.name.encode() if family.type is MetricType.STATESET else METRIC_NAME


def _first_clash(typed: list[_Block], taken: set[str]) -> _Block | None:
    for block in typed:
        if block.names & taken:
            return block
        taken |= block.names
    return None


def _is_accepted(text: bytes) -> bool:
    try:
        parse_openmetrics(text + b"# EOF\n", PageCache(), _ANY_SIZE, Grammar.OPENMETRICS_STRICT)
    except MalformedPageError:
        return False
    return True


def _header(family: Family) -> list[bytes]:
    name = family_name(family.name.encode())
    lines = []
    if family.type is not MetricType.UNKNOWN:
        lines.append(b"# TYPE " + name + b" " + family.type.encode())
    if family.unit:
        lines.append(b"# UNIT " + name + b" " + family.unit.encode())
    if family.help:
        lines.append(b"# HELP " + name + b" " + escaped(family.help.encode()))
    return lines


def _exemplar_text(exemplar: Exemplar) -> bytes:
    (number,) = number_texts([exemplar.value])
    text = b" # " + labels_text(exemplar.labels) + b" " + number
    return text if exemplar.ts_ms is None else text + b" " + number_of_seconds(exemplar.ts_ms)
