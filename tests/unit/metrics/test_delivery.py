"""Samples in their tables: each once, in order, whatever came between."""

import shutil

import pytest

from madang.core.names import SAMPLES, SERIES
from madang.metrics.head.follower import GROUP
from unit.metrics.archive import HOUR_MS, NOW_MS, Archived

PAGE = {("up", "a"): 1.0, ("load", "b"): 2.5, ("load", "a"): 3.0}


@pytest.fixture
def archived(tmp_path):
    made = Archived(tmp_path)
    yield made
    made.store.close()


def test_what_the_head_wrote_is_in_the_tables_once(archived):
    archived.append(NOW_MS, PAGE)
    archived.append(NOW_MS + 5, {("up", "c"): 4.0}, partition=1)
    archived.deliver()
    archived.append(NOW_MS + 10, PAGE, announce=False)
    archived.deliver()
    assert not archived.delivery.deliver()
    expected = {key: [(NOW_MS, value), (NOW_MS + 10, value)] for key, value in PAGE.items()}
    assert archived.stored() == expected | {("up", "c"): [(NOW_MS + 5, 4.0)]}
    assert archived.stream.committed(GROUP) == {0: 6, 1: 1}
    assert len(archived.rows(SERIES)) == 4
    table = archived.lake.table(SAMPLES)
    assert table.offsets() == {f"{SAMPLES}/0": 6, f"{SAMPLES}/1": 1}
    assert SAMPLES in table.sources()


def test_rows_of_a_file_are_sorted_by_name_series_and_time(archived):
    for number in range(3):
        archived.append(NOW_MS + number, PAGE, announce=number == 0)
    archived.deliver()
    rows = [(row["name"], row["series"], row["_time"]) for row in archived.rows()]
    assert len(rows) == 9
    assert rows == sorted(rows)


def test_a_day_has_its_own_files_and_series(archived):
    archived.append(NOW_MS - 1, PAGE)
    archived.append(NOW_MS, PAGE, announce=False)
    archived.deliver()
    files = archived.lake.table(SAMPLES).pin().files
    assert sorted(file.partition for file in files) == ["2026-11-20", "2026-11-21"]
    assert len(archived.rows(SERIES)) == 2 * len(PAGE)
    archived.start()
    archived.append(NOW_MS + 1, PAGE, announce=False)
    archived.deliver()
    assert len(archived.rows(SERIES)) == 2 * len(PAGE)


def test_samples_of_one_time_are_one_row_and_another_value_is_refused(archived):
    archived.append(NOW_MS, PAGE)
    archived.deliver()
    archived.append(NOW_MS, PAGE)
    archived.append(NOW_MS, {("up", "a"): 7.0})
    archived.append(NOW_MS - 5, {("up", "a"): 8.0})
    archived.append(NOW_MS + 5, {("up", "a"): 9.0})
    archived.deliver()
    assert archived.stored()["up", "a"] == [(NOW_MS - 5, 8.0), (NOW_MS, 1.0), (NOW_MS + 5, 9.0)]
    assert archived.stored()["load", "b"] == [(NOW_MS, 2.5)]
    counts = archived.head.counts
    assert (counts.repeated, counts.duplicate) == (3, 1)


def test_a_head_that_is_lost_is_read_anew_and_nothing_is_written_twice(archived):
    archived.append(NOW_MS, PAGE)
    archived.append(NOW_MS + 1, {("up", "c"): 4.0}, partition=1)
    archived.deliver()
    archived.append(NOW_MS + 10, PAGE, announce=False)
    archived.append(NOW_MS + 11, {("up", "c"): 4.0}, announce=False, partition=1)
    shutil.rmtree(archived.path / "head")
    archived.start()
    archived.deliver()
    expected = {key: [(NOW_MS, value), (NOW_MS + 10, value)] for key, value in PAGE.items()}
    expected["up", "c"] = [(NOW_MS + 1, 4.0), (NOW_MS + 11, 4.0)]
    assert archived.stored() == expected == archived.catch_up()
    assert archived.head.counts.unknown == 0


