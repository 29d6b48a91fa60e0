"""The book of marks over its journal: what is written anew, taken back, cut off and forgotten."""

import msgspec
import pytest

from madang.collect.files import marks as marks_module
from madang.collect.files.content import PlainContent
from madang.collect.files.identity import FileKey, hash_head
from madang.collect.files.marks import Mark, MarkBook, line_ends

A, B = FileKey(1, 10), FileKey(1, 11)
TEXT = "".join(f"line {number}\n" for number in range(500)).encode()


def mark(key, position, *, generation=0, identity=None, text=TEXT, lines="", **more) -> Mark:
    head, tail = text[: min(position, 1024)], text[max(0, position - 1024) : position]
    identity = identity or key
    return Mark(
        key.volume, key.inode, generation, 0, position, len(head), hash_head(head),
        len(tail), hash_head(tail), "/logs/app.log", identity.volume, identity.inode,
        lines=lines, **more,
    )  # fmt: skip


def state(book):
    return {key: book.held(key) for key in book.holders()}, list(book._free), book._numbers


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "marks.jsonl"


def a_copy_goes_on(book) -> None:
    """A was truncated; B has its generation 0, A has begun generation 1, and 2 after that."""
    book.put(mark(A, 100))
    book.put(mark(A, 200))
    book.end(A, "truncated")
    book.put(mark(A, 50, generation=1))
    book.put(mark(B, 200, identity=A, given=True))
    book.put(mark(B, 300, identity=A))
    book.put(mark(A, 60, generation=2))


def test_the_journal_brings_everything_back(path):
    book = MarkBook(path)
    a_copy_goes_on(book)
    book.close()
    again = MarkBook(path)
    assert state(again) == state(book)
    assert again.held(A) == mark(A, 60, generation=2)
    assert again.held(B) == mark(B, 300, identity=A)
    assert again._free.keys() == {(A, 1)}
    assert again.next_generation(A) == 3


def test_written_anew_it_tells_the_same(path):
    book = MarkBook(path)
    a_copy_goes_on(book)
    book._rewrite()
    book.close()
    once = MarkBook(path)
    assert state(once) == state(book)
    once._rewrite()
    once.close()
    assert state(MarkBook(path)) == state(book)


def test_half_a_line_and_rubbish_are_passed_over(path):
    book = MarkBook(path)
    a_copy_goes_on(book)
    book.close()
    with path.open("ab") as file:
        file.write(b"\xff\xfe\n[1,2]\n[1,10,2,0,70")
    assert state(MarkBook(path)) == state(book)


def test_marks_that_did_not_come_true_are_taken_back(path):
    book = MarkBook(path)
    a_copy_goes_on(book)
    book.put(mark(A, 90, generation=2))
    book.put(mark(B, 400, identity=A))
    book.close()
    landed = MarkBook(path, lambda one: one.position not in (60, 90, 400))
    assert landed.held(B) == mark(B, 300, identity=A)
    assert landed.held(A) is None
    assert landed.next_generation(A) == 2
    nothing = MarkBook(path, lambda _: False)
    assert nothing.held(B) == mark(B, 200, identity=A, given=True)


def test_a_shorter_copy_fits_where_one_of_the_last_lines_ends(path, tmp_path):
    end = 3000
    for before in (0, 500, 2000):
        book = MarkBook(path)
        lines = line_ends(TEXT[max(0, before - 1024) : before], TEXT[before:], end - before)
        book.put(mark(A, end, lines=lines))
        ends = [at + 1 for at in range(before, end - 1) if TEXT[at : at + 1] == b"\n"][-8:]
        for size in (*ends, end):
            (tmp_path / "copy").write_bytes(TEXT[:size])
            content = PlainContent.open(tmp_path / "copy")
            assert book.alike(TEXT[:size][:1024])[1] == [A]
            assert book.fit((A, 0), TEXT[:1024], content).position == size
            content.close()
        for text in (TEXT[: ends[-1] - 1], TEXT[: ends[0] - 30], b"x" * ends[-1]):
            (tmp_path / "copy").write_bytes(text)
            content = PlainContent.open(tmp_path / "copy")
            assert book.fit((A, 0), text[:1024], content) is None
            content.close()


def test_only_so_many_free_generations_are_kept(path, monkeypatch):
    monkeypatch.setattr(marks_module, "_MAX_FREE", 10)
    book = MarkBook(path)
    for inode in range(100):
        book.put(mark(FileKey(1, inode), 100, text=b"%d\n" % inode * 100))
        book.end(FileKey(1, inode), "deleted")
    assert len(book._free) == len(book._trails) == len(book._numbers) == 10
    assert len(book._last_held) == len(book._heads._entries) == 10
    book.close()
    assert state(MarkBook(path)) == state(book)


def test_a_generation_that_went_from_copy_to_copy_is_forgotten_whole(path, monkeypatch):
    monkeypatch.setattr(marks_module, "_MAX_FREE", 10)
    book = MarkBook(path)
    book.put(mark(A, 100))
    for holder, after in ((A, "truncated"), (B, "deleted"), (FileKey(1, 12), "deleted")):
        book.put(mark(holder, 100, identity=A, given=True))
        book.end(holder, after)
    for inode in range(100, 120):
        book.put(mark(FileKey(1, inode), 100, text=b"%d\n" % inode * 100))
        book.end(FileKey(1, inode), "deleted")
    assert [book.last_held(FileKey(1, inode)) for inode in (10, 11, 12)] == [None] * 3
    assert len(book._last_held) == len(book._trails) == 10


def test_lines_that_a_full_disk_took_half_of_are_written_again(path):
    book = MarkBook(path)
    book.put(mark(A, 100))
    book.flush()
    journal = book._journal

    class Full:
        def write(self, text):
            return journal.write(text[: len(text) // 2])

        def close(self):
            journal.close()

    book._journal = Full()
    book.put(mark(B, 200))
    with pytest.raises(OSError, match="No space left"):
        book.flush()
    assert state(MarkBook(path))[0] == {A: mark(A, 100)}
    book.put(mark(B, 300))
    book.close()
    assert state(MarkBook(path)) == state(book)


def test_marks_of_an_earlier_format_are_read(path):
    path.parent.mkdir()
    old = msgspec.to_builtins(mark(A, 100))[:-2]
    path.write_bytes(msgspec.json.encode(old) + b"\n")
    assert MarkBook(path).held(A) == mark(A, 100)
