"""A kill at one moment, a rotation while nobody looks: each line once, whatever the order."""

import gzip
import os
import shutil

import pytest

from madang.collect.files.content import PlainContent

LANDED, ON_ITS_WAY = 1, 0  # killed behind the first append of a look, or right before it


def lines(first: int, last: int) -> list[str]:
    return [f"line {number:05} {'x' * 60}" for number in range(first, last)]


def write(path, first: int, last: int) -> None:
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines(first, last))


def copy_and_truncate(log, copy) -> None:
    shutil.copy(log, copy)
    os.truncate(log, 0)


def compress(path) -> None:
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


def look_well(f) -> None:
    for _ in range(8):
        f.poll(after_s=3)


@pytest.mark.parametrize("moment", [ON_ITS_WAY, LANDED])
def test_killed_in_the_first_batch_after_a_truncation_then_copied_and_truncated(follow, moment):
    f = follow()
    log = f.logs / "app.log"
    write(log, 0, 30)
    f.poll()
    copy_and_truncate(log, f.logs / "app.log.1")
    write(log, 30, 60)
    assert f.killed_after(moment)
    copy_and_truncate(log, f.logs / "app.log.2")
    write(log, 60, 90)
    look_well(f)
    assert sorted(f.lines()) == lines(0, 90)


@pytest.mark.parametrize("moment", [ON_ITS_WAY, LANDED])
def test_killed_in_the_first_batch_after_a_truncation_whose_copy_was_not_looked_at(follow, moment):
    f = follow()
    log = f.logs / "app.log"
    write(log, 0, 30)
    f.poll()
    copy_and_truncate(log, f.logs / "app.log.1")
    write(log, 30, 60)
    assert f.killed_after(moment)
    log.rename(f.logs / "app.log.2")
    write(log, 70, 90)
    f.poll()
    write(f.logs / "app.log.2", 60, 70)
    look_well(f)
    assert sorted(f.lines()) == lines(0, 90)


@pytest.mark.parametrize("moment", [ON_ITS_WAY, LANDED])
@pytest.mark.parametrize("rotated", ["copied", "packed", "copied and packed"])
def test_killed_in_any_batch_then_rotated(follow, moment, rotated):
    f = follow()
    log = f.logs / "app.log"
    write(log, 0, 30)
    f.poll()
    write(log, 30, 60)
    assert f.killed_after(moment)
    write(log, 60, 70)
    old = f.logs / "app.log.1"
    if rotated == "packed":
        log.rename(old)
    else:
        copy_and_truncate(log, old)
    if rotated != "copied":
        compress(old)
    write(log, 70, 90)
    look_well(f)
    f.crash()
    look_well(f)
    assert sorted(f.lines()) == lines(0, 90)


@pytest.mark.parametrize("more", [0, 10])
def test_truncated_right_behind_the_read_of_its_first_block(follow, monkeypatch, more):
    f = follow()
    log = f.logs / "app.log"
    write(log, 0, 30)
    read = PlainContent.read

    def then_rotated(content, position, count):
        block = read(content, position, count)
        if count > 100_000:
            monkeypatch.undo()
            copy_and_truncate(log, f.logs / "app.log.1")
            write(log, 30, 30 + more)
        return block

    monkeypatch.setattr(PlainContent, "read", then_rotated)
    f.poll()
    look_well(f)
    assert sorted(f.lines()) == lines(0, 30 + more)


@pytest.mark.parametrize("moment", [ON_ITS_WAY, LANDED])
def test_truncated_between_the_look_and_the_first_read(follow, monkeypatch, moment):
    f = follow()
    log = f.logs / "app.log"
    write(log, 0, 30)
    read = PlainContent.read

    def rotated_before(content, position, count):
        if count > 100_000:
            monkeypatch.undo()
            copy_and_truncate(log, f.logs / "app.log.1")
            write(log, 30, 40)
        return read(content, position, count)

    monkeypatch.setattr(PlainContent, "read", rotated_before)
    assert f.killed_after(moment)
    log.rename(f.logs / "app.log.2")
    write(log, 40, 50)
    look_well(f)
    assert sorted(f.lines()) == lines(0, 50)


