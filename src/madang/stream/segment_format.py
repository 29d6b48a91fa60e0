"""Bytes of a segment: the file header and the frame header. ``docs/formats/segment.md`` draws them.

Everything is little-endian. Pure functions over bytes; no file is touched.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import google_crc32c
import orjson
import pyarrow as pa

from madang.core.errors import ConflictError, CorruptionError

FORMAT_VERSION = 1
FILE_MAGIC = b"MADANGSG"
FRAME_MAGIC = b"MDF1"
FLAG_COMPRESSED = 1
"""The Arrow body is compressed; the Arrow message itself says how."""
ALIGNMENT = 8

# magic, version, partition, base offset, created at, salt, schema length, crc of all but the crc
_FILE = struct.Struct("<8sHHIQqQI")
_CRC = struct.Struct("<I")
FILE_FIXED_BYTES = _FILE.size + _CRC.size
# magic, header crc | salt, base offset, appended at, sequence, payload length, payload crc,
# record count, attributes length, producer length, flags, split, reserved
_LEAD = struct.Struct("<4sI")
_BODY = struct.Struct("<QQqqIIIIHHHH")
FRAME_HEADER_BYTES = _LEAD.size + _BODY.size
MAX_PAYLOAD_BYTES = 2**31 - 1
MAX_PRODUCER_BYTES = 1024
MAX_ATTRIBUTES_BYTES = 256 * 1024


def align(position: int) -> int:
    """``position`` rounded up to the next multiple of 8."""
    return (position + ALIGNMENT - 1) & -ALIGNMENT


@dataclass(frozen=True, slots=True)
class FileHeader:
    """What a segment says about itself; with it, a segment decodes alone.

    ``salt`` is random; every frame repeats it, so bytes of another segment (or a segment sent as a
    record) are never taken for a frame of this one.
    """

    partition: int
    base_offset: int
    created_at_us: int
    salt: int
    schema_bytes: bytes

    @property
    def size_bytes(self) -> int:
        """Where the first frame begins."""
        return align(FILE_FIXED_BYTES + len(self.schema_bytes))

    def schema(self) -> pa.Schema:
        """The Arrow schema of every batch in the segment."""
        return pa.ipc.read_schema(pa.py_buffer(self.schema_bytes))

    def encode(self) -> bytes:
        """The header's bytes, padded to a multiple of 8."""
        fixed = _FILE.pack(
            FILE_MAGIC,
            FORMAT_VERSION,
            self.partition,
            0,
            self.base_offset,
            self.created_at_us,
            self.salt,
            len(self.schema_bytes),
        )
        checked = fixed + self.schema_bytes
        crc = google_crc32c.value(checked)
        return (fixed + _CRC.pack(crc) + self.schema_bytes).ljust(self.size_bytes, b"\0")


def decode_file_header(data: bytes) -> FileHeader:
    """The header at the start of ``data``.

    Raises:
        CorruptionError: too short, another magic, or a checksum that fails.
        ConflictError: sound, but of a newer format: nothing is guessed.
    """
    if len(data) < FILE_FIXED_BYTES:
        raise CorruptionError(f"a segment header of {len(data)} bytes is too short")
    magic, version, partition, _, base, created, salt, length = _FILE.unpack_from(data)
    if magic != FILE_MAGIC:
        raise CorruptionError("this is no segment: the magic differs")
    (crc,) = _CRC.unpack_from(data, _FILE.size)
    schema_bytes = data[FILE_FIXED_BYTES : FILE_FIXED_BYTES + length]
    if len(schema_bytes) != length or google_crc32c.value(data[: _FILE.size] + schema_bytes) != crc:
        raise CorruptionError("the checksum of the segment header fails")
    if version > FORMAT_VERSION:
        raise ConflictError(
            f"a segment has format {version}, this Madang reads up to {FORMAT_VERSION}",
            hint="use the newer Madang that wrote it",
        )
    return FileHeader(partition, base, created, salt, schema_bytes)


@dataclass(slots=True)
class Frame:
    """A frame's header as read, and where it lies.

    ``position`` is the frame's first byte in its segment, ``payload_at`` that of its Arrow
    message. ``split`` is the number of partitions over which its origin's batch was divided, 0 if
    it was not.
    """

    position: int
    base_offset: int
    count: int
    appended_at_us: int
    sequence: int
    producer: str
    attributes_json: bytes
    payload_at: int
    payload_length: int
    payload_crc: int
    flags: int
    split: int

    @property
    def end_offset(self) -> int:
        """The offset behind the frame's last record."""
        return self.base_offset + self.count

    @property
    def end_position(self) -> int:
        """Where the next frame begins."""
        return align(self.payload_at + self.payload_length)

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of every record in the frame."""
        if not self.attributes_json:
            return {}
        found: dict[str, str] = orjson.loads(self.attributes_json)
        return found


def encode_frame_header(
    *,
    salt: int,
    base_offset: int,
    count: int,
    appended_at_us: int,
    sequence: int,
    producer: bytes,
    attributes: bytes,
    payload_length: int,
    payload_crc: int,
    flags: int = 0,
    split: int = 0,
) -> bytes:
    """A frame's header, producer and attributes, padded to a multiple of 8; the payload follows."""
    body = _BODY.pack(
        salt,
        base_offset,
        appended_at_us,
        sequence,
        payload_length,
        payload_crc,
        count,
        len(attributes),
        len(producer),
        flags,
        split,
        0,
    )
    checked = body + producer + attributes
    head = _LEAD.pack(FRAME_MAGIC, google_crc32c.value(checked)) + checked
    return head.ljust(align(len(head)), b"\0")


def decode_frame_header(data: pa.Buffer, position: int, limit: int, salt: int) -> Frame | None:
    """The frame that begins at ``position``, or None if no whole, checked header is there.

    Args:
        data: The segment, from its first byte.
        position: Where to look.
        limit: The first byte that does not count; the whole frame must end before it.
        salt: The segment's.
    """
    fixed_end = position + FRAME_HEADER_BYTES
    if fixed_end > limit:
        return None
    fixed = data[position:fixed_end].to_pybytes()
    magic, crc = _LEAD.unpack_from(fixed)
    if magic != FRAME_MAGIC:
        return None
    (
        found_salt,
        base,
        appended_at,
        sequence,
        payload_length,
        payload_crc,
        count,
        attributes_length,
        producer_length,
        flags,
        split,
        _,
    ) = _BODY.unpack_from(fixed, _LEAD.size)
    head_end = fixed_end + producer_length + attributes_length
    payload_at = align(head_end)
    if found_salt != salt or head_end > limit or payload_at + payload_length > limit:
        return None
    names = data[fixed_end:head_end].to_pybytes() if head_end > fixed_end else b""
    if google_crc32c.value(fixed[_LEAD.size :] + names) != crc:
        return None
    return Frame(
        position,
        base,
        count,
        appended_at,
        sequence,
        names[:producer_length].decode("utf-8", "surrogatepass"),
        names[producer_length:],
        payload_at,
        payload_length,
        payload_crc,
        flags,
        split,
    )


def frame_salt(data: pa.Buffer, position: int) -> int:
    """The salt that a frame at ``position`` carries, unchecked."""
    at = position + _LEAD.size
    return int.from_bytes(data[at : at + 8].to_pybytes(), "little")


def payload_is_sound(data: pa.Buffer, frame: Frame) -> bool:
    """Whether the checksum of the frame's Arrow message holds."""
    payload = data[frame.payload_at : frame.payload_at + frame.payload_length]
    found: int = google_crc32c.value(payload)
    return found == frame.payload_crc
