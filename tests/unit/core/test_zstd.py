"""Frames of zstd, cut anywhere: unpacked whole, or refused."""

from __future__ import annotations

import io

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from madang.core.zstd import MAX_WINDOW_BYTES, ZstdError, ZstdFrames, open_zstd

SKIPPED = b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip"


def frames(*parts: bytes) -> bytes:
    return SKIPPED.join(zstandard.compress(part) for part in parts)


@given(st.lists(st.binary(max_size=3000), max_size=4), st.integers(1, 700), st.integers(1, 5000))
def test_whatever_the_pieces_are(parts: list[bytes], cut: int, count: int) -> None:
    packed = frames(*parts)
    unpacked = ZstdFrames()
    pieces = [packed[start : start + cut] for start in range(0, len(packed), cut)]
    assert b"".join(one for piece in pieces for one in unpacked.unpack(piece)) == b"".join(parts)
    assert not unpacked.is_cut_off
    file = open_zstd(io.BytesIO(packed))
    read = []
    while piece := file.read(count):
        read.append(piece)
    assert b"".join(read) == b"".join(parts)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_an_end_that_is_cut_off_is_told(text: bytes, data: st.DataObject) -> None:
    packed = frames(text * 50)
    cut = packed[: data.draw(st.integers(1, len(packed) - 1))]
    unpacked = ZstdFrames()
    assert (text * 50).startswith(b"".join(unpacked.unpack(cut)))
    assert unpacked.is_cut_off
    with pytest.raises(EOFError, match="cut off"):
        open_zstd(io.BytesIO(cut)).read()


def test_what_is_none_is_refused() -> None:
    with pytest.raises(ZstdError):
        list(ZstdFrames().unpack(b"no zstandard at all"))
    with pytest.raises(ZstdError):
        open_zstd(io.BytesIO(frames(b"a") + b"and more")).read()
    assert open_zstd(io.BytesIO()).read() == b""


def test_a_small_file_that_unpacks_to_much_is_read_piece_by_piece() -> None:
    packed = zstandard.ZstdCompressor(level=19).compress(bytes(256 * 2**20))
    assert len(packed) < 64 * 1024
    assert max(map(len, ZstdFrames().unpack(packed))) <= 64 * 2**20
    file = open_zstd(io.BytesIO(packed))
    assert sum(len(piece) for piece in iter(lambda: file.read(2**20), b"")) == 256 * 2**20


def test_a_window_that_is_too_large_is_refused() -> None:
    large = zstandard.ZstdCompressionParameters(
        window_log=MAX_WINDOW_BYTES.bit_length(), enable_ldm=True
    )
    compressor = zstandard.ZstdCompressor(compression_params=large).compressobj()
    packed = compressor.compress(b"x" * 1000) + compressor.flush()
    with pytest.raises(ZstdError):
        list(ZstdFrames().unpack(packed))


def test_closing_closes_the_file() -> None:
    packed = io.BytesIO(frames(b"a"))
    open_zstd(packed).close()
    assert packed.closed
