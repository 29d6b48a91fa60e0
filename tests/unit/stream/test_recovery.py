"""What a crash or a bad disk leaves behind: cut, or quarantined with a report; the rest is read."""

import logging
import os
from pathlib import Path

import pytest

from madang.core.errors import ConflictError
from madang.stream import LogStream, Origin
from madang.stream.folder import PartitionFolder
from madang.stream.mapped_segment import Damage, MappedSegment
from madang.stream.segment_format import Frame
from madang.testing.records import record_batch, values_of
from madang.testing.stream_contract import read_all


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def fill(stream: LogStream, count: int = 5, size: int = 200) -> None:
    for number in range(count):
        stream.submit(
            record_batch([b"%d-%d" % (number, row) + b"x" * size for row in range(3)]),
            origin=Origin(f"key:{number}", 1),
            attributes={"source": "test"},
        ).result(10)


def folder_of(stream: LogStream) -> PartitionFolder:
    return PartitionFolder.of(stream.path, 0)


def frames_of(stream: LogStream, base: int = 0) -> list[Frame]:
    segment = MappedSegment(folder_of(stream).segment(base), base, stream.schema)
    found = list(segment.walk(0, segment.size_bytes, base))
    return [item for item in found if not isinstance(item, Damage)]


def flip(path: Path, position: int) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 0x55]))


def offsets(stream: LogStream) -> list[int]:
    return [offset for offset, _ in values_of(read_all(stream))]


@pytest.mark.parametrize("place", ["payload", "header", "magic", "producer", "attributes"])
@pytest.mark.parametrize("number", [0, 2, 4])
def test_a_flipped_byte_costs_one_frame_and_is_reported(
    open_store, place: str, number: int
) -> None:
    stream = open_store().open("s")
    fill(stream)
    frame = frames_of(stream)[number]
    position = {
        "payload": frame.payload_at + 17,
        "header": frame.position + 24,
        "magic": frame.position,
        "producer": frame.position + 65,
        "attributes": frame.position + 64 + len(frame.producer) + 2,
    }[place]
    flip(folder_of(stream).segment(0), position)
    reader = open_store().open("s")
    lost = list(range(number * 3, number * 3 + 3))
    assert offsets(reader) == [offset for offset in range(15) if offset not in lost]
    assert offsets(reader) == [offset for offset in range(15) if offset not in lost]
    (found,) = reader.quarantined()
    assert (found.base_offset, found.end_offset) == (lost[0], lost[-1] + 1)
    copy = next(folder_of(stream).quarantine.glob("*.bin"))
    assert copy.stat().st_size == found.size_bytes == frame.end_position - frame.position
    # Later appends go on behind it, and recovery finds nothing new.
    assert stream.submit(record_batch([b"new"])).result(10).base_offset == 15
    assert not open_store().recover().quarantined
    assert offsets(reader)[-1] == 15
    assert len(reader.quarantined()) == 1


def test_recovery_reports_damage_before_anybody_reads(open_store) -> None:
    stream = open_store().open("s")
    fill(stream)
    flip(folder_of(stream).segment(0), frames_of(stream)[1].payload_at + 5)
    report = open_store().recover()
    assert [(found.base_offset, found.end_offset) for found in report.quarantined] == [(3, 6)]
    assert report.partitions[0].end == 15
    assert report.cut_bytes == 0


def test_after_a_clean_close_payloads_are_left_to_the_readers(open_store) -> None:
    store = open_store()
    fill(store.open("s"))
    store.close()
    stream = open_store().open("s")
    flip(folder_of(stream).segment(0), frames_of(stream)[1].payload_at + 5)
    assert not open_store().recover().quarantined
    assert offsets(stream) == [*range(3), *range(6, 15)]
    with folder_of(stream).segment(0).open("ab") as file:
        file.write(b"torn")
    flip(folder_of(stream).segment(0), frames_of(stream)[3].payload_at + 5)
    assert len(open_store().recover().quarantined) == 1


def test_a_damaged_file_header_costs_no_record(open_store) -> None:
    stream = open_store().open("s")
    fill(stream)
    for position in (3, 20, 60):
        flip(folder_of(stream).segment(0), position)
    store = open_store()
    assert len(store.recover().quarantined) == 1
    stream = store.open("s")
    assert offsets(stream) == list(range(15))
    assert stream.submit(record_batch([b"new"])).result(10).base_offset == 15
    assert offsets(stream) == list(range(16))


@pytest.mark.parametrize("torn", [b"MDF1", b"\0" * 500, b"MDF1" + b"\xff" * 60, os.urandom(999)])
def test_a_torn_tail_is_cut(open_store, torn: bytes) -> None:
    stream = open_store().open("s")
    fill(stream)
    path = folder_of(stream).segment(0)
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(torn)
    report = open_store().recover()
    assert report.cut_bytes == len(torn)
    assert not report.quarantined
    assert path.stat().st_size == size


def test_whole_frames_beyond_the_head_are_kept(open_store) -> None:
    stream = open_store().open("s")
    fill(stream, 2)
    before = folder_of(stream).head.read_bytes()
    fill(stream, 5)
    folder_of(stream).head.write_bytes(before)
    with folder_of(stream).segment(0).open("ab") as file:
        file.write(b"torn")
    store = open_store()
    report = store.recover()
    assert (report.partitions[0].end, report.partitions[0].kept_records) == (15, 9)
    assert report.cut_bytes == 4
    again = store.open("s").submit(record_batch([b"x"]), origin=Origin("key:4", 1)).result(10)
    assert (again.duplicate, again.base_offset) == (True, 12)


