"""From pages to batches: labels, limits, duplicates, endings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.collect.scrape.relabel import Relabeller
from madang.collect.scrape.series import SeriesLabels
from madang.collect.scrape.target_series import EXTRA_REPORT, REPORT, TargetSeries, counted_of
from madang.core.errors import MadangError
from madang.core.samples import SAMPLES_SCHEMA, is_stale, labels_of, series_id
from madang.project.scrape_spec import GlobalSpec, ScrapeJobSpec

TEXT = "text/plain; version=0.0.4"
TARGET = {"instance": "here:1", "job": "a"}


def made(target=TARGET, **job) -> TargetSeries:
    spec = ScrapeJobSpec.model_validate({"job_name": "a", **job}).over(GlobalSpec())
    rules = Relabeller(spec.metric_relabel_configs)
    return TargetSeries(
        SeriesLabels(spec, target, rules),
        sample_limit=spec.sample_limit or 0,
        honor_timestamps=spec.honor_timestamps,
        track_all=spec.track_timestamps_staleness,
        extra=bool(spec.extra_scrape_metrics),
    )


class Store:
    """Puts batches back together as a reader of the stream would."""

    def __init__(self, *, again: bool = False) -> None:
        self.labels: dict[int, dict[str, str]] = {}
        self.again = again  # series that come back may be announced again

    def read(self, samples) -> list[tuple[dict[str, str], int, float | None]]:
        """Labels, time and value of each sample; None for an ending."""
        batch = samples.batch
        batch.validate(full=True)
        assert batch.schema == SAMPLES_SCHEMA
        values = batch["value"].to_numpy()
        rows = zip(
            batch["ts"].cast("int64").to_pylist(),
            batch["series"].to_pylist(),
            values.tolist(),
            is_stale(values).tolist(),
            batch["labels"].to_pylist(),
            strict=True,
        )
        found = []
        for ts, series, value, stale, labels in rows:
            if labels is not None:
                assert series_id(labels) == series
                assert self.again or series not in self.labels
                self.labels[series] = labels_of(labels)
            found.append((self.labels[series], ts, None if stale else value))
        return found


def page(series: TargetSeries, store: Store, text: str, ts_ms: int, *, up: float = 1.0):
    """The samples of a page, and of the report, as name and labels without the target's."""
    taken = series.take(text.encode(), TEXT)
    report = [up, *([0.0] * (len(series._report) - 1))]
    return {
        (labels["__name__"], *sorted((n, v) for n, v in labels.items() if n not in
                                      ("__name__", *TARGET))): (ts, value)
        for labels, ts, value in store.read(series.batch(taken, report, ts_ms))
        if labels["__name__"] not in REPORT[1:] + EXTRA_REPORT
    }  # fmt: skip


def test_labels_come_once_and_series_end_once():
    series, store = made(), Store()
    assert page(series, store, 'a{x="1"} 1\nb 2\n', 10) == {
        ("up",): (10, 1.0),
        ("a", ("x", "1")): (10, 1.0),
        ("b",): (10, 2.0),
    }
    assert page(series, store, 'a{x="1"} 3\n', 20) == {
        ("up",): (20, 1.0),
        ("a", ("x", "1")): (20, 3.0),
        ("b",): (20, None),
    }
    assert page(series, store, 'a{x="1"} 3\n', 30).keys() == {("up",), ("a", ("x", "1"))}
    assert page(series, store, "b 1\n", 40)[("a", ("x", "1"))] == (40, None)
    assert all(labels.items() >= TARGET.items() for labels in store.labels.values())
    assert {labels["__name__"] for labels in store.labels.values()} == {"a", "b", *REPORT}


def test_a_failed_scrape_ends_all_and_the_next_brings_them_back():
    series, store = made(), Store()
    page(series, store, "a 1\nb 2\n", 10)
    down = store.read(series.batch(None, [0.0] * 5, 20))
    ended = {labels["__name__"] for labels, _, value in down if value is None}
    assert ended == {"a", "b"}
    assert len(down) == 5 + 2
    assert page(series, store, "a 1\nb 2\n", 30)[("a",)] == (30, 1.0)
    living = {store.labels[number]["__name__"] for number in series.living().tolist()}
    assert living == {"a", "b", *REPORT}


