"""Evaluation times are Prometheus's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.metrics.rules.times import EvaluationTimes


@given(
    st.integers(0, 2**42),
    st.floats(0.001, 86_400),
    st.text(max_size=20),
)
def test_times_follow_one_another(now_ms, interval_s, name):
    times = EvaluationTimes.of("rules/a.yml", name, interval_s)
    last = times.last(now_ms)
    assert last <= now_ms < times.after(now_ms) == last + times.interval_ms
    assert times.last(last) == last
    assert times.count(last, now_ms) == 1
    assert times.count(last, now_ms + 5 * times.interval_ms) == 6


@pytest.mark.parametrize(
    ("interval_s", "offset_ns"),
    # xxh64("file\xff/etc/prometheus/r.yml\xffname\xffnode\xff") modulo the interval
    [(60.0, None), (15.0, None)],
)
def test_the_offset_is_below_the_interval(interval_s, offset_ns):
    times = EvaluationTimes.of("/etc/prometheus/r.yml", "node", interval_s)
    assert 0 <= times.offset_ns < times.interval_ns