def test_inodes_that_hold_other_known_files_after_the_kill(follow):
    """Written in place, which is what a reused inode looks like."""
    f = follow()
    log, other = f.logs / "app.log", f.logs / "other.log"
    write(log, 0, 30)
    write(other, 30, 60)
    f.poll()
    write(log, 60, 70)
    f.crash()
    packed = gzip.compress(log.read_bytes())
    with log.open("w") as file:
        file.writelines(f"{line}\n" for line in lines(70, 90))
    log.rename(f.logs / "z.log")
    other.write_bytes(packed)
    other.rename(f.logs / "app.log.1.gz")
    look_well(f)
    assert sorted(f.lines()) == lines(0, 90)


def test_gone_between_the_look_and_its_opening(follow, monkeypatch):
    f = follow()
    log = f.logs / "app.log"
    write(log, 0, 30)
    f.poll()
    f.crash()
    shutil.copy(log, f.logs / "app.log.1")
    open_ = PlainContent.open

    def gone(path):
        if path == log:
            monkeypatch.undo()
            log.unlink()
        return open_(path)

    monkeypatch.setattr(PlainContent, "open", gone)
    look_well(f)
    assert sorted(f.lines()) == lines(0, 30)


def test_a_copy_that_has_no_byte_yet_is_not_another_file(follow):
    f = follow()
    log, copy = f.logs / "app.log", f.logs / "app.log.1"
    write(log, 0, 30)
    f.poll()
    copy.touch()
    f.poll()
    text = log.read_bytes()
    with copy.open("ab", buffering=0) as file:
        for piece in (text[:10], text[10:1500], text[1500:]):
            file.write(piece)
            f.poll(after_s=0.9)
    os.truncate(log, 0)
    write(log, 30, 40)
    look_well(f)
    assert sorted(f.lines()) == lines(0, 40)


def test_a_copy_may_lack_what_was_written_before_the_truncation(follow):
    f = follow()
    log, copy = f.logs / "app.log", f.logs / "app.log.1"
    write(log, 0, 30)
    f.poll()
    write(log, 30, 40)
    shutil.copy(log, copy)
    write(log, 40, 45)
    f.poll()
    os.truncate(log, 0)
    write(log, 45, 60)
    look_well(f)
    f.crash()
    compress(copy)
    look_well(f)
    assert sorted(f.lines()) == lines(0, 60)


@pytest.mark.parametrize("crash", [False, True])
def test_compressed_beside_the_plain_file_and_later_without_it(follow, crash):
    f = follow()
    log, old = f.logs / "app.log", f.logs / "app.log.1"
    write(log, 0, 30)
    f.poll()
    write(log, 30, 40)
    log.rename(old)
    packed = f.logs / "app.log.1.gz"
    packed.write_bytes(gzip.compress(old.read_bytes()))
    f.poll(after_s=2)
    if crash:
        f.crash()
        f.poll(after_s=10)
    old.unlink()
    if crash:
        f.crash()
    look_well(f)
    # Unpacked again, as somebody does who wants to search it.
    old.write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    look_well(f)
    assert sorted(f.lines()) == lines(0, 40)


@pytest.mark.parametrize("crash", [False, True])
def test_moved_to_another_file_system_is_copied_and_deleted(follow, crash):
    f = follow()
    log = f.logs / "app.log"
    write(log, 0, 30)
    f.poll()
    write(log, 30, 40)
    (f.logs / "old").mkdir()
    shutil.copy(log, f.logs / "old" / "app.log-2026-11-21")
    if crash:
        f.crash()
    else:
        f.poll()
    log.unlink()
    write(log, 40, 50)
    look_well(f)
    assert sorted(f.lines()) == lines(0, 50)


def test_lines_that_are_written_again_count_again(follow):
    f = follow()
    log = f.logs / "app.log"
    for number in range(1, 4):
        write(log, 0, 30)
        f.poll()
        copy_and_truncate(log, f.logs / f"app.log.{number}")
        if number == 2:
            f.crash()
        f.poll()
    write(log, 0, 30)
    look_well(f)
    assert sorted(f.lines()) == sorted(4 * lines(0, 30))


def test_two_files_that_stay_alike_are_two_files(follow):
    f = follow()
    write(f.logs / "a.log", 0, 30)
    write(f.logs / "b.log", 0, 30)
    look_well(f)
    assert sorted(f.lines()) == sorted(2 * lines(0, 30))


