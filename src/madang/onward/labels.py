"""The labels that series are sent with: their own, external ones, what rules make of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from madang.collect.scrape.relabel import Relabeller
from madang.core.samples import METRIC_NAME, canonical_labels, labels_of
from madang.metrics.head.head import KnownSeries
from madang.metrics.head.label_columns import are_labels
from madang.metrics.head.view import HeadView
from madang.project.remote_write_spec import RemoteWriteSpec

Numbers = npt.NDArray[np.int64]
_MOST = 2_000_000


def known_labels(view: HeadView, numbers: Numbers) -> dict[int, bytes]:
    """The labels of those series that a head knows."""
    ids = view.series.ids
    if not len(ids) or not len(numbers):
        return {}
    order = np.argsort(ids)
    places = np.minimum(np.searchsorted(ids, numbers, sorter=order), len(ids) - 1)
    refs = order[places]
    there = ids[refs] == numbers
    labels = view.series.labels(view.series.refs[refs[there]])
    found = map(canonical_labels, labels)
    return dict(zip(numbers[there].tolist(), found, strict=True))


class OutgoingLabels:
    """Numbers of series → the labels that they are sent with. Not thread-safe.

    Args:
        spec: External labels and rules.
        head: The head as it is now: it knows series that were announced before the place in the
            stream from which is read.
        tables: Know series that the head has forgotten meanwhile: a receiver may be away for long.
    """

    def __init__(
        self,
        spec: RemoteWriteSpec,
        head: Callable[[], HeadView],
        tables: KnownSeries | None = None,
    ) -> None:
        self._external = spec.external_labels
        self._rules = Relabeller(spec.write_relabel_configs)
        self._head = head
        self._tables = tables
        self._sought: set[int] = set()
        self._known: dict[int, bytes | None] = {}
        self.unknown = 0
        """Series of samples that were not sent, since nobody said their labels."""

    def announce(self, numbers: Sequence[int], labels: Sequence[bytes]) -> None:
        """Learn what stands beside samples."""
        self._forget_if_full()
        self._learn(dict(zip(numbers, labels, strict=True)))

    def of(self, numbers: Numbers) -> list[bytes | None]:
        """The labels of different series, ascending; None for one that is not sent."""
        self._forget_if_full()
        wanted = numbers.tolist()
        missing = [number for number in wanted if number not in self._known]
        if missing:
            self._learn(known_labels(self._head(), np.array(missing, np.int64)))
            missing = [number for number in missing if number not in self._known]
        left = [number for number in missing if number not in self._sought]
        if left and self._tables is not None:
            self._learn(self._tables.labels_of(np.array(left, np.int64)))
            missing = [number for number in missing if number not in self._known]
            self._sought.update(missing)
        self.unknown += len(missing)
        return [self._known.get(number) for number in wanted]

    def _forget_if_full(self) -> None:
        if len(self._known) > _MOST or len(self._sought) > _MOST:
            self._known.clear()
            self._sought.clear()

    def _learn(self, found: Mapping[int, bytes]) -> None:
        for number, canonical in found.items():
            if number not in self._known:
                self._known[number] = self._outgoing(canonical)

    def _outgoing(self, canonical: bytes) -> bytes | None:
        if not are_labels(canonical):
            return None
        if not self._external and not self._rules:
            return canonical
        try:
            labels = {**self._external, **labels_of(canonical)}
            labels = {name: value for name, value in labels.items() if value}
            if not self._rules.apply(labels) or not labels.get(METRIC_NAME):
                return None
            return canonical_labels(labels)
        except ValueError:
            return None
