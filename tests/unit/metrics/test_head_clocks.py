"""A clock that was wrong for a while, and what a head keeps of the pages that it has seen."""

from dataclasses import replace

import numpy as np

from madang.core.clock import ManualClock
from madang.core.samples import SAMPLES_SCHEMA
from madang.metrics.head import head as head_module
from madang.metrics.head.folder import HeadFolder
from madang.metrics.head.follower import HeadFollower
from madang.metrics.head.head import Head
from madang.metrics.head.intake import SampleColumns
from madang.stream import LogStore
from unit.metrics.pages import contents, page

HOUR_MS = 3_600_000
NOW_MS = 1_000 * HOUR_MS
YEARS_AHEAD_MS = 20_000 * HOUR_MS
PAGE = {("up", "a"): 1.0}


def take(head, batch, arrived_ms):
    head.take(SampleColumns.of(batch), arrived_ms)


def test_a_clock_that_was_years_ahead_makes_nothing_late_once_it_is_right():
    head = Head(block_ms=HOUR_MS, late_ms=HOUR_MS // 2)
    take(head, page(NOW_MS, PAGE), NOW_MS)
    take(head, page(YEARS_AHEAD_MS, PAGE, announce=False), YEARS_AHEAD_MS)
    take(head, page(NOW_MS + 1000, PAGE, announce=False), NOW_MS + 1000)
    take(head, page(NOW_MS - HOUR_MS, PAGE, announce=False), NOW_MS + 2000)
    assert head.counts.late == 1  # that of an hour ago
    times = [ts_ms for ts_ms, _ in contents(head)["up", "a"]]
    assert times == [NOW_MS, NOW_MS + 1000, YEARS_AHEAD_MS]


def test_samples_of_a_clock_that_was_ahead_do_not_push_out_those_of_now(tmp_path):
    head = Head(block_ms=HOUR_MS, late_ms=HOUR_MS // 2, keep_ms=2 * HOUR_MS)
    take(head, page(YEARS_AHEAD_MS, PAGE), YEARS_AHEAD_MS)
    take(head, page(NOW_MS, PAGE, announce=False), NOW_MS)
    for block in head.blocks.values():
        block.write_part(tmp_path / f"{block.start_ms}.arrow", {0: 2})
    assert not head.drop_archived({0: 2})
    assert NOW_MS in head.blocks
    take(head, page(NOW_MS + 4 * HOUR_MS, PAGE, announce=False), NOW_MS + 4 * HOUR_MS)
    assert head.drop_archived({0: 2})
    assert head.whole_from_ms == NOW_MS + HOUR_MS


def test_requests_with_other_series_each_time_take_bounded_memory(monkeypatch):
    monkeypatch.setattr(head_module, "_KEPT_IN_PAGES", 1000)
    head = Head()
    series = {("up", f"pod-{number}"): 1.0 for number in range(200)}
    take(head, page(NOW_MS, series), NOW_MS)
    whole = SampleColumns.of(page(NOW_MS + 1, series, announce=False))
    for first in range(100):
        some = slice(first, first + 50)
        head.take(
            replace(whole, ids=whole.ids[some], ts_ms=whole.ts_ms[some], values=whole.values[some]),
            NOW_MS,
        )
        assert sum(len(ids) for ids, _ in head._pages.values()) <= 1000
    assert np.all(np.isfinite(head.select([], 0, 2**60).samples.values))


def test_a_stream_whose_times_cannot_go_back_makes_nothing_late(tmp_path):
    clock = ManualClock(NOW_MS * 1000)
    with LogStore(tmp_path / "streams", clock=clock) as store:
        stream = store.open("metrics", SAMPLES_SCHEMA)
        follower = HeadFollower(stream, Head(), HeadFolder(tmp_path / "head"), clock=clock)
        follower.restore()
        for jump_ms in (0, YEARS_AHEAD_MS, 1000 - YEARS_AHEAD_MS, 2 * HOUR_MS):
            clock.advance(jump_ms / 1000)
            stream.submit(page(clock.now_us() // 1000, PAGE)).result()
            follower.poll()
        assert [ts_ms - NOW_MS for ts_ms, _ in contents(follower)["up", "a"]] == [
            0,
            1000,
            1000 + 2 * HOUR_MS,
            YEARS_AHEAD_MS,
        ]
