"""Retention removes whole old segments, never what a required group still needs."""

import errno
import os

import pytest

from madang.core.clock import ManualClock
from madang.core.errors import StorageFullError
from madang.stream import LogStream, Origin
from madang.stream.folder import PartitionFolder
from madang.testing.records import record_batch, values_of
from madang.testing.stream_contract import read_all


def fill(stream: LogStream, count: int, clock: ManualClock | None = None) -> None:
    for number in range(count):
        origin = Origin(f"file:{number}", 1)
        stream.submit(record_batch([b"x" * 500]), origin=origin).result(10)
        if clock:
            clock.advance(60)


def test_by_size_the_oldest_segments_go(open_store) -> None:
    stream = open_store(segment_size_bytes=3000).open("s")
    fill(stream, 30)
    before = stream.bounds(0)
    report = stream.retain(age_s=None, size_bytes=10_000)
    after = stream.bounds(0)
    assert report.removed_segments
    assert after.earliest > 0
    assert after.size_bytes <= 10_000 < before.size_bytes
    assert before.size_bytes - after.size_bytes == report.removed_bytes
    folder = PartitionFolder.of(stream.path, 0)
    sizes = [folder.segment(base).stat().st_size for base in folder.segments()]
    assert sum(sizes) == after.size_bytes
    assert [offset for offset, _ in values_of(read_all(stream))] == list(range(after.earliest, 30))


def test_by_age_also_the_last_segment_goes(open_store, clock: ManualClock) -> None:
    stream = open_store(segment_size_bytes=3000).open("s")
    fill(stream, 10, clock)
    assert not stream.retain(age_s=3600, size_bytes=None).removed_segments
    assert stream.retain(age_s=300, size_bytes=None).removed_segments
    assert 0 < stream.bounds(0).earliest < 9
    clock.advance(3600)
    report = stream.retain(age_s=2000, size_bytes=None)
    assert (report.rolled, report.removed_segments > 0) == (1, True)
    assert stream.bounds(0).earliest == stream.bounds(0).end == 10
    assert list(stream.read(0, 0)) == []
    assert not stream.retain(age_s=2000, size_bytes=None).removed_segments
    assert stream.submit(record_batch([b"new"])).result(10).base_offset == 10


def test_what_a_group_needs_is_held_back_and_reported(open_store) -> None:
    stream = open_store(segment_size_bytes=3000).open("s")
    fill(stream, 30)
    report = stream.retain(age_s=None, size_bytes=0, floor={0: 7})
    (held,) = report.held
    assert held.floor == 7
    assert held.segments
    assert held.size_bytes
    assert stream.bounds(0).earliest <= 7 < held.wanted
    assert [offset for offset, _ in values_of(read_all(stream, offset=7))] == list(range(7, 30))
    assert not stream.retain(age_s=None, size_bytes=0, floor={0: 30}).held


def test_producers_outlive_their_frames(open_store) -> None:
    here, there = (open_store(segment_size_bytes=3000).open("s") for _ in range(2))
    fill(here, 30)
    here.retain(age_s=None, size_bytes=0)
    for stream in (here, there, open_store().open("s")):
        assert stream.last_sequence(0, "file:0") == 1
        again = stream.submit(record_batch([b"x"]), origin=Origin("file:0", 1)).result(10)
        assert (again.duplicate, again.base_offset) == (True, 0)


def test_readers_keep_what_they_hold_and_go_on(open_store) -> None:
    reader = open_store(segment_size_bytes=3000).open("s")
    stream = open_store(segment_size_bytes=3000).open("s")
    fill(stream, 30)
    held = list(reader.read(0, 0, max_bytes=2000))
    stream.retain(age_s=None, size_bytes=0)
    assert values_of(held)[0] == (0, b"x" * 500)
    earliest = stream.bounds(0).earliest
    assert next(iter(reader.read(0, held[-1].end_offset))).base_offset == earliest
    assert not reader.quarantined()


def test_a_full_disk_does_not_keep_segments(open_store, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = open_store(segment_size_bytes=3000).open("s")
    fill(stream, 30)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("madang.stream.folder.os.fsync", full)
    with pytest.raises(StorageFullError):
        stream.commit("lake", {0: 5})
    report = stream.retain(age_s=None, size_bytes=0)
    assert report.removed_segments
