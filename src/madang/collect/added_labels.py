"""Labels that the request around a body gives to its series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from madang.collect.pushed import Pushed
from madang.core.samples import Samples, canonical_labels, labels_of, series_id

_KNOWN_LIMIT = 1_000_000


class AddedLabels:
    """Gives labels to series that have none of that name; remembers what came of them.

    Not safe across threads.

    Args:
        known_limit: So many series are remembered; beyond, all are forgotten.
    """

    def __init__(self, known_limit: int = _KNOWN_LIMIT) -> None:
        self._known_limit = known_limit
        self._known: dict[tuple[bytes, bytes], tuple[bytes, int]] = {}

    def give(self, pushed: Pushed, added: Mapping[str, str]) -> Pushed:
        """What was pushed, with the labels. Series that become one are stored as one."""
        extra = canonical_labels(added)
        if not extra or not pushed.samples.labels:
            return pushed
        if len(self._known) > self._known_limit:
            self._known.clear()
        found = [self._with(one, extra, added) for one in pushed.samples.labels]
        labels = [labels for labels, _ in found]
        ids = np.array([number for _, number in found], np.int64)
        samples, histograms = pushed.samples, pushed.histograms
        series, of_histograms = samples.series, histograms.series
        if len(set(labels)) < len(labels):
            _, first, places = np.unique(ids, return_index=True, return_inverse=True)
            labels, ids = [labels[at] for at in first.tolist()], ids[first]
            series = places[series].astype(np.int32)
            of_histograms = places[of_histograms].astype(np.int32)
        return replace(
            pushed,
            samples=Samples(labels, series, samples.ts_ms, samples.values),
            series_ids=ids,
            histograms=replace(histograms, series=of_histograms),
        )

    def _with(self, labels: bytes, extra: bytes, added: Mapping[str, str]) -> tuple[bytes, int]:
        known = self._known.get((labels, extra))
        if known is None:
            made = canonical_labels({**added, **labels_of(labels)})
            known = self._known[labels, extra] = made, series_id(made)
        return known
