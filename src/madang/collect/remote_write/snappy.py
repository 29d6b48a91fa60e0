"""Snappy's block format, with a limit that holds before anything is unpacked."""

from __future__ import annotations

import pyarrow as pa

from madang.core.errors import InvalidInputError, TooLargeError


def unpack(body: bytes, limit_bytes: int) -> bytes:
    """Unpack a body.

    Raises:
        TooLargeError: it says that it is larger than ``limit_bytes``; a body that says less than
            it is, is broken.
        InvalidInputError: it is not snappy's block format.
    """
    declared = _declared_size(body)
    if declared > limit_bytes:
        raise TooLargeError(
            f"the body would unpack to {declared} bytes; {limit_bytes} are the most",
            hint="send fewer samples in a request (Prometheus: max_samples_per_send)",
        )
    try:
        unpacked: bytes = pa.decompress(body, declared, codec="snappy", asbytes=True)
    except (OSError, pa.ArrowException) as error:
        raise InvalidInputError(
            f"the body is not snappy's block format: {error}",
            hint="remote write packs with snappy's block format, not its framed one, nor gzip",
        ) from None
    return unpacked


def pack(body: bytes) -> bytes:
    """Pack a body."""
    packed: bytes = pa.compress(body, codec="snappy", asbytes=True)
    return packed


def _declared_size(body: bytes) -> int:
    size = 0
    for place, byte in enumerate(body[:5]):
        size |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return size
    raise InvalidInputError(
        "the body is not snappy's block format: it does not begin with a length",
        hint="remote write packs with snappy's block format, not its framed one, nor gzip",
    )