def test_a_file_that_begins_like_another_does_not_wait(follow):
    f = follow()
    write(f.logs / "a.log", 0, 30)
    f.poll()
    write(f.logs / "b.log", 0, 29)
    write(f.logs / "b.log", 30, 31)
    f.poll()
    assert sorted(f.lines()) == sorted([*lines(0, 30), *lines(0, 29), *lines(30, 31)])


def test_start_at_end_is_remembered_though_nothing_was_read(follow):
    f = follow(start_at="end")
    write(f.logs / "app.log", 0, 30)
    f.poll()
    f.crash()
    write(f.logs / "app.log", 30, 40)
    f.poll()
    assert f.lines() == lines(30, 40)


def test_a_copy_that_had_no_byte_when_found_comes_before_the_compressed_copy_of_it(follow):
    f = follow(memory=True)
    log, copy = f.logs / "app.log", f.logs / "app.log.1"
    write(log, 0, 1)
    copy.touch()
    f.poll()
    copy.write_bytes(log.read_bytes())
    f.poll()
    os.truncate(log, 0)
    log.rename(f.logs / "app.log.2")
    copy.with_name("app.log.1.gz").write_bytes(gzip.compress(copy.read_bytes()))
    f.poll(after_s=1.5)
    copy.unlink()
    look_well(f)
    look_well(f)
    assert f.lines() == lines(0, 1)


@pytest.mark.parametrize("history", ["copied", "rotated thrice"])
def test_a_short_file_beside_one_that_is_gone_counts_whether_it_is_its_copy_or_not(follow, history):
    """Two histories that leave the same, and in the second the lines would be lost else."""
    f = follow(memory=True)
    log, first, second = f.logs / "app.log", f.logs / "app.log.1", f.logs / "app.log.2"
    write(log, 0, 1)
    f.poll()
    f.crash()
    if history == "copied":
        copy_and_truncate(log, first)
        log.rename(second)
        compress(second)
    else:  # three files, the second without a byte, all but two deleted, the older one compressed
        third = log.rename(f.logs / "app.log.3")
        second.touch()
        write(first, 0, 1)
        compress(second)
        third.unlink()
    assert [path.name for path in sorted(f.logs.iterdir())] == ["app.log.1", "app.log.2.gz"]
    look_well(f)
    assert f.lines() == 2 * lines(0, 1)


def test_a_copy_is_told_from_a_new_file_where_the_emptied_one_was_seen_or_much_is_the_same(follow):
    f = follow(memory=True)
    short, long = f.logs / "short.log", f.logs / "long.log"
    write(short, 0, 1)
    write(long, 0, 20)
    f.poll()
    f.crash()
    for log in (short, long):
        copy_and_truncate(log, f.logs / f"{log.name}.1")
        log.rename(f.logs / f"{log.name}.2")
    compress(f.logs / "long.log.2")
    f.poll()
    compress(f.logs / "short.log.2")
    look_well(f)
    assert sorted(f.lines()) == sorted([*lines(0, 1), *lines(0, 20)])


def test_the_beginning_of_a_copy_is_not_the_copy_of_another_that_begins_alike(follow):
    f = follow(memory=True)
    log, old, copy = f.logs / "app.log", f.logs / "app.log.1", f.logs / "app.log.2"
    write(old, 0, 2)
    f.poll()
    f.crash()
    packed = gzip.compress(old.read_bytes())
    old.rename(log)  # the inode is used again
    old.with_name("app.log.1.gz").write_bytes(packed)
    log.write_bytes(b"")
    write(log, 0, 1)
    write(copy, 0, 1)  # the first piece, which ends where a line does
    write(log, 2, 4)
    f.poll()
    write(copy, 2, 4)
    os.truncate(log, 0)
    look_well(f)
    assert sorted(f.lines()) == sorted([*lines(0, 2), *lines(0, 1), *lines(2, 4)])


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_copy_that_is_found_with_its_original_and_sorts_before_it(follow, pieces):
    f = follow(memory=True)
    log, copy = f.logs / "app.log", f.logs / "app.1.log"
    write(log, 0, 2)
    write(copy, 0, 2 // pieces)
    f.poll()
    write(copy, 2 // pieces, 2)
    write(log, 2, 3)  # too late for the copy
    f.poll()
    os.truncate(log, 0)
    look_well(f)
    assert sorted(f.lines()) == lines(0, 3)
