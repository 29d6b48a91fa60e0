"""Compressing an answer piece by piece."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

_GZIP = 16 + zlib.MAX_WBITS


def gzipped(pieces: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """The pieces as one gzip stream; quick rather than small."""
    compressor = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    for piece in pieces:
        packed = compressor.compress(piece)
        if packed:
            yield packed
    yield compressor.flush()