def test_a_new_loop_goes_on_with_the_series_of_another():
    first, store = made(), Store(again=True)
    page(first, store, "a 1\nb 2\n", 10)
    for lines, ended in (("b 3\nc 4\n", {"a"}), (None, {"a", "b"})):
        series = made()
        series.go_on_with(first.living())
        assert set(series.living()) == set(first.living())
        taken = None if lines is None else series.take(lines.encode(), TEXT)
        found = store.read(series.batch(taken, [1.0] * 5, 20))
        assert {labels["__name__"] for labels, _, value in found if value is None} == ended
        assert len(store.read(series.batch(None, [0.0] * 5, 30))) == 5 + (2 if lines else 0)
        assert len(series.living()) == 5


def test_labels_of_a_batch_that_was_lost_come_again():
    series, store = made(), Store()
    lost = series.batch(series.take(b"a 1\n", TEXT), [1.0] * 5, 10)
    assert len(lost.announced) == 6
    series.announce_again(lost.announced)
    assert page(series, store, "a 2\n", 20)[("a",)] == (20, 2.0)


def test_from_time_to_time_all_labels_come_again():
    series = made()
    first = series.batch(series.take(b"a 1\nb 1\n", TEXT), [1.0] * 5, 10)
    series.batch(series.take(b"a 2\n", TEXT), [1.0] * 5, 20)
    series.announce_all()
    again = series.batch(series.take(b"a 3\n", TEXT), [1.0] * 5, 30)
    assert len(again.announced) == 6
    returned = series.batch(series.take(b"a 3\nb 1\n", TEXT), [1.0] * 5, 40)
    assert {**again.announced, **returned.announced} == first.announced
    assert len(returned.announced) == 1


def test_times_that_stand_in_the_page():
    text = "a 1 5\nb 2\n"
    assert page(made(), Store(), text, 10)[("a",)] == (5, 1.0)
    assert page(made(honor_timestamps=False), Store(), text, 10)[("a",)] == (10, 1.0)
    for track in (False, True):
        series, store = made(track_timestamps_staleness=track), Store()
        page(series, store, text, 10)
        ended = page(series, store, "", 20)
        assert ended.keys() == {("up",), ("b",)} | ({("a",)} if track else set())


@pytest.mark.parametrize(
    ("honor", "text", "expected"),
    [
        (False, 'a{job="x"} 1\n', {"exported_job": "x"}),
        (False, 'a{job="x",exported_job="y"} 1\n',
         {"exported_job": "y", "exported_exported_job": "x"}),
        (True, 'a{job="x"} 1\n', {"job": "x"}),
        (True, 'a{y="x"} 1\n', {"y": "x"}),
        (True, 'a{y="x",instance=""} 1\n', {"y": "x", "instance": ""}),
        (False, 'a{y="x",instance=""} 1\n', {"y": "x"}),
    ],
)  # fmt: skip
def test_labels_that_both_have(honor, text, expected):
    series, store = made(honor_labels=honor), Store()
    page(series, store, text, 1)
    (labels,) = (one for one in store.labels.values() if one["__name__"] == "a")
    wanted = {**TARGET, "__name__": "a", **expected}
    assert labels == {name: value for name, value in wanted.items() if value}


def test_rules_drop_and_rename_and_merge():
    rules = [
        {"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"},
        {"regex": "pod", "action": "labeldrop"},
        {"source_labels": ["__name__"], "regex": "a(.*)", "target_label": "__name__",
         "replacement": "z$1"},
    ]  # fmt: skip
    series, store = made(metric_relabel_configs=rules), Store()
    text = 'a1 1\ngo_x 2\nb{pod="1"} 3\nb{pod="2"} 4\n'
    taken = series.take(text.encode(), TEXT)
    assert (taken.counted.scraped, taken.counted.kept, taken.counted.duplicates) == (4, 3, 1)
    for ts in (1, 2):
        assert page(series, store, text, ts) == {
            ("up",): (ts, 1.0),
            ("z1",): (ts, 1.0),
            ("b",): (ts, 3.0),
        }
    assert page(series, store, 'b{pod="2"} 5\n', 3)[("b",)] == (3, 5.0)


