import bz2
import gzip
import lzma
import os
import shutil

import pytest
import zstandard

GRACE_S = 1.5


def write(path, text: str, mode: str = "a") -> None:
    with path.open(mode) as file:
        file.write(text)


def test_lines_come_once_as_a_file_grows(follow):
    f = follow()
    log = f.logs / "app.log"
    write(log, "a\nb\n\npar")
    f.poll()
    assert f.lines() == ["a", "b"]
    write(log, "tial\r\nc\n")
    f.poll()
    f.poll()
    assert f.lines() == ["a", "b", "partial", "c"]
    assert f.chunks()[0].attributes["path"] == str(log)
    assert f.chunks()[0].attributes["source"] == "files"


def test_a_restart_goes_on_where_the_stream_ends(follow):
    f = follow()
    log = f.logs / "app.log"
    for number in range(40):
        write(log, f"line {number:04} {'x' * 40}\n")
        f.poll()
        if number % 3 == 0:
            f.restart()
    assert [line[:9] for line in f.lines()] == [f"line {n:04}" for n in range(40)]


def test_the_rest_of_a_renamed_file_is_read(follow):
    f = follow(paths=("logs/*.log",))
    log = f.logs / "app.log"
    write(log, "1\n")
    f.poll()
    write(log, "2\n3")
    log.rename(f.logs / "app.log.1")
    write(log, "4\n")
    f.poll()
    write(f.logs / "app.log.1", "3\n")
    f.poll()
    assert sorted(f.lines()) == ["1", "2", "33", "4"]
    f.poll(after_s=4)
    f.poll(after_s=4)
    assert f.source.status().counts["files"] == 1


def test_what_is_left_at_the_end_of_a_renamed_file_is_a_record_after_a_while(follow):
    f = follow()
    log = f.logs / "app.log"
    write(log, "1\n2")
    f.poll()
    log.rename(f.logs / "app.log.1")
    f.poll()
    assert f.lines() == ["1"]
    f.poll(after_s=2)
    assert f.lines() == ["1", "2"]


def test_a_deleted_file_is_read_to_its_end(follow):
    f = follow()
    log = f.logs / "app.log"
    write(log, "1\n")
    f.poll()
    with log.open("a") as writer:
        log.unlink()
        writer.write("2\n")
        writer.flush()
        f.poll()
        writer.write("3")
        writer.flush()
        f.poll()
    f.poll(after_s=2)
    assert f.lines() == ["1", "2", "3"]
    f.poll(after_s=4)
    assert f.source.status().counts["files"] == 0


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("again", ["1\n", "x\n", "1\n2\n", "new one\nand another\n"])
def test_a_truncated_file_is_read_anew(follow, again, restart):
    f = follow()
    log = f.logs / "app.log"
    write(log, "1\n2\n")
    f.poll()
    os.truncate(log, 0)
    f.poll()
    if restart:
        f.restart()
    write(log, again)
    f.poll()
    f.restart()
    f.poll()
    assert f.lines() == ["1", "2", *again.splitlines()]


def test_other_text_of_the_same_size_is_a_new_generation(follow):
    f = follow()
    log = f.logs / "app.log"
    write(log, "aaaa\n")
    f.poll()
    log.write_text("bbbb\n")
    f.poll()
    f.restart()
    log.write_text("cccccc\n")
    f.poll()
    assert f.lines() == ["aaaa", "bbbb", "cccccc"]


@pytest.mark.parametrize("stopped", [False, True])
def test_a_hole_where_a_writer_went_on_after_the_truncation_is_passed_over(follow, stopped):
    f = follow()
    log = f.logs / "app.log"
    with log.open("w") as writer:
        writer.write("x" * 5000 + "\n")
        writer.flush()
        f.poll()
        os.truncate(log, 0)
        if not stopped:
            f.poll()
        writer.write("next\n")
        writer.flush()
        if stopped:
            f.restart()
        f.poll()
        f.restart()
        writer.write("last\n")
        writer.flush()
        f.poll()
    assert f.lines()[1:] == ["next", "last"]


