import contextlib
import gzip
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from madang.collect.bodies import UnsupportedMediaError, decompress
from madang.core.errors import InvalidInputError, MadangError, TooLargeError

TEXT = b'{"a":1}\n' * 5000
LIMIT = 2**20


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def chunked(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
@pytest.mark.parametrize("name", PACKERS)
def test_inflates_in_any_chunks(name, size):
    assert decompress(name, chunked(PACKERS[name](TEXT), size), LIMIT) == TEXT


def test_deflate_without_its_frame():
    assert decompress("deflate", [raw_deflate(TEXT)], LIMIT) == TEXT


@pytest.mark.parametrize("name", [None, "", "identity", "Identity"])
def test_identity_passes(name):
    assert decompress(name, [b"ab", b"c"], LIMIT) == b"abc"


def test_layers_are_taken_off_last_first():
    body = PACKERS["zstd"](gzip.compress(TEXT))
    assert decompress("gzip, zstd", [body], LIMIT) == TEXT


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_members_follow_one_another(name):
    pack = PACKERS[name]
    assert decompress(name, chunked(pack(b"a") + pack(b"b"), 3), LIMIT) == b"ab"


@pytest.mark.parametrize("name", PACKERS)
def test_an_empty_body_is_empty(name):
    assert decompress(name, [], LIMIT) == b""
    assert decompress(name, [PACKERS[name](b"")], LIMIT) == b""


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_stops_at_the_limit(name):
    bomb = PACKERS[name](bytes(200 * 2**20))
    with pytest.raises(TooLargeError, match=r"larger than 1\.0 MiB"):
        decompress(name, [bomb], LIMIT)


def test_a_bomb_in_a_bomb_stops_at_the_limit():
    bomb = gzip.compress(gzip.compress(bytes(200 * 2**20)))
    with pytest.raises(TooLargeError):
        decompress("gzip, gzip", [bomb], LIMIT)


@pytest.mark.parametrize("name", PACKERS)
def test_a_body_cut_off_is_refused(name):
    body = PACKERS[name](TEXT)
    for end in (1, len(body) // 2, len(body) - 1):
        with pytest.raises(InvalidInputError, match=r"cut off|damaged"):
            decompress(name, [body[:end]], LIMIT)


@pytest.mark.parametrize("name", PACKERS)
def test_something_behind_the_end_is_refused(name):
    with pytest.raises(InvalidInputError):
        decompress(name, [PACKERS[name](TEXT) + b"junk"], LIMIT)


@pytest.mark.parametrize("name", ["br", "gzip, br", "compress", "gzip,gzip,gzip,gzip,gzip"])
def test_unknown_encodings_are_named(name):
    with pytest.raises(UnsupportedMediaError) as caught:
        decompress(name, [b"x"], LIMIT)
    assert caught.value.status == 415


@given(
    name=st.sampled_from(["gzip", "deflate", "zstd", "gzip, zstd"]),
    at=st.integers(0, 60),
    value=st.integers(0, 255),
    junk=st.binary(max_size=40),
)
def test_damage_gives_a_madang_error_or_bytes(name, at, value, junk):
    for body in (junk, *(pack(TEXT) for pack in PACKERS.values())):
        damaged = bytearray(body)
        if damaged:
            damaged[at % len(damaged)] = value
        with contextlib.suppress(MadangError):
            assert isinstance(decompress(name, chunked(bytes(damaged), 11), LIMIT), bytes)
