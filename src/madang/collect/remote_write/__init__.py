"""Prometheus remote write 1.0 and 2.0: bodies ↔ samples.

Entries: :class:`RemoteWriteDecoder` for receivers, :class:`RemoteWriteEncoder` for senders. What
surrounds the body is in ``exchange``: ``proto_of`` reads the content type, ``written_headers``,
``nothing_written`` and ``refusal_text`` say what the answer carries.
"""

from madang.collect.remote_write.decoder import RemoteWriteDecoder
from madang.collect.remote_write.encode import RemoteWriteEncoder
from madang.collect.remote_write.exchange import (
    CONTENT_TYPES,
    V1_PROTO,
    V2_PROTO,
    nothing_written,
    proto_of,
    refusal_text,
    written_headers,
)

__all__ = [
    "CONTENT_TYPES",
    "V1_PROTO",
    "V2_PROTO",
    "RemoteWriteDecoder",
    "RemoteWriteEncoder",
    "nothing_written",
    "proto_of",
    "refusal_text",
    "written_headers",
]