@pytest.mark.parametrize(
    ("job", "text", "said"),
    [
        ({"sample_limit": 2}, "a 1\nb 1\nc 1\n", "the page has 3 samples; sample_limit is 2"),
        ({"label_limit": 3}, 'a{x="1"} 1\n', "'a' has 4 labels; label_limit is 3"),
        ({"label_name_length_limit": 8}, 'a{xxxxxxxxx="1"} 1\n', "xxxxxxxxx has 9 bytes"),
        ({"label_value_length_limit": 8}, 'a{x="123456789"} 1\n', "x has 9 bytes"),
        ({"metric_relabel_configs": [{"target_label": "__name__", "replacement": ""}]}, "a 1\n",
         "no name"),
        ({"metric_name_validation_scheme": "legacy"}, '{"a.b"} 1\n', "'a.b' is not a metric"),
        ({"metric_name_validation_scheme": "legacy"}, 'a{"x-y"="1"} 1\n', "'x-y' is not a label"),
        ({}, "a 1\nb one\n", "one"),
        ({}, "a{ 1\n", "page:1"),
        ({}, 'a{x="\xff"} 1\n'.encode("latin-1").decode("latin-1"), ""),
    ],
)  # fmt: skip
def test_pages_that_are_refused_whole(job, text, said):
    series, store = made(**job), Store()
    if not said:
        assert page(series, store, text, 1)
        return
    for _ in range(2):
        with pytest.raises(MadangError, match=said):
            series.take(text.encode(), TEXT)
    assert page(series, store, "ok 1\n" if "replacement" not in str(job) else "", 5)


def test_what_was_counted_of_a_page_over_its_limit():
    with pytest.raises(MadangError) as caught:
        made(sample_limit=1).take(b"a 1\nb 1\n", TEXT)
    assert counted_of(caught.value).scraped == 2


def test_the_extra_series():
    series, store = made(extra_scrape_metrics=True), Store()
    store.read(series.batch(None, [0.0] * 8, 1))
    names = {labels["__name__"] for labels in store.labels.values()}
    assert names == {*REPORT, *EXTRA_REPORT}


def test_series_that_have_gone_are_forgotten():
    rules = [{"source_labels": ["__name__"], "regex": "drop.*", "action": "drop"}]
    series, store = made(metric_relabel_configs=rules), Store(again=True)
    for ts in range(1, 60):
        names = [f"m{ts * 50 + at}" for at in range(100)]
        text = "".join(f"{name} {ts}\ndrop{name} 1\n" for name in names)
        found = page(series, store, text, ts)
        series.tidy()
        assert {key[0] for key, (_, value) in found.items() if value == ts} >= set(names)
        assert len(series) < 2000


NAMES = st.sampled_from([f"n{at}" for at in range(8)])
PAGES = st.lists(
    st.one_of(
        st.none(),
        st.lists(st.tuples(NAMES, st.integers(0, 9), st.sampled_from([None, 3, 7])), max_size=10),
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(PAGES, st.booleans(), st.booleans())
def test_a_slow_obvious_loop_says_the_same(pages, lossy, drops):
    """None is a scrape that failed; with ``lossy`` every third batch never arrives."""
    rules = [{"source_labels": ["__name__"], "regex": "n[01]", "action": "drop"}] if drops else []
    rules.append({"source_labels": ["__name__"], "regex": "n2", "target_label": "__name__",
                  "replacement": "n3"})  # fmt: skip
    series, store, present = made(metric_relabel_configs=rules), Store(), set()
    for at, lines in enumerate(pages, start=1):
        ts, expected, now = at * 100, {}, set()
        if lines is None:
            taken = None
        else:
            text = "".join(f"{n} {v}{'' if t is None else f' {t}'}\n" for n, v, t in lines)
            taken = series.take(text.encode(), TEXT)
            in_page = set()
            for written, value, own in lines:
                name = "n3" if written == "n2" else written
                if own is None and written in in_page:
                    continue
                in_page.add(written)
                if not (drops and name in ("n0", "n1")):
                    expected.setdefault((name, own or ts), float(value))
                    if own is None:
                        now.add(name)
        for name in present - now:
            expected[(name, ts)] = None
        present = now
        samples = series.batch(taken, [1.0] * 5, ts)
        if lossy and at % 3 == 0:
            series.announce_again(samples.announced)
            continue
        found = store.read(samples)
        assert [labels["__name__"] for labels, _, _ in found[:5]] == list(REPORT)
        got = {(labels["__name__"], when): value for labels, when, value in found[5:]}
        assert got == expected
        assert len(got) == len(found) - 5


def test_no_loop_over_samples_in_a_steady_page():
    series = made()
    text = "".join(f'm{{x="{at}"}} 1\n' for at in range(1000)).encode()
    series.batch(series.take(text, TEXT), [1.0] * 5, 1)
    series.batch(series.take(text, TEXT), [1.0] * 5, 2)
    taken = series.take(text, TEXT)
    assert series._steady is not None
    assert taken.slots is series._steady[1]
    assert np.array_equal(taken.slots, np.arange(5, 1005))