@pytest.mark.parametrize("restart", [False, True])
def test_a_copy_before_the_truncation_is_the_same_file(follow, restart):
    f = follow()
    log, copy = f.logs / "app.log", f.logs / "app.log.1"
    write(log, "".join(f"line {n}\n" for n in range(300)))
    f.poll()
    write(log, "unread\n")
    shutil.copy(log, copy)
    if restart:
        f.restart()
    f.poll()
    os.truncate(log, 0)
    write(log, "after\n")
    f.poll()
    f.poll(after_s=GRACE_S)
    f.poll(after_s=GRACE_S)
    assert sorted(f.lines()) == sorted([*(f"line {n}" for n in range(300)), "unread", "after"])


def test_files_that_begin_alike_are_read_each(follow):
    f = follow()
    for name in ("a.log", "b.log", "c.log"):
        write(f.logs / name, f"started\nthis is {name}\n")
    f.poll()
    f.poll(after_s=GRACE_S)
    assert sorted(f.lines()) == ["started"] * 3 + [
        "this is a.log",
        "this is b.log",
        "this is c.log",
    ]


PACKERS = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_compressed_file_is_read_once(follow, suffix):
    f = follow()
    packed = f.logs / f"old.log{suffix}"
    packed.write_bytes(PACKERS[suffix](b"1\n2\n3"))
    f.poll(after_s=5)
    assert f.lines() == ["1", "2", "3"]
    f.restart()
    packed.rename(f.logs / f"older.log{suffix}")
    f.poll()
    assert f.lines() == ["1", "2", "3"]


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("restart", ["", "before", "after"])
def test_a_file_read_plain_is_not_read_again_compressed(follow, suffix, restart):
    f = follow()
    log = f.logs / "app.log"
    text = "".join(f"line {n}\n" for n in range(300))
    write(log, text)
    f.poll(after_s=5)
    rotated = f.logs / "app.log.1"
    log.rename(rotated)
    write(rotated, "last\n")
    write(log, "new\n")
    if restart == "before":
        f.poll()
        f.restart()
    packed = f.logs / f"app.log.1{suffix}"
    packed.write_bytes(PACKERS[suffix](rotated.read_bytes()))
    rotated.unlink()
    if restart == "after":
        f.restart()
    for _ in range(4):
        f.poll(after_s=4)
    assert sorted(f.lines()) == sorted([*text.splitlines(), "last", "new"])


