"""A plain file and its compressed copy that both stay: ``gzip -k`` and ``gunzip -k``."""

import gzip

import pytest


def lines(first, count=40, width=60):
    return "".join(f"{first + n} {'x' * width}\n" for n in range(count))


def settle(f, looks=8):
    for _ in range(looks):
        f.poll(after_s=10)


@pytest.fixture
def archived(follow):
    """A follower with a compressed file that was read, and its text."""
    f = follow()
    text = lines(0)
    (f.logs / "app.log.1.gz").write_bytes(gzip.compress(text.encode()))
    settle(f)
    assert f.lines() == text.split("\n")[:-1]
    return f, text


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("pieces", [1, 3])
def test_what_is_unpacked_beside_it_is_not_read_again(archived, pieces, restart):
    f, text = archived
    plain = f.logs / "app.log.1"
    for piece in range(pieces):
        with plain.open("a") as file:
            file.write(text[len(text) * piece // pieces : len(text) * (piece + 1) // pieces])
        f.poll(after_s=2)
    settle(f)
    if restart:
        f.restart()
        settle(f)
    assert f.lines() == text.split("\n")[:-1]
    (f.logs / "app.log").write_text("new\n")
    settle(f)
    assert f.lines()[40:] == ["new"]


def test_nor_when_the_compressed_one_goes(archived):
    f, text = archived
    (f.logs / "app.log.1").write_text(text)
    settle(f)
    (f.logs / "app.log.1.gz").unlink()
    settle(f)
    with (f.logs / "app.log.1").open("a") as file:
        file.write("more\n")
    settle(f)
    assert f.lines()[40:] == ["more"]


def test_another_text_under_its_name_is_read(archived):
    f, text = archived
    other = text.replace("39 x", "39 y")
    (f.logs / "app.log.1").write_text(other)
    settle(f)
    assert f.lines()[40:] == other.split("\n")[:-1]


def test_a_few_lines_may_be_a_new_file_s(follow):
    f = follow()
    (f.logs / "app.log.gz").write_bytes(gzip.compress(b"started\n"))
    settle(f)
    (f.logs / "app.log").write_text("started\n")
    settle(f)
    assert f.lines() == ["started"] * 2


def test_what_is_packed_beside_it_is_not_read_again(follow):
    f = follow()
    text = lines(0)
    (f.logs / "app.log").write_text(text)
    settle(f)
    (f.logs / "app.log.gz").write_bytes(gzip.compress(text.encode()))
    settle(f)
    with (f.logs / "app.log").open("a") as file:
        file.write("more\n")
    settle(f)
    assert f.lines() == [*text.split("\n")[:-1], "more"]
