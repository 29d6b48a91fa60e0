"""Remote read over a storage: matchers, external labels, limits, what is left out."""

import numpy as np
import pytest

from madang.collect.remote_read.messages import MESSAGES
from madang.collect.remote_write.snappy import pack, unpack
from madang.metrics.memory import MemoryStorage, labels_from
from madang.metrics.promql import Budget, Options
from madang.operate.remote_read import RemoteRead

EQUAL, NOT_EQUAL, REGEX, NOT_REGEX = range(4)


@pytest.fixture
def storage():
    storage = MemoryStorage()
    for pod in "ab":
        labels = labels_from({"__name__": "up", "pod": pod})
        storage.append(labels, np.array([1000, 2000, 3000]), np.array([1.0, np.nan, 3.0]))
    mixed = np.array(["one", None, None], object)
    labels = labels_from({"__name__": "sizes"})
    storage.append(labels, np.array([1000, 2000, 3000]), np.array([0.0, 5.0, 6.0]), mixed)
    return storage


def body(*queries):
    request = MESSAGES["ReadRequest"]()
    for start_ms, end_ms, *matchers in queries:
        query = request.queries.add(start_timestamp_ms=start_ms, end_timestamp_ms=end_ms)
        for kind, name, value in matchers:
            query.matchers.add(type=kind, name=name.encode(), value=value.encode())
    return pack(request.SerializeToString())


def read(storage, *queries, added=None):
    answer = RemoteRead(storage, lambda: added or {}).answer(body(*queries), Budget(Options()))
    assert (answer.status, answer.encoding) == (200, "snappy"), answer.body
    response = MESSAGES["ReadResponse"].FromString(unpack(answer.body, 1 << 20))
    return [
        {
            tuple((one.name, one.value) for one in series.labels): [
                one.timestamp for one in series.samples
            ]
            for series in result.timeseries
        }
        for result in response.results
    ]


def test_each_query_has_its_result(storage):
    up = (EQUAL, "__name__", "up")
    first, second, third = read(
        storage,
        (2000, 9000, up, (REGEX, "pod", "a|x")),
        (0, 999, up),
        (0, 1000, up, (NOT_EQUAL, "pod", "a"), (NOT_REGEX, "pod", "c.*")),
    )
    assert first == {(("__name__", "up"), ("pod", "a")): [2000, 3000]}
    assert second == {}
    assert third == {(("__name__", "up"), ("pod", "b")): [1000]}


def test_external_labels_are_met_and_added(storage):
    added = {"region": "seoul", "pod": "z"}
    asked = ((EQUAL, "__name__", "up"), (EQUAL, "region", "seoul"))
    (found,) = read(storage, (0, 1000, *asked), added=added)
    assert list(found) == [(("__name__", "up"), ("pod", pod), ("region", "seoul")) for pod in "ab"]
    (none,) = read(storage, (0, 1000, asked[0], (EQUAL, "region", "busan")), added=added)
    assert none == {}


def test_native_histograms_are_left_out(storage):
    (found,) = read(storage, (0, 9000, (EQUAL, "__name__", "sizes")))
    assert found == {(("__name__", "sizes"),): [2000, 3000]}


def test_what_is_too_much_or_no_request_is_told_in_words(storage):
    reader = RemoteRead(storage)
    budget = Budget(Options(max_samples=4))
    answer = reader.answer(body((0, 9000, (REGEX, "__name__", ".+"))), budget)
    assert (answer.status, answer.media_type[:10]) == (400, "text/plain")
    assert b"over" in answer.body
    for bad in (b"", b"\xff" * 9, pack(b"\xff"), body((0, 1, (REGEX, "a", "(")))):
        assert reader.answer(bad, Budget(Options())).status == 400


def test_a_reader_that_left_is_not_worked_for(storage):
    budget = Budget(Options(), gone=lambda: True)
    assert RemoteRead(storage).answer(body((0, 1)), budget).status == 503