def test_series_that_the_head_forgot_are_found_in_the_table(archived):
    archived.append(NOW_MS, PAGE)
    archived.deliver()
    later_ms = NOW_MS + 10 * HOUR_MS
    archived.append(later_ms, {("up", "a"): 1.0}, announce=False)
    archived.deliver()
    archived.append(later_ms + 10 * HOUR_MS, {("up", "a"): 1.0}, announce=False)
    archived.deliver()
    archived.append(later_ms + 10 * HOUR_MS, {("up", "z"): 1.0}, announce=True)
    archived.deliver()
    assert len(archived.head.index) < len(PAGE)
    archived.append(later_ms + 10 * HOUR_MS + 1, PAGE | {("no", "x"): 1.0}, announce=False)
    archived.deliver()
    assert archived.head.counts.unknown == 1
    assert archived.stored()["load", "b"] == [
        (NOW_MS, 2.5),
        (later_ms + 10 * HOUR_MS + 1, 2.5),
    ]


def test_blocks_go_when_the_tables_have_them_and_come_not_back(archived):
    archived.append(NOW_MS, PAGE)
    archived.catch_up()
    archived.follower.write()
    archived.append(NOW_MS + 10 * HOUR_MS, PAGE, announce=False)
    archived.catch_up()
    archived.follower.write()
    assert len(archived.head.blocks) == 2
    assert archived.head.whole_from_ms is None
    archived.delivery.deliver()
    archived.follower.write()
    assert list(archived.head.blocks) == [NOW_MS + 10 * HOUR_MS]
    assert archived.head.whole_from_ms == NOW_MS + 2 * HOUR_MS
    archived.start()
    assert list(archived.head.blocks) == [NOW_MS + 10 * HOUR_MS]
    assert archived.head.whole_from_ms == NOW_MS + 2 * HOUR_MS
    assert len(archived.stored()["up", "a"]) == 2


def test_small_parts_that_the_tables_have_become_one(archived):
    for number in range(9):
        archived.append(NOW_MS + number, PAGE, announce=number == 0)
        archived.deliver()
    archived.append(NOW_MS + 9, PAGE, announce=False)
    archived.catch_up()
    archived.follower.write()
    (block,) = archived.head.blocks.values()
    assert sorted(len(part.samples) for part in block.parts) == [3, 3, 12, 12]
    assert len(list((archived.path / "head").glob("samples-*"))) == 4
    expected = [(NOW_MS + number, 1.0) for number in range(10)]
    assert archived.catch_up()["up", "a"] == expected
    archived.start()
    assert archived.catch_up()["up", "a"] == expected
    archived.deliver()
    assert archived.stored()["up", "a"] == expected


def test_what_a_table_that_was_dropped_had_comes_back_as_far_as_the_head_has_it(archived):
    archived.append(NOW_MS, PAGE)
    archived.deliver()
    archived.lake.drop(SAMPLES)
    archived.append(NOW_MS + 10, PAGE, announce=False)
    archived.deliver()
    assert archived.stored()["up", "a"] == [(NOW_MS, 1.0), (NOW_MS + 10, 1.0)]


def test_a_sample_that_a_quiet_partition_brings_again_is_one_row(archived):
    later_ms = NOW_MS + 10 * HOUR_MS
    archived.append(NOW_MS, PAGE, partition=1)
    archived.deliver()
    archived.append(later_ms, {("up", "c"): 1.0})
    archived.deliver()
    archived.follower.write()
    assert list(archived.head.blocks) == [later_ms]
    archived.append(NOW_MS, PAGE | {("up", "a"): 7.0}, partition=1)
    archived.append(NOW_MS + 5, {("up", "a"): 2.0, ("up", "n"): 3.0}, partition=1)
    archived.deliver()
    stored = archived.stored()
    assert stored["up", "a"] == [(NOW_MS, 1.0), (NOW_MS + 5, 2.0)]
    assert stored["load", "a"] == [(NOW_MS, 3.0)]
    assert stored["up", "n"] == [(NOW_MS + 5, 3.0)]
    counts = archived.head.counts
    assert (counts.repeated, counts.duplicate) == (2, 1)
    archived.follower.write()
    archived.append(NOW_MS + 5, {("up", "a"): 2.0}, partition=1)
    archived.deliver()
    assert archived.stored()["up", "a"] == [(NOW_MS, 1.0), (NOW_MS + 5, 2.0)]
