"""Prometheus remote read: requests in, sampled responses out; the codecs alone.

Entries: :func:`read_request` and :func:`write_response`. Streamed chunks are not offered: whoever
asks for them takes samples as well, as the protocol has it.
"""

from madang.collect.remote_read.request import ReadQuery, ReadRequest, read_request
from madang.collect.remote_read.response import CONTENT_TYPE, SeriesColumns, write_response

__all__ = [
    "CONTENT_TYPE",
    "ReadQuery",
    "ReadRequest",
    "SeriesColumns",
    "read_request",
    "write_response",
]
