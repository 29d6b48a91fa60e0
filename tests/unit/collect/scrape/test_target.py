"""Labels that discovery finds → targets, and the times of their scrapes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.collect.scrape.relabel import Relabeller
from madang.collect.scrape.target import NoTarget, Target, target_of
from madang.collect.scrape.timeline import Timeline
from madang.project.scrape_spec import GlobalSpec, ScrapeJobSpec


def made(found: dict[str, str], *rules: dict, **job) -> Target | NoTarget:
    spec = ScrapeJobSpec.model_validate({"job_name": "a", "relabel_configs": rules, **job})
    return target_of(spec.over(GlobalSpec()), found, Relabeller(spec.relabel_configs))


def test_labels_and_address_of_a_target():
    found = {"__address__": "here:1", "__meta_zone": "b", "team": "x", "none": ""}
    rule = {"source_labels": ["__meta_zone"], "target_label": "zone"}
    target = made(found, rule, params={"p": ["1", "2"], "q": ["&"]})
    assert isinstance(target, Target)
    assert target.labels == {"instance": "here:1", "job": "a", "team": "x", "zone": "b"}
    assert target.url == "http://here:1/metrics?p=1&p=2&q=%26"
    assert target.discovered == {
        "__address__": "here:1",
        "__meta_zone": "b",
        "__metrics_path__": "/metrics",
        "__param_p": "1",
        "__param_q": "&",
        "__scheme__": "http",
        "__scrape_interval__": "1m",
        "__scrape_timeout__": "10s",
        "job": "a",
        "team": "x",
    }


def test_rules_may_change_everything():
    rules = [
        {"target_label": label, "replacement": value}
        for label, value in (
            ("__address__", "there:2"),
            ("__scheme__", "https"),
            ("__metrics_path__", "probe me"),
            ("__scrape_interval__", "30s"),
            ("__scrape_timeout__", "2s500ms"),
            ("__param_target", "http://x/?y"),
            ("__param_p", "new"),
            ("job", "b"),
            ("instance", "me"),
        )
    ]
    target = made({"__address__": "here:1"}, *rules, params={"p": ["1", "2"]})
    assert isinstance(target, Target)
    url = "https://there:2/probe%20me?p=new&p=2&target=http%3A%2F%2Fx%2F%3Fy"
    assert target.url == url
    assert (target.interval_s, target.timeout_s) == (30.0, 2.5)
    assert target.labels == {"instance": "me", "job": "b"}


@pytest.mark.parametrize(
    ("found", "rules", "said"),
    [
        ({}, [], "no address"),
        ({"__address__": "http://a"}, [], "is not an address"),
        ({"__address__": "a\r\nHost: b"}, [], "is not an address"),
        ({"__address__": "a", "__scheme__": "ftp"}, [], "neither http nor https"),
        ({"__address__": "a", "__scrape_interval__": "x"}, [], "__scrape_interval__: 'x' is not"),
        ({"__address__": "a", "__scrape_interval__": "0s"}, [], "__scrape_interval__ is 0"),
        ({"__address__": "a", "__scrape_timeout__": "2m"}, [], "is longer than"),
        ({"__address__": "a"}, [{"action": "labeldrop", "regex": "__addr.*"}], "no address"),
    ],
)
def test_what_cannot_be_a_target(found, rules, said):
    target = made(found, *rules)
    assert isinstance(target, NoTarget)
    assert said in str(target.error)


def test_a_dropped_one_is_shown_as_it_was_found():
    target = made({"__address__": "a"}, {"action": "drop", "regex": ".*"})
    assert isinstance(target, NoTarget)
    assert target.error is None
    assert target.discovered["__address__"] == "a"


def test_offsets_are_stable_and_spread():
    targets = [made({"__address__": f"a:{number}"}) for number in range(300)]
    offsets = sorted(one.offset_s("me") for one in targets if isinstance(one, Target))
    assert len(offsets) == 300
    assert offsets[0] < 3
    assert offsets[-1] > 57
    assert all(a + 5 > b for a, b in itertools.pairwise(offsets))
    again = made({"__address__": "a:7"})
    assert isinstance(again, Target)
    assert again.offset_s("me") in offsets
    assert again.offset_s("you") not in offsets


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.001, 100), st.floats(-1e5, 1e5)), min_size=1, max_size=30
    ),
    st.integers(0, 2_000_000_000_000),
)  # fmt: skip
def test_sequences_rise_and_times_stay_near_the_clock_whatever_it_does(steps, last_ms):
    timeline = Timeline(15.0, last_ms)
    monotonic_s, wall_s = 0.0, 1_700_000_000.0
    sequence = last_ms
    for passed_s, jump_s in steps:
        monotonic_s, wall_s = monotonic_s + passed_s, max(1.0, wall_s + passed_s + jump_s)
        stamp_ms = timeline.stamp(wall_s, wall_s, monotonic_s)
        now_ms = round(wall_s * 1000)
        assert timeline.sequence > sequence
        assert now_ms <= stamp_ms <= now_ms + 300_000
        assert stamp_ms > last_ms or last_ms >= now_ms + 300_000
        last_ms, sequence = stamp_ms, timeline.sequence


def test_a_clock_that_was_a_year_ahead_is_followed_at_once_and_after_a_restart():
    timeline = Timeline(10.0)
    ahead_ms = timeline.stamp(40_000_000.0, 40_000_000.0, 0.0)
    assert timeline.stamp(1000.0, 1000.0, 10.0) == 1_000_000
    assert timeline.stamp(1010.0, 1010.0, 20.0) == 1_010_000
    assert timeline.ahead_s == 0
    assert timeline.sequence == ahead_ms + 2
    again = Timeline(10.0, timeline.sequence)
    assert again.stamp(1020.0, 1020.0, 5.0) == 1_020_000
    assert again.sequence == ahead_ms + 3


def test_a_clock_set_back_is_caught_up_with():
    timeline = Timeline(10.0)
    first_ms = timeline.stamp(1000.0, 1000.0, 0.0)
    for step in range(1, 8):
        stamp_ms = timeline.stamp(940 + 10.0 * step, 940 + 10.0 * step, 10.0 * step)
        assert stamp_ms == max(first_ms + step * 9000, (940 + 10 * step) * 1000)
    assert timeline.stamp(1540, 1540, 600.0) == 1_540_000
    assert timeline.ahead_s == 0


def test_times_lie_on_the_grid():
    timeline = Timeline(10.0)
    assert timeline.stamp(1000.0, 1000.0015, 0) == 1_000_000
    assert timeline.stamp(1010.0, 1010.003, 10) == 1_010_003
