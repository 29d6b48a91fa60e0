"""``POST /prometheus/api/v1/write``: remote write 1.0 and 2.0."""

from __future__ import annotations

from functools import partial

from starlette.types import Scope

from madang.collect.bodies import UnsupportedMediaError
from madang.collect.pushed import Pushed
from madang.collect.remote_write import (
    V2_PROTO,
    RemoteWriteDecoder,
    nothing_written,
    proto_of,
    refusal_text,
    written_headers,
)
from madang.core.errors import MadangError
from madang.server.protocols.push import Answer, Decoding, header_text

_INLINE_BYTES = 4096
_KNOWN_BYTES = 1 << 30
"""Room for 1.2 million series of 220 bytes, which take 0.8 GB. A series that is not known costs
eight times as much to decode, so the table must not be smaller than what comes."""
_TEXT = ((b"content-type", b"text/plain; charset=utf-8"),)


class RemoteWrite:
    """What is remote write's own. Refusals are texts: Prometheus logs their first line."""

    route = "/prometheus/api/v1/write"
    source = "remote_write"

    def __init__(self) -> None:
        self._decoder = RemoteWriteDecoder(known_limit_bytes=_KNOWN_BYTES)

    def token(self, _scope: Scope) -> bytes | None:
        """None: it is in the headers."""
        return None

    def decoding(self, scope: Scope) -> Decoding:
        """By the content type."""
        decode = partial(self._decoder.decode, proto=_proto(scope))
        return Decoding(lambda pieces: decode(b"".join(pieces)), _INLINE_BYTES)

    def accepted(self, scope: Scope, pushed: Pushed) -> Answer:
        """204; 400 if some of it was refused, as the sender must not send that again."""
        written = written_headers(pushed) if _proto(scope) == V2_PROTO else {}
        headers = _raw(written)
        text = refusal_text(pushed)
        if text is None:
            return Answer(204, headers)
        return Answer(400, (*_TEXT, *headers), text.encode())

    def refused(self, scope: Scope, error: MadangError) -> Answer:
        """The error's own status."""
        text = f"{error.message} ({error.hint})" if error.hint else error.message
        try:
            headers = _raw(nothing_written()) if _proto(scope) == V2_PROTO else ()
        except UnsupportedMediaError:
            headers = ()
        return Answer(error.status, (*_TEXT, *headers), f"{text}\n".encode())


def _proto(scope: Scope) -> str:
    return proto_of(header_text(scope, b"content-type"), header_text(scope, b"content-encoding"))


def _raw(headers: dict[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower().encode(), value.encode()) for name, value in headers.items())
