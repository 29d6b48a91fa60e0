"""The head and its tables as one storage: what plain memory says of the same samples."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from madang.core.errors import TooLargeError
from madang.lake import Reading, Upkeep
from madang.metrics.head_storage import HeadStorage
from madang.metrics.joined_storage import JoinedStorage
from madang.metrics.lake_storage import LakeStorage
from madang.metrics.matcher import Matcher, MatchKind
from madang.metrics.memory import MemoryStorage, labels_from
from madang.project import CompactionSpec, TableSpec
from unit.metrics.archive import NOW_MS, Archived

HOUR_MS = 3_600_000
NAMES = ["up", "load", "é"]
PODS = ["a", "b", "c"]
EVERYTHING = (0, 2 * NOW_MS)


def matcher(name, kind, value):
    return Matcher(name, MatchKind(kind), value)


SELECTORS = [
    [],
    [matcher("__name__", "=", "up")],
    [matcher("__name__", "=~", "up|load")],
    [matcher("__name__", "!=", "up"), matcher("pod", "=", "a")],
    [matcher("__name__", "=", "load"), matcher("pod", "!~", "a|b")],
    [matcher("pod", "=", "")],
    [matcher("other", "!=", "x"), matcher("pod", "=~", "[bc]")],
]


def storage_of(archived):
    lake = LakeStorage(archived.lake, Reading(archived.data.readers))
    return JoinedStorage(archived.follower.view, lake)


def found(storage, matchers, start_ms, end_ms):
    series = storage.select(matchers, start_ms, end_ms)
    offsets = series.offsets.tolist()
    return {
        labels: list(
            zip(series.ts_ms[low:high].tolist(), series.values[low:high].tolist(), strict=True)
        )
        for labels, low, high in zip(series.labels, offsets, offsets[1:], strict=False)
    }


def home(key):
    return int(key[1] == "a")


def compact(archived):
    spec = CompactionSpec(min_files=2)
    upkeep = Upkeep(archived.lake, spec_of=lambda name: TableSpec(name=name, compaction=spec))
    while upkeep.poll().report:
        pass
    assert not upkeep.state.errors


step = st.one_of(
    st.tuples(
        st.just("append"),
        st.integers(-50, 90),  # minutes after the newest
        st.dictionaries(
            st.tuples(st.sampled_from(NAMES), st.sampled_from(PODS)),
            st.integers(0, 3),
            min_size=1,
            max_size=4,
        ),
        st.integers(0, 1),
    ),
    st.sampled_from([("write",), ("deliver",), ("restart",), ("compact",), ("lose",)]),
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a sequence of commits takes a second
)
@given(st.lists(step, min_size=4, max_size=25), st.integers(-300, 600), st.integers(0, 600))
def test_every_sample_is_found_once_whatever_was_written_when(steps, begin, minutes):
    with tempfile.TemporaryDirectory() as folder:
        options = {"block_ms": HOUR_MS, "late_ms": HOUR_MS, "keep_ms": HOUR_MS}
        archived = Archived(Path(folder), **options)
        memory, newest_ms = MemoryStorage(), NOW_MS
        kept = set()
        for name, *arguments in [*steps, ("read",)]:
            if name == "append":
                after, values, partition = arguments
                ts_ms = newest_ms + after * 60_000
                newest_ms = max(newest_ms, ts_ms)
                # A sender stays with its partition.
                own = {key: float(value) for key, value in values.items() if home(key) == partition}
                if own:
                    archived.append(ts_ms, own, partition=partition)
                archived.catch_up()
                for (metric, pod), value in own.items():
                    labels = labels_from({"__name__": metric, "pod": pod})
                    if (labels, ts_ms) not in kept:  # the first one of a time stays
                        kept.add((labels, ts_ms))
                        memory.append(labels, np.array([ts_ms]), np.array([value]))
            elif name == "write":
                archived.follower.write()
            elif name == "deliver":
                archived.deliver()
            elif name == "compact":
                compact(archived)
            elif name in ("restart", "lose"):
                if name == "lose":
                    shutil.rmtree(archived.path / "head", ignore_errors=True)
                archived.start()
                archived.catch_up()
        storage = storage_of(archived)
        start_ms = NOW_MS + begin * 60_000
        for matchers in SELECTORS:
            for span in [EVERYTHING, (start_ms, start_ms + minutes * 60_000)]:
                assert found(storage, matchers, *span) == found(memory, matchers, *span)
            series = sorted(memory.series(matchers, *EVERYTHING))
            assert sorted(storage.series(matchers, *EVERYTHING)) == series
            names = set(memory.label_names(matchers, *EVERYTHING))
            assert set(storage.label_names(matchers, *EVERYTHING)) == names
            values = memory.label_values("pod", matchers, *EVERYTHING)
            assert storage.label_values("pod", matchers, *EVERYTHING) == values
            first = storage.label_values("pod", matchers, *EVERYTHING, limit=1)
            assert first == values[:1]
            some = storage.series(matchers, *EVERYTHING, limit=2)
            assert len(set(some)) == len(some) == min(2, len(series))
            assert set(some) <= set(series)
        archived.store.close()


@pytest.fixture
def archived(tmp_path):
    made = Archived(tmp_path)
    yield made
    made.store.close()


def test_what_only_the_tables_have_is_read_within_the_limit(archived):
    for hour in range(40):
        values = {("up", pod): float(hour) for pod in "ab"}
        archived.append(NOW_MS + hour * HOUR_MS, values, announce=hour == 0)
        if hour % 8 == 7:
            archived.deliver()
    archived.deliver()
    assert len(archived.head.blocks) <= 3
    up = [matcher("__name__", "=", "up")]
    storage = storage_of(archived)
    samples = found(storage, up, *EVERYTHING)
    assert [len(each) for each in samples.values()] == [40, 40]
    assert len(found(HeadStorage(archived.head), up, *EVERYTHING).popitem()[1]) < 10
    assert storage.select(up, *EVERYTHING, limit=80).samples == 80
    for limit in (79, 20, 1):
        with pytest.raises(TooLargeError, match="over"):
            storage.select(up, *EVERYTHING, limit=limit)


def test_series_without_tables_or_of_no_name_are_found(archived):
    storage = storage_of(archived)
    assert found(storage, [], *EVERYTHING) == {}
    assert storage.label_names([], *EVERYTHING) == []
    archived.append(NOW_MS, {("", "a"): 1.0})
    archived.append(NOW_MS + 10 * HOUR_MS, {("", "a"): 2.0})
    archived.deliver()
    archived.follower.write()
    assert len(archived.head.blocks) == 1
    expected = [(NOW_MS, 1.0), (NOW_MS + 10 * HOUR_MS, 2.0)]
    assert found(storage, [], *EVERYTHING) == {(("pod", "a"),): expected}
    assert storage.label_names([], *EVERYTHING) == ["pod"]


def test_names_and_values_of_any_length_are_found(archived):
    long = "x" * 6000
    values = {("up", "a"): 1.0, (long, "a"): 2.0, ("zz", long): 3.0}
    archived.append(NOW_MS, values)
    archived.append(NOW_MS + 10 * HOUR_MS, values)
    archived.deliver()
    archived.follower.write()
    storage = storage_of(archived)
    for (name, pod), value in values.items():
        wanted = [matcher("__name__", "=", name), matcher("pod", "=", pod)]
        assert len(found(storage, wanted, *EVERYTHING)) == 1
        (samples,) = found(storage, wanted, NOW_MS, NOW_MS).values()
        assert samples == [(NOW_MS, value)]
    assert storage.label_values("pod", [], NOW_MS, NOW_MS) == ["a", long]
