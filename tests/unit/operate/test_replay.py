from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.core.errors import ConflictError, InvalidInputError
from madang.lake import DEAD_LETTER_SCHEMA
from madang.operate import replay as module
from madang.operate.replay import replay, replayed_to
from madang.stream import RECORD_SCHEMA, LogStore


@pytest.fixture
def store(tmp_path):
    with LogStore(tmp_path, min_free_bytes=0) as opened:
        yield opened


@pytest.fixture
def stream(store):
    return store.open("orders", RECORD_SCHEMA, partitions=2)


@pytest.fixture
def dead(store):
    return store.open("orders.dead", DEAD_LETTER_SCHEMA)


def bury(dead, count, *, code="bad_json", partition=0, attributes=()):
    first = dead.bounds(0).end
    rows = [
        {
            "ts": datetime.now(UTC),
            "stream": "orders",
            "partition": partition,
            "offset": number,
            "code": code,
            "reason": "why",
            "attributes": list(attributes),
            "key": b"k",
            "value": b"%d" % (first + number),
        }
        for number in range(count)
    ]
    batch = pa.RecordBatch.from_pylist(rows, schema=DEAD_LETTER_SCHEMA)
    dead.submit(batch).result()


def values(stream, partition=0):
    if not stream.bounds(partition).end:
        return []
    chunks = stream.read(partition, 0, max_bytes=2**30)
    return [int(value) for chunk in chunks for value in chunk.batch["value"].to_pylist()]


def test_each_goes_back_to_where_and_as_what_it_came(stream, dead):
    bury(dead, 2, partition=1, attributes=[("format", "plain"), ("path", "/x")])
    bury(dead, 1, partition=9)
    assert replay(dead, stream).count == 3
    (chunk,) = stream.read(1, 0)
    assert chunk.attributes == {"format": "plain", "path": "/x", "replayed": "true"}
    assert chunk.batch["key"].to_pylist() == [b"k", b"k"]
    assert values(stream) == [2]


def test_many_runs(stream, dead):
    bury(dead, 700)
    bury(dead, 37)
    assert replay(dead, stream).count == 737
    assert values(stream) == list(range(737))
    assert replayed_to(dead) == 737
    assert replay(dead, stream).count == 0


def test_code_alone_then_the_others(stream, dead):
    bury(dead, 3, code="a")
    bury(dead, 3, code="b")
    assert replay(dead, stream, code="b").count == 3
    assert replay(dead, stream, code="b").count == 0
    assert replay(dead, stream).count == 3
    assert values(stream) == [3, 4, 5, 0, 1, 2]


def test_range_again_and_again(stream, dead):
    bury(dead, 10)
    assert replay(dead, stream, from_offset=2, to_offset=4).count == 2
    assert replay(dead, stream, from_offset=2, to_offset=4).count == 2
    assert replayed_to(dead) == 0
    assert replay(dead, stream, to_offset=5).count == 5
    assert replayed_to(dead) == 5
    assert replay(dead, stream, from_offset=8, to_offset=99).to_offset == 10
    assert replay(dead, stream, from_offset=50).count == 0


@pytest.mark.parametrize("bounds", [{"from_offset": -1}, {"to_offset": -5}])
def test_bad_bounds(stream, dead, bounds):
    with pytest.raises(InvalidInputError, match="not negative"):
        replay(dead, stream, **bounds)


def test_typed_streams_have_no_bytes_to_append(store, dead):
    typed = store.open("typed", pa.schema([("n", pa.int64())]))
    with pytest.raises(InvalidInputError, match="typed"):
        replay(dead, typed)


def test_one_at_a_time(stream, dead, monkeypatch):
    bury(dead, 1)
    monkeypatch.setattr(module, "_running", {"orders.dead"})
    with pytest.raises(ConflictError, match="under way"):
        replay(dead, stream)


class KilledError(Exception):
    """Stands for a kill: nothing after it runs."""


class Dying:
    """A stream that dies at one of its calls."""

    def __init__(self, inner, calls):
        self._inner, self._left = inner, calls

    def __getattr__(self, name):
        found = getattr(self._inner, name)
        if name not in ("submit", "commit"):
            return found

        def call(*args, **more):
            self._left -= 1
            if self._left == 0:
                raise KilledError
            return found(*args, **more)

        return call


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=4),
    kills=st.lists(st.tuples(st.booleans(), st.integers(1, 8)), max_size=4),
)
def test_killed_anywhere_each_is_appended_once(tmp_path_factory, sizes, kills):
    with LogStore(tmp_path_factory.mktemp("replay"), min_free_bytes=0) as store:
        stream = store.open("orders", RECORD_SCHEMA)
        dead = store.open("orders.dead", DEAD_LETTER_SCHEMA)
        sizes = list(sizes)
        for in_append, calls in kills:
            if sizes:
                bury(dead, sizes.pop())
            try:
                if in_append:
                    replay(dead, Dying(stream, calls))
                else:
                    replay(Dying(dead, calls), stream)
            except KilledError:
                pass
        for size in sizes:
            bury(dead, size)
        replay(dead, stream)
        assert values(stream) == list(range(dead.bounds(0).end))


def test_code_after_a_replay_that_was_killed_doubles_nothing(stream, dead, monkeypatch):
    bury(dead, 3)
    commit = type(dead).commit

    def killed(self, group, offsets):
        if group == module.REPLAY_GROUP:
            raise KeyboardInterrupt
        commit(self, group, offsets)

    with monkeypatch.context() as patch:
        patch.setattr(type(dead), "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            replay(dead, stream)
    bury(dead, 2, code="other")
    replay(dead, stream, code="bad_json")
    assert values(stream) == [0, 1, 2]
    replay(dead, stream)
    assert sum(stream.bounds(p).end for p in range(2)) == 5


def replay_killed_before_it_noted_its_code(stream, dead, monkeypatch):
    commit = type(dead).commit

    def killed(self, group, offsets):
        if group.startswith("replay.code"):
            raise KeyboardInterrupt
        commit(self, group, offsets)

    with monkeypatch.context() as patch:
        patch.setattr(type(dead), "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            replay(dead, stream, code="bad_json")


def test_all_after_a_replay_of_a_code_that_was_killed_doubles_nothing(stream, dead, monkeypatch):
    bury(dead, 3)
    replay_killed_before_it_noted_its_code(stream, dead, monkeypatch)
    replay(dead, stream)
    assert sum(stream.bounds(p).end for p in range(2)) == 3


def test_a_code_again_after_it_was_killed_and_more_came_doubles_nothing(stream, dead, monkeypatch):
    bury(dead, 3)
    replay_killed_before_it_noted_its_code(stream, dead, monkeypatch)
    bury(dead, 2)
    replay(dead, stream, code="bad_json")
    assert sum(stream.bounds(p).end for p in range(2)) == 5
