"""Groups → samples in the stream."""

from __future__ import annotations

import math
import threading

import pytest

from madang.collect.pushgateway.messages import family_class
from madang.core.clock import ManualClock
from madang.core.errors import StorageFullError
from madang.core.samples import STALE_NAN, is_stale
from madang.project.metrics_spec import PushgatewaySpec
from pushing import PROTOBUF, delimited, pushing, rows

OWN = ("push_time_seconds", "push_failure_time_seconds")


def own(labels) -> bool:
    return labels["__name__"] in OWN


def shown(labels, value) -> str:
    import numpy as np

    names = ",".join(f"{name}={text}" for name, text in labels.items() if name != "__name__")
    ended = is_stale(np.array([value]))[0]
    return f"{labels['__name__']}{{{names}}} {'end' if ended else f'{value:g}'}"


def samples(stream) -> list[str]:
    """What is in the stream, in order, without the groups' own times."""
    return [shown(labels, value) for labels, value, _ in rows(stream) if not own(labels)]


def until(stream, count: int) -> list[str]:
    """All samples, as soon as there are so many."""
    tries = threading.Event()
    for _ in range(1000):
        found = samples(stream)
        if len(found) >= count:
            return found
        tries.wait(0.01)
    raise AssertionError(found)


def test_what_is_pushed_is_sampled_at_once(gate):
    gate.push("job/j", 'a{instance="i"} 1\na 2\n')
    assert until(gate.stream, 2) == ["a{instance=i,job=j} 1", "a{job=j} 2"]
    assert {labels["__name__"] for labels, _, _ in rows(gate.stream)} == {"a", *OWN}


def test_series_that_go_are_ended(gate):
    gate.push("job/j", 'a{x="1"} 1\na{x="2"} 2\n')
    until(gate.stream, 2)
    gate.push("job/j", 'a{x="2"} 3\n')
    found = until(gate.stream, 4)[2:]
    assert sorted(found) == ["a{job=j,x=1} end", "a{job=j,x=2} 3"]
    gate.delete("job/j")
    assert until(gate.stream, 5)[4:] == ["a{job=j,x=2} end"]
    ended = [labels["__name__"] for labels, value, _ in rows(gate.stream) if math.isnan(value)]
    assert sorted(ended) == ["a", "a", "push_failure_time_seconds", "push_time_seconds"]


def test_times_of_a_series_go_on_even_where_the_clock_does_not(gate):
    for value in range(20):
        push, _ = gate.gateway.read({"job": "j"}, [b"a %d\n" % value], replaces=False)
        gate.gateway.push(push)
    until(gate.stream, 20)
    found = [(value, at_ms) for labels, value, at_ms in rows(gate.stream) if not own(labels)]
    assert [value for value, _ in found] == list(range(20))
    times = [at_ms for _, at_ms in found]
    assert times == sorted(set(times))


def test_all_groups_are_sampled_at_the_interval(tmp_path):
    with pushing(tmp_path, PushgatewaySpec(interval=0.2), clock=Ticking()) as gate:
        gate.push("job/j", "a 1\n")
        gate.push("job/k", "# TYPE a untyped\na 2\n")
        found = until(gate.stream, 12)
        times = [at_ms for labels, _, at_ms in rows(gate.stream) if labels.get("job") == "j"]
    assert found[-4:].count("a{job=j} 1") == 2
    assert times == sorted(times)


class Ticking(ManualClock):
    """The machine's clock, which a test may also move."""

    def now_us(self) -> int:
        import time

        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        import time

        return time.monotonic()


def test_series_go_on_over_a_restart(tmp_path):
    clock = ManualClock()
    with pushing(tmp_path, clock=clock) as gate:
        gate.push("job/j", "a 1\n")
        until(gate.stream, 1)
    with pushing(tmp_path) as gate:  # whose clock was set back
        assert until(gate.stream, 2) == ["a{job=j} 1", "a{job=j} 1"]
        times = [at_ms for labels, _, at_ms in rows(gate.stream) if not own(labels)]
        assert times[0] < times[1]


def test_what_was_deleted_before_a_crash_ends_after_it(tmp_path, monkeypatch):
    with pushing(tmp_path) as gate:
        gate.push("job/j", 'a{x="1"} 1\na{x="2"} 2\n')
        gate.push("job/k", "b 1\n")
        until(gate.stream, 3)
        # From here on as if killed: nothing reaches the stream any more.
        monkeypatch.setattr(gate.gateway._store, "_changed", lambda *_: None)
        gate.push("job/j", 'a{x="1"} 3\n')
        gate.delete("job/k")
        assert len(samples(gate.stream)) == 3
    with pushing(tmp_path) as gate:
        found = until(gate.stream, 6)[3:]
        assert sorted(found) == ["a{job=j,x=1} 3", "a{job=j,x=2} end", "b{job=k} end"]


