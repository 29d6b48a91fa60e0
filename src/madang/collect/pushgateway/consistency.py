"""What all groups hold together must be one page: one type a name, no metric twice."""

from __future__ import annotations

from collections.abc import Iterable

from madang.collect.pushgateway.families import InconsistentPushError, StoredFamily, same_metric
from madang.collect.pushgateway.messages import HISTOGRAMS, SUMMARY, TYPE_NAMES

_SUFFIXES = (b"_count", b"_sum", b"_bucket")


class Consistency:
    """The names, types and metrics of all groups; a push costs what it holds, not what all hold."""

    def __init__(self) -> None:
        self._kinds: dict[bytes, tuple[int, int]] = {}
        """By name: the type, and how many groups have a family of it."""
        self._metrics: set[int] = set()

    def __len__(self) -> int:
        """How many metrics there are."""
        return len(self._metrics)

    def add(self, families: Iterable[StoredFamily]) -> None:
        """Families that a group has from now on."""
        for family in families:
            kind, count = self._kinds.get(family.name, (family.kind, 0))
            self._kinds[family.name] = (kind, count + 1)
            self._metrics.update(family.metrics)

    def remove(self, families: Iterable[StoredFamily]) -> None:
        """Families that a group has no more."""
        for family in families:
            kind, count = self._kinds.pop(family.name, (0, 0))
            if count > 1:
                self._kinds[family.name] = (kind, count - 1)
            self._metrics.difference_update(family.metrics)

    def check(self, families: Iterable[StoredFamily]) -> None:
        """Whether families may be added.

        Raises:
            InconsistentPushError: another type, a clash of names, or a metric that is there.
        """
        given = {family.name: family for family in families}
        kinds = {name: family.kind for name, family in given.items()}
        for name, family in given.items():
            known = self._kinds.get(name)
            if known is not None and known[0] != family.kind:
                raise InconsistentPushError(
                    f"gathered metric family {name.decode()} has type {TYPE_NAMES[family.kind]} "
                    f"but should have {TYPE_NAMES[known[0]]}"
                )
            self._check_suffixes(name, family.kind, kinds)
            if not self._metrics.isdisjoint(family.metrics):
                self._raise_same(family)

    def _check_suffixes(self, name: bytes, kind: int, given: dict[bytes, int]) -> None:
        for suffix in _SUFFIXES:
            if name.endswith(suffix):
                whole = name.removesuffix(suffix)
                if _claims(self._kind(whole, given), suffix):
                    raise _collides(name, whole)
            if _claims(kind, suffix) and self._kind(name + suffix, given) is not None:
                raise _collides(name + suffix, name)

    def _kind(self, name: bytes, given: dict[bytes, int]) -> int | None:
        if name in given:
            return given[name]
        known = self._kinds.get(name)
        return None if known is None else known[0]

    def _raise_same(self, family: StoredFamily) -> None:
        for metric, number in zip(family.message.metric, family.metrics, strict=True):
            if number in self._metrics:
                pairs = [(label.name, label.value) for label in metric.label]
                raise same_metric(family.name, pairs)


def _claims(kind: int | None, suffix: bytes) -> bool:
    """Whether a family of a type has series whose names end so."""
    return kind in HISTOGRAMS or (kind == SUMMARY and suffix != b"_bucket")


def _collides(name: bytes, whole: bytes) -> InconsistentPushError:
    return InconsistentPushError(
        f'collected metric named "{name.decode()}" collides with the summary or histogram '
        f'named "{whole.decode()}"'
    )