def test_a_compressed_file_that_is_not_complete_is_told_and_read_when_it_is(follow):
    f = follow()
    packed = f.logs / "a.log.gz"
    whole = gzip.compress("".join(f"{n}\n" for n in range(5000)).encode())
    packed.write_bytes(whole[: len(whole) // 2])
    f.poll(after_s=5)
    assert "cannot be unpacked" in f.source.status().problems[0]
    packed.write_bytes(whole)
    f.poll(after_s=5)
    assert f.lines() == [str(n) for n in range(5000)]
    assert f.source.status().problems == ()


def test_a_reused_inode_is_another_file(follow):
    f = follow()
    log = f.logs / "app.log"
    write(log, "same\nold\n")
    f.poll()
    inode = log.stat().st_ino
    log.unlink()
    f.poll(after_s=0.1)
    f.poll(after_s=10)
    f.poll(after_s=10)
    spare = []
    for number in range(200):
        fresh = f.logs / f"f{number}.tmp"
        fresh.touch()
        if fresh.stat().st_ino == inode:
            fresh.rename(log)
            break
        spare.append(fresh)
    for fresh in spare:
        fresh.unlink()
    write(log, "same\nnew\n")
    f.poll()
    f.restart()
    f.poll()
    assert f.lines() == ["same", "old", "same", "new"]


def test_start_at_end_begins_behind_what_is_there(follow):
    f = follow(start_at="end")
    log = f.logs / "app.log"
    write(log, "old\nhal")
    f.poll()
    f.restart()
    write(log, "f\nnew\n")
    write(f.logs / "later.log", "all of it\n")
    f.poll()
    assert sorted(f.lines()) == ["all of it", "half", "new"]


def test_binary_files_are_left_out_and_told(follow):
    f = follow()
    (f.logs / "wtmp").write_bytes(b"\x07\0\0\0text\n")
    write(f.logs / "app.log", "1\n")
    f.poll()
    assert f.lines() == ["1"]
    assert "binary" in f.source.status().problems[0]


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
def test_utf_16_becomes_utf_8(follow, charset):
    f = follow()
    log = f.logs / "app.log"
    mark = "\ufeff".encode(charset)
    log.write_bytes(mark + "마당\r\n\u0a00\u000a\u0d0a둘\n반".encode(charset))
    f.poll()
    f.restart()
    with log.open("ab") as file:
        file.write("쪽\n".encode(charset))
    f.poll()
    assert f.lines() == ["마당", "\u0a00", "\u0d0a둘", "반쪽"]


def test_links_and_second_names_are_one_file(follow):
    f = follow()
    log = f.logs / "app.log"
    write(log, "1\n")
    (f.logs / "link.log").symlink_to(log)
    os.link(log, f.logs / "hard.log")
    (f.logs / "loop").symlink_to(f.logs, target_is_directory=True)
    (f.logs / "broken").symlink_to(f.logs / "nowhere")
    os.mkfifo(f.logs / "pipe")
    f.poll()
    f.poll()
    assert f.lines() == ["1"]


def test_a_long_line_is_kept_whole_up_to_16_mib(follow):
    f = follow(batch_size=4096)
    log = f.logs / "app.log"
    write(log, "x" * 200_000 + "\n" + "y" * (17 * 2**20) + "\nz\n")
    for _ in range(3):
        f.poll()
    assert [len(line) for line in f.lines()] == [200_000, 16 * 2**20, 2**20, 1]
    assert [chunk.attributes.get("split") for chunk in f.chunks()][:2] == [None, "true"]


MULTILINE = {"start": r"^\d{4}", "wait": 1.0, "max_lines": 4}


def test_several_lines_make_a_record(follow):
    f = follow(multiline=MULTILINE)
    log = f.logs / "app.log"
    write(log, "head\n2026 one\n  at a\n\n  at b\n2026 two\n")
    f.poll()
    assert f.lines() == ["head", "2026 one\n  at a\n\n  at b"]
    write(log, "  more\n")
    f.poll()
    f.restart()
    f.poll(after_s=0.1)
    assert len(f.lines()) == 2
    f.poll(after_s=2)
    assert f.lines()[2:] == ["2026 two\n  more"]
    write(log, "2026\n1\n2\n3\n4\n5\n2026\n")
    f.poll()
    assert f.lines()[3:] == ["2026\n1\n2\n3", "4\n5"]


def test_a_pattern_with_look_around_works_too(follow):
    f = follow(multiline=MULTILINE | {"start": r"^(?=\d)(?!9)"})
    write(f.logs / "app.log", "1\n9\na\n2\n")
    f.poll(after_s=2)
    f.poll(after_s=2)
    assert f.lines() == ["1\n9\na", "2"]


def test_csv_files_tell_their_header(follow):
    f = follow(stream={"format": "csv"})
    log = f.logs / "a.csv"
    write(log, "a,b\n1,2\n")
    f.poll()
    f.restart()
    write(log, "3,4\n")
    f.poll()
    assert f.lines() == ["1,2", "3,4"]
    assert {chunk.attributes["header"] for chunk in f.chunks()} == {"a,b"}


def test_files_keep_their_partition(follow):
    f = follow(partitions=4)
    for number in range(12):
        write(f.logs / f"{number}.log", f"{number} 1\n")
    f.poll()
    for number in range(12):
        write(f.logs / f"{number}.log", f"{number} 2\n")
    f.restart()
    f.poll()
    home = {}
    for chunk in f.chunks():
        assert home.setdefault(chunk.attributes["path"], chunk.partition) == chunk.partition
    assert len(set(home.values())) > 1
    assert len(f.lines()) == 24


def test_more_partitions_do_not_move_a_file(follow):
    f = follow()
    for number in range(8):
        write(f.logs / f"{number}.log", f"{number} 1\n")
    f.poll()
    f.store.open("lines", partitions=8)
    f.restart()
    for number in range(8):
        write(f.logs / f"{number}.log", f"{number} 2\n")
    f.poll()
    assert len(f.lines()) == 16
    assert {chunk.partition for chunk in f.chunks()} == {0}


def test_a_small_file_does_not_wait_for_a_large_one(follow):
    f = follow(batch_size=4096)
    write(f.logs / "a.log", "x" * 99 + "\n", "w")
    with (f.logs / "large.log").open("w") as file:
        file.writelines(f"{n:099}\n" for n in range(20_000))
    write(f.logs / "small.log", "small\n")
    f.poll()
    lines = f.lines()
    assert lines.index("small") < 3000
    while f.source._sender.busy:
        f.poll()
    assert len(f.lines()) == 20_002