def test_what_the_stream_does_not_take_is_told_and_ends_are_made_up_for(tmp_path):
    class Full:
        """A stream on a full disk."""

        full = False

        def __init__(self, stream):
            self._stream = stream

        def __getattr__(self, name):
            return getattr(self._stream, name)

        def submit(self, *args, **options):
            if self.full:
                raise StorageFullError("no space")
            return self._stream.submit(*args, **options)

    with pushing(tmp_path, PushgatewaySpec(interval=0.2), clock=Ticking()) as gate:
        sampler = gate.gateway._sampler
        full = Full(gate.stream)
        sampler._open_stream = lambda: full
        gate.push("job/j", "a 1\n")
        until(gate.stream, 1)
        full.full = True
        gate.delete("job/j")
        tries = threading.Event()
        while gate.gateway.error is None:
            tries.wait(0.01)
        assert list((tmp_path / "groups").iterdir())
        full.full = False
        until(gate.stream, 2)
        while list((tmp_path / "groups").iterdir()) or gate.gateway.error is not None:
            tries.wait(0.01)
        assert samples(gate.stream)[-1] == "a{job=j} end"


def test_a_series_that_another_group_has_does_not_end(gate):
    gate.push("job/j", 'a{x=""} 1\n')
    gate.push("job/j/y@base64/=", "a 2\n")
    until(gate.stream, 2)
    gate.delete("job/j")
    gate.push("job/k", "# TYPE a untyped\na 3\n")
    assert until(gate.stream, 3) == ["a{job=j} 1", "a{job=j} 2", "a{job=k} 3"]


def test_summaries_and_histograms_are_sampled_as_scrapes_have_them(gate):
    gate.push("job/j", '# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 3\nh_count 2\n'
                       '# TYPE s summary\ns{quantile="0.50"} 7\ns_sum NaN\n')  # fmt: skip
    assert sorted(until(gate.stream, 7)) == [
        "h_bucket{job=j,le=+Inf} 2", "h_bucket{job=j,le=1.0} 1", "h_count{job=j} 2",
        "h_sum{job=j} 3", "s_count{job=j} 0", "s_sum{job=j} nan", "s{job=j,quantile=0.5} 7",
    ]  # fmt: skip


def test_native_histograms_are_whole_in_the_stream(gate):
    family = family_class()(name=b"n", type=4)
    histogram = family.metric.add().histogram
    histogram.sample_count, histogram.sample_sum = 3, 1.5
    histogram.positive_span.append(b"\x08\x00\x10\x01")
    gate.push("job/j", delimited(family), content_type=PROTOBUF)
    until(gate.stream, 4)
    batches = [chunk.batch.to_pylist() for chunk in gate.stream.read(0, 0)]
    native = [row for batch in batches for row in batch if row["histogram"] is not None]
    assert [row["value"] for row in native] == [1.5]
    assert native[0]["histogram"] == histogram.SerializeToString()
    gate.delete("job/j")
    found = until(gate.stream, 8)
    assert "n{job=j} end" in found


@pytest.mark.parametrize("value", [STALE_NAN, math.nan])
def test_no_pushed_number_looks_like_an_end(gate, value):
    family = family_class()(name=b"n", type=1)
    family.metric.add().gauge.value = value
    gate.push("job/j", delimited(family), content_type=PROTOBUF)
    assert until(gate.stream, 1) == ["n{job=j} nan"]


def test_without_groups_there_are_no_threads(tmp_path):
    def named() -> list[str]:
        return [one.name for one in threading.enumerate() if one.name.startswith("pushgateway")]

    with pushing(tmp_path) as gate:
        assert not named()
        gate.gateway.page()
        gate.gateway.listing()
        assert not named()


def test_a_stream_that_breaks_in_any_way_costs_no_group(gate):
    sampler = gate.gateway._sampler

    def broken():
        raise RuntimeError("a bug")

    stream_of, sampler._open_stream = sampler._open_stream, broken
    for name in "abc":
        push, _ = gate.gateway.read({"job": name}, [b"m 1\n"], replaces=False)
        gate.gateway.push(push)
    gate.push("job/d", "m 1\n")
    tries = threading.Event()
    while gate.gateway.error is None or len(sampler._groups) < 4:
        tries.wait(0.01)
    sampler._open_stream = stream_of
    gate.delete("job/a")
    gate.push("job/b", "m 2\n")
    assert "m{job=b} 2" in until(gate.stream, 1)
    while gate.gateway.error is not None:
        tries.wait(0.01)