def test_damage_beyond_the_head_that_sound_frames_follow_is_quarantined(open_store) -> None:
    stream = open_store().open("s")
    fill(stream, 2)
    before = folder_of(stream).head.read_bytes()
    fill(stream, 5)
    flip(folder_of(stream).segment(0), frames_of(stream)[3].payload_at + 3)
    folder_of(stream).head.write_bytes(before)
    store = open_store()
    report = store.recover()
    assert [(found.base_offset, found.end_offset) for found in report.quarantined] == [(9, 12)]
    assert report.partitions[0].end == 15
    assert offsets(store.open("s")) == [*range(9), *range(12, 15)]


def test_a_file_cut_below_the_head_leaves_a_gap_and_a_report(open_store) -> None:
    stream = open_store().open("s")
    fill(stream)
    os.truncate(folder_of(stream).segment(0), frames_of(stream)[3].position + 30)
    store = open_store()
    report = store.recover()
    assert [(found.base_offset, found.end_offset) for found in report.quarantined][-1] == (9, 15)
    stream = store.open("s")
    assert stream.submit(record_batch([b"new"])).result(10).base_offset == 15
    assert offsets(stream) == [*range(9), 15]


def test_a_file_cut_below_the_head_while_open(open_store) -> None:
    stream = open_store().open("s")
    fill(stream)
    os.truncate(folder_of(stream).segment(0), frames_of(stream)[3].position)
    other = open_store().open("s")
    assert offsets(other) == list(range(9))
    assert other.quarantined()
    assert stream.submit(record_batch([b"new"])).result(10).base_offset == 15
    assert offsets(other) == [*range(9), 15]


def test_everything_gone_but_the_segments(open_store) -> None:
    stream = open_store(segment_size_bytes=2000).open("s")
    fill(stream, 20)
    folder = folder_of(stream)
    for path in [folder.head, folder.producers, folder.lock, *folder.path.glob("*.idx")]:
        path.unlink(missing_ok=True)
    store = open_store(segment_size_bytes=2000)
    assert store.recover().partitions[0].end == 60
    stream = store.open("s")
    assert offsets(stream) == list(range(60))
    again = stream.submit(record_batch([b"x"]), origin=Origin("key:0", 1)).result(10)
    assert (again.duplicate, again.base_offset) == (True, 0)


def test_a_segment_that_is_gone_leaves_a_gap_and_a_report(open_store) -> None:
    stream = open_store(segment_size_bytes=2000).open("s")
    fill(stream, 20)
    folder = folder_of(stream)
    bases = folder.segments()
    for gone in (0, 2):
        folder.segment(bases[gone]).unlink()
    reader = open_store(segment_size_bytes=2000).open("s")
    expected = [*range(bases[1], bases[2]), *range(bases[3], 60)]
    assert offsets(reader) == expected
    assert {(found.base_offset, found.end_offset) for found in reader.quarantined()} == {
        (0, bases[1]),
        (bases[2], bases[3]),
    }


def test_a_broken_snapshot_of_producers_is_derived_anew(open_store) -> None:
    store = open_store()
    fill(store.open("s"))
    store.close()
    stream = open_store().open("s")
    flip(folder_of(stream).producers, 40)
    assert stream.last_sequence(0, "key:3") == 1


def test_a_frame_sent_as_a_record_is_not_taken_for_one(open_store) -> None:
    stream = open_store().open("s")
    fill(stream, 2)
    inner = folder_of(stream).segment(0).read_bytes()
    stream.submit(record_batch([inner[len(inner) % 8 :]] * 3)).result(10)
    stream.submit(record_batch([b"last"])).result(10)
    outer = frames_of(stream)[2]
    flip(folder_of(stream).segment(0), outer.position + 30)
    found = offsets(open_store().open("s"))
    assert found == [*range(6), 9]


def test_opening_after_a_reboot_recovers_by_itself(
    open_store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = open_store().open("s")
    fill(stream, 3)
    with folder_of(stream).segment(0).open("ab") as file:
        file.write(b"torn")
    size = folder_of(stream).segment(0).stat().st_size
    monkeypatch.setattr("madang.stream.recovery.boot_token", lambda: 7)
    open_store().open("s")
    assert folder_of(stream).segment(0).stat().st_size == size - 4


def test_a_newer_format_is_refused_not_guessed(open_store, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr("madang.stream.segment_format.FORMAT_VERSION", 99)
        fill(open_store().open("s"), 1)
    stream = open_store().open("s")
    for use in (
        lambda: stream.read(0, 0),
        lambda: stream.submit(record_batch([b"x"])).result(10),
        stream.recover,
    ):
        with pytest.raises(ConflictError, match="format 99"):
            use()
    assert not stream.quarantined()


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"MADANGSG"])
@pytest.mark.parametrize("which", [0, 2, -1])
def test_a_segment_of_nothing_but_noise_stops_nobody(
    open_store, content: bytes, which: int
) -> None:
    stream = open_store(segment_size_bytes=2000).open("s")
    fill(stream, 20)
    folder = folder_of(stream)
    folder.producers.unlink()
    bases = folder.segments()
    lost = [*bases, 60].index(bases[which])
    folder.segment(bases[which]).write_bytes(content)
    other = open_store(segment_size_bytes=2000).open("s")
    assert other.submit(record_batch([b"new"])).result(10).base_offset == 60
    gap = range(bases[which], [*bases, 60][lost + 1])
    assert offsets(other) == [offset for offset in range(61) if offset not in gap]
    assert [(f.base_offset, f.end_offset) for f in other.quarantined()] == [(gap[0], gap[-1] + 1)]
    assert not open_store(segment_size_bytes=2000).recover().quarantined
    assert offsets(open_store().open("s"))[-1] == 60
