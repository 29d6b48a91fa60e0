"""The bytes on disk, pinned: what docs/formats/segment.md draws, and what was written once."""

import struct
from pathlib import Path

import google_crc32c
import pytest

from madang.core.errors import ConflictError, CorruptionError
from madang.stream import RECORD_SCHEMA, Origin
from madang.stream.folder import PartitionFolder
from madang.stream.head import Head, HeadFile
from madang.stream.producers import ProducerMap
from madang.stream.segment_format import FileHeader, decode_file_header
from madang.testing.records import record_batch


def test_a_segment_is_what_the_document_draws(open_store) -> None:
    stream = open_store().open("s", partitions=2)
    answer = stream.submit(
        record_batch([b"a", b"b"]),
        partition=1,
        origin=Origin("file:é", 77),
        attributes={"source": "http", "host": "h"},
        split=2,
    ).result(10)
    data = PartitionFolder.of(stream.path, 1).segment(0).read_bytes()
    magic, version, partition, zero, base, created, salt, length, crc = struct.unpack_from(
        "<8sHHIQqQII", data
    )
    assert (magic, version, partition, zero, base) == (b"MADANGSG", 1, 1, 0, 0)
    assert created == answer.appended_at_us
    assert crc == google_crc32c.value(data[:44] + data[48 : 48 + length])
    assert data[48 : 48 + length] == RECORD_SCHEMA.serialize().to_pybytes()
    frame = data[(48 + length + 7) // 8 * 8 :]
    fields = struct.unpack_from("<4sIQQqqIIIIHHHH", frame)
    payload_length, payload_crc = fields[6:8]
    assert fields[:6] == (b"MDF1", fields[1], salt, 0, answer.appended_at_us, 77)
    assert fields[8:] == (2, 28, 7, 0, 2, 0)
    assert frame[64:99] == 'file:é{"host":"h","source":"http"}'.encode()
    assert fields[1] == google_crc32c.value(frame[8:99])
    payload = frame[104 : 104 + payload_length]
    assert payload == record_batch([b"a", b"b"]).serialize().to_pybytes()
    assert payload_crc == google_crc32c.value(payload)
    assert len(frame) == (104 + payload_length + 7) // 8 * 8


def test_a_file_header_survives_and_refuses() -> None:
    header = FileHeader(3, 500, 7, 2**64 - 1, RECORD_SCHEMA.serialize().to_pybytes())
    data = header.encode()
    assert len(data) % 8 == 0
    assert decode_file_header(data) == header
    for size in (0, 10, 47, 48, len(data) - 200):
        with pytest.raises(CorruptionError):
            decode_file_header(data[:size])
    for at in range(0, 48 + len(header.schema_bytes), 7):
        broken = bytearray(data)
        broken[at] ^= 4
        with pytest.raises(CorruptionError):
            decode_file_header(bytes(broken))


def test_the_head_survives_a_torn_slot(tmp_path: Path) -> None:
    path = tmp_path / "head"
    file = HeadFile(path, 0)
    assert file.read() is None
    with pytest.raises(CorruptionError):
        file.require()
    first = Head().moved(end=5, position=100, segment_base=0, appended_at_us=9)
    second = first.moved(end=9, position=200)
    file.publish(first)
    file.publish(second)
    assert HeadFile(path, 0).require() == second
    assert path.stat().st_size == 192
    data = bytearray(path.read_bytes())
    data[64 + (second.sequence & 1) * 64 + 9] ^= 1
    path.write_bytes(data)
    assert HeadFile(path, 0).require() == first
    data[8] = 9
    path.write_bytes(data)
    with pytest.raises(ConflictError, match="format 9"):
        HeadFile(path, 0)


def test_a_snapshot_of_producers_survives_and_refuses(open_store, tmp_path: Path) -> None:
    store = open_store()
    stream = store.open("s")
    for number in range(300):
        producer = f"key:{number}" if number % 2 else f"file:{number}"
        stream.submit(record_batch([b"a"]), origin=Origin(producer, 1)).result(10)
    store.close()
    path = PartitionFolder.of(stream.path, 0).producers
    found = ProducerMap(3600)
    assert found.load(path)
    assert found.place.offset == 300
    known = found.find("file:298", 0)
    assert known is not None
    assert (known.base_offset, known.count, known.sequence) == (298, 1, 1)
    assert found.find("key:299", known.appended_at_us) is not None
    data = path.read_bytes()
    for broken in (b"", data[:30], data[:-1], b"x" + data[1:], data[:500] + b"!" + data[501:]):
        copy = tmp_path / "copy"
        copy.write_bytes(broken)
        assert not ProducerMap(3600).load(copy)


def test_silent_named_producers_go_beyond_the_bound(open_store) -> None:
    producers = ProducerMap(3600, named_bound=100)
    from madang.stream.key_table import ProducerEntry
    from madang.stream.producers import LogPlace

    for number in range(150):
        producers.note(
            [
                (f"file:{number}", ProducerEntry(1, number, 1, 0)),
                ("file:0", ProducerEntry(number, 0, 1, 0)),
            ],
            LogPlace(number),
        )
    assert producers.find("file:0", 0) is not None
    assert producers.find("file:1", 0) is None
    assert producers.find("file:149", 0) is not None
