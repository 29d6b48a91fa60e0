"""Where a sender has the labels of series from, and what it does when it knows very many."""

import numpy as np

from madang.core.samples import canonical_labels, series_id
from madang.metrics.head.head import Head
from madang.onward import labels as labels_module
from madang.onward.labels import OutgoingLabels
from madang.project.remote_write_spec import RemoteWriteSpec

SPEC = RemoteWriteSpec.model_validate({"url": "http://receiver/api/v1/write"})
LABELS = sorted(
    (canonical_labels({"__name__": "up", "pod": str(pod)}) for pod in range(6)), key=series_id
)
NUMBERS = np.array([series_id(one) for one in LABELS], np.int64)


class Tables:
    def __init__(self, known):
        self.known, self.asked = known, []

    def labels_of(self, ids):
        self.asked.append(ids.tolist())
        return {one: self.known[one] for one in ids.tolist() if one in self.known}


def test_series_that_the_head_has_forgotten_are_found_in_the_tables():
    numbers = NUMBERS.tolist()
    tables = Tables(dict(zip(numbers[:3], LABELS, strict=False)))
    labels = OutgoingLabels(SPEC, Head().view, tables)
    labels.announce(numbers[3:5], LABELS[3:5])
    for _ in range(2):
        assert labels.of(NUMBERS) == [*LABELS[:5], None]
    assert tables.asked == [[*numbers[:3], numbers[5]]]  # once, also for the one that nobody knows
    assert labels.unknown == 2
    labels.announce(numbers[5:], LABELS[5:])
    assert labels.of(NUMBERS) == LABELS


def test_series_are_sent_also_when_more_are_known_than_are_kept(monkeypatch):
    monkeypatch.setattr(labels_module, "_MOST", 2)
    head = Head()
    head.index.add(NUMBERS, LABELS)
    labels = OutgoingLabels(SPEC, head.view)
    for size in range(1, 7):
        assert labels.of(NUMBERS[:size]) == LABELS[:size]
        assert labels.of(NUMBERS[size - 1 :]) == LABELS[size - 1 :]
    assert labels.unknown == 0
