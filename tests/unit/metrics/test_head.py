"""The head: what it takes and refuses, and what it still has when it comes back."""

import numpy as np
import pyarrow as pa
import pytest

from madang.core.errors import CorruptionError, TooLargeError
from madang.core.samples import SAMPLES_SCHEMA, STALE_NAN
from madang.lake.lineage import Source
from madang.metrics.head import folder as folder_module
from madang.metrics.head.folder import HeadFolder
from madang.metrics.head.head import Head
from madang.metrics.head.intake import SampleColumns
from unit.metrics.pages import contents, page

HOUR_MS = 3_600_000
LOG = Source("log", {0: 5})
PAGE = {("up", "a"): 1.0, ("up", "b"): 0.0, ("load", "a"): 2.5}
EXPECTED = {series: [(1000, value), (2000, value)] for series, value in PAGE.items()}


def take(head, batch, arrived_ms=None):
    samples = SampleColumns.of(batch)
    head.take(samples, arrived_ms if arrived_ms is not None else int(samples.ts_ms.max(initial=0)))


@pytest.fixture
def head():
    made = Head(block_ms=HOUR_MS, late_ms=HOUR_MS // 2)
    take(made, page(1000, PAGE))
    take(made, page(2000, PAGE, announce=False))
    return made


def test_labels_are_said_once(head):
    assert contents(head) == EXPECTED
    assert (head.counts.taken, head.counts.unknown) == (6, 0)


def test_a_series_that_nobody_announced_is_refused_and_counted(head):
    take(head, page(3000, {("up", "c"): 1.0, **PAGE}, announce=False))
    assert head.counts.unknown == 1
    assert contents(head)["up", "a"][-1] == (3000, 1.0)


def test_the_end_of_a_series_that_nobody_knows_is_no_refusal(head):
    take(head, page(3000, {("up", "c"): STALE_NAN}, announce=False))
    assert head.counts.unknown == 0
    assert contents(head) == EXPECTED


def test_labels_hold_over_blocks_and_samples_are_found_across_them(head):
    take(head, page(HOUR_MS - 1, PAGE, announce=False))
    take(head, page(HOUR_MS, PAGE, announce=False))
    take(head, page(3 * HOUR_MS, PAGE, announce=False))
    assert sorted(head.blocks) == [0, HOUR_MS, 3 * HOUR_MS]
    times = [1000, 2000, HOUR_MS - 1, HOUR_MS, 3 * HOUR_MS]
    assert contents(head)["up", "b"] == [(ts_ms, 0.0) for ts_ms in times]
    assert contents(head, 2000, HOUR_MS)["load", "a"] == [(ts_ms, 2.5) for ts_ms in times[1:4]]
    assert contents(head, HOUR_MS + 1, 2 * HOUR_MS) == {}


def test_what_is_too_late_or_too_early_is_counted_but_its_labels_are_learned(head):
    take(head, page(HOUR_MS, PAGE, announce=False))
    take(head, page(HOUR_MS // 2 - 1, {("late", "a"): 1.0}), arrived_ms=HOUR_MS)
    take(head, page(3 * HOUR_MS, {("early", "a"): 1.0}), arrived_ms=HOUR_MS)
    assert (head.counts.late, head.counts.early) == (1, 1)
    assert head.newest_ms == HOUR_MS
    take(head, page(HOUR_MS // 2, {("late", "a"): 1.0, ("early", "a"): 2.0}, announce=False))
    assert head.counts.unknown == 0
    assert contents(head)["late", "a"] == [(HOUR_MS // 2, 1.0)]


def test_nothing_is_taken_under_a_number_that_two_series_have(head):
    wrong = page(3000, PAGE).set_column(
        4, SAMPLES_SCHEMA.field("labels"), pa.array([b"__name__\xffother", None, None], pa.binary())
    )
    take(head, wrong)
    take(head, page(4000, PAGE, announce=False))
    assert head.counts.collided == 2
    found = contents(head)
    assert found["up", "a"] == EXPECTED["up", "a"]
    assert [ts_ms for ts_ms, _ in found["up", "b"]] == [1000, 2000, 3000, 4000]


def test_a_number_that_two_series_have_is_known_after_a_restart(head, tmp_path):
    labels = pa.array([b"__name__\xffother", None, None], pa.binary())
    wrong = page(3000, PAGE).set_column(4, SAMPLES_SCHEMA.field("labels"), labels)
    take(head, wrong)
    HeadFolder(tmp_path).write(head, LOG, {0: 3})
    again = Head()
    HeadFolder(tmp_path).restore(again)
    take(again, page(4000, PAGE, announce=False))
    assert again.counts.collided == 1
    assert contents(again)["up", "a"] == EXPECTED["up", "a"]


def test_more_samples_than_the_limit_are_not_gathered(head):
    assert len(head.select([], 0, HOUR_MS, limit=6).labels) == 3
    with pytest.raises(TooLargeError, match="finds 6 samples, over the limit of 5"):
        head.select([], 0, HOUR_MS, limit=5)


def test_a_head_comes_back_as_it_was_written_and_goes_on(head, tmp_path):
    folder = HeadFolder(tmp_path)
    folder.write(head, LOG, {0: 2})
    take(head, page(HOUR_MS, {**PAGE, ("up", "c"): 4.0}))
    folder.write(head, LOG, {0: 3})
    take(head, page(HOUR_MS + 1, PAGE, announce=False))  # not written: the stream has it
    again = Head(block_ms=HOUR_MS, late_ms=HOUR_MS // 2)
    assert HeadFolder(tmp_path).restore(again).offsets == {0: 3}
    assert again.newest_ms == HOUR_MS
    take(again, page(HOUR_MS + 1, PAGE, announce=False))
    assert contents(again) == contents(head)
    assert again.counts.unknown == 0


@pytest.mark.parametrize("step", ["sync_folder", "replace_file", "write_series"])
def test_a_write_that_fails_halfway_loses_nothing(head, tmp_path, monkeypatch, step):
    folder = HeadFolder(tmp_path)
    folder.write(head, LOG, {0: 2})
    take(head, page(HOUR_MS, {**PAGE, ("up", "c"): 4.0}))
    with monkeypatch.context() as broken:

        def full(*_args, **_more):
            raise OSError(28, "No space left on device")

        broken.setattr(folder_module, step, full)
        with pytest.raises(OSError, match="No space"):
            folder.write(head, LOG, {0: 3})
    take(head, page(HOUR_MS + 1, PAGE, announce=False))
    folder.write(head, LOG, {0: 4})
    again = Head(block_ms=HOUR_MS, late_ms=HOUR_MS // 2)
    assert HeadFolder(tmp_path).restore(again).offsets == {0: 4}
    assert contents(again) == contents(head)


def test_what_was_not_written_to_the_end_does_not_count(head, tmp_path):
    folder = HeadFolder(tmp_path)
    folder.write(head, LOG, {0: 2})
    (tmp_path / "samples-left.arrow").write_bytes(b"half")
    again = Head()
    assert HeadFolder(tmp_path).restore(again).offsets == {0: 2}
    assert contents(again) == EXPECTED
    assert not (tmp_path / "samples-left.arrow").exists()


@pytest.mark.parametrize("file", ["manifest.json", "series-*.arrow", "samples-*.arrow"])
@pytest.mark.parametrize("kept", [0, 10, 300])
def test_half_a_file_is_damage_and_the_stream_still_has_all(head, tmp_path, file, kept):
    folder = HeadFolder(tmp_path)
    folder.write(head, LOG, {0: 2})
    path = next(tmp_path.glob(file))
    path.write_bytes(path.read_bytes()[:kept])
    again = HeadFolder(tmp_path)
    if len(path.read_bytes()) < 200 or file != "manifest.json":
        with pytest.raises((CorruptionError, OSError)):
            again.restore(Head())
    again.forget()
    assert again.restore(Head()) is None
    assert list(tmp_path.iterdir()) == []


def test_series_that_are_forgotten_are_gone_and_their_refs_are_not_given_again(head):
    head.index.retain(np.array([1], np.int32))
    assert [dict(one)["pod"] for one in head.index.view().labels(np.array([1], np.int32))] == ["b"]
    assert head.index.view().values("__name__") == ["up"]
    take(head, page(3000, {("new", "z"): 1.0}))
    assert head.index.refs_of(head.index.ids).tolist() == [1, 3]
