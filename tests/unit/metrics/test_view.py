"""A head that is asked by threads while it takes samples and is written."""

import threading

import numpy as np

from madang.core.clock import ManualClock
from madang.core.samples import SAMPLES_SCHEMA
from madang.lake.lineage import Source
from madang.metrics.head.folder import HeadFolder
from madang.metrics.head.follower import FollowLimits, HeadFollower
from madang.metrics.head.head import Head
from madang.metrics.head.intake import SampleColumns
from madang.metrics.matcher import Matcher, MatchKind
from madang.stream import LogStore
from unit.metrics.pages import page

NOW_MS = 1_767_225_600_000
NAMES = [f"m{number}" for number in range(40)]


def test_whoever_asks_meanwhile_sees_each_series_whole_and_waits_for_nobody(tmp_path):
    clock = ManualClock(NOW_MS * 1000)
    store = LogStore(tmp_path / "streams", clock=clock)
    stream = store.open("metrics.samples", SAMPLES_SCHEMA)
    limits = FollowLimits(write_every_s=1e9, write_at_samples=2_000)
    folder = HeadFolder(tmp_path / "head")
    follower = HeadFollower(stream, Head(), folder, clock=clock, limits=limits)
    seen, wrong = [0, 0], []
    over = threading.Event()

    def ask(place, matchers):
        before = 0
        while not over.is_set() or before < 300:
            found = follower.select(matchers, 0, NOW_MS * 2)
            counts = np.diff(found.offsets)
            steps = np.concatenate(
                [
                    np.diff(found.samples.ts_ms[begin:end])
                    for begin, end in zip(found.offsets[:-1], found.offsets[1:], strict=True)
                ]
                or [np.empty(0, np.int64)]
            )
            # No hole, none twice, never fewer than before.
            if len(counts) and (set(counts.tolist()) - {counts.max()} or set(steps.tolist()) - {1}):
                wrong.append((counts, steps))
            if len(counts) and counts.max() < before:
                wrong.append((counts.max(), before))
            before = int(counts.max()) if len(counts) else before
            seen[place] += 1
            if wrong:
                return

    matchers = [Matcher("__name__", MatchKind.REGEX, "m.*")]
    one = [Matcher("__name__", MatchKind.EQUAL, "m7")]
    askers = [
        threading.Thread(target=ask, args=(place, wanted))
        for place, wanted in enumerate([matchers, one])
    ]
    for asker in askers:
        asker.start()
    for tick in range(300):
        values = {(name, "a"): float(tick) for name in NAMES}
        stream.submit(page(NOW_MS + tick, values, announce=tick == 0)).result()
        follower.poll()
    over.set()
    for asker in askers:
        asker.join()
    assert not wrong
    assert min(seen) > 3
    assert len(list((tmp_path / "head").glob("samples-*"))) >= 5
    store.close()


def test_a_view_stays_as_it_is(tmp_path):
    head = Head()
    folder = HeadFolder(tmp_path)
    head.take(SampleColumns.of(page(NOW_MS, {("up", "a"): 1.0})), NOW_MS)
    view = head.view()
    head.take(SampleColumns.of(page(NOW_MS + 1, {("up", "b"): 2.0, ("up", "a"): 3.0})), NOW_MS)
    folder.write(head, Source("log"), {0: 3})
    assert view.select([], 0, NOW_MS * 2).samples.values.tolist() == [1.0]
    assert view.label_values("pod", []) in (["a"], ["a", "b"])
    assert head.select([], 0, NOW_MS * 2).samples.values.tolist() == [1.0, 3.0, 2.0]
