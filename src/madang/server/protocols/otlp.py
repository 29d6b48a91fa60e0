"""``POST /otlp/v1/metrics``: OTLP/HTTP, protobuf and JSON."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import Scope

from madang.collect.bodies import UnsupportedMediaError, decompress
from madang.collect.otlp import OtlpDecoder, answer, refusal
from madang.collect.pushed import Pushed
from madang.core.errors import MadangError, StorageFullError
from madang.server.context import ServerContext
from madang.server.protocols.push import Answer, Decoding, header_text

_INLINE_BYTES = 4096
ROUTES = ("/otlp/v1/metrics", "/prometheus/api/v1/otlp/v1/metrics")
"""The second is where Prometheus takes it."""
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
_RETRIED_LATER = 503


class Otlp:
    """What is OTLP's own.

    Args:
        route: The path.
        context: What the server works with.
        decoder: Decodes; it may serve several paths.
    """

    source = "otlp"

    def __init__(self, route: str, context: ServerContext, decoder: OtlpDecoder) -> None:
        self.route = route
        self._context = context
        self._decoder = decoder

    def token(self, _scope: Scope) -> bytes | None:
        """None: it is in the headers."""
        return None

    def decoding(self, scope: Scope) -> Decoding:
        """By the content type and encoding."""
        media = _media(scope)
        if media not in (_PROTOBUF, _JSON):
            raise UnsupportedMediaError(
                f"OTLP as {media!r} cannot be read", hint=f"send {_PROTOBUF} or {_JSON}"
            )
        is_json = media == _JSON
        encoding = header_text(scope, b"content-encoding")
        limit_bytes = self._context.project().platform.server.max_body_size

        def decode(pieces: Sequence[bytes]) -> Pushed:
            body = decompress(encoding, pieces, limit_bytes)
            return self._decoder.decode(body, is_json=is_json)

        return Decoding(decode, 0 if encoding else _INLINE_BYTES)

    def accepted(self, scope: Scope, pushed: Pushed) -> Answer:
        """200; what was refused is told as a partial success."""
        body = answer(pushed, is_json=_is_json(scope))
        return Answer(200, _type(scope), body)

    def refused(self, scope: Scope, error: MadangError) -> Answer:
        """A ``google.rpc.Status``; senders come again after 429 and 503, not after 507."""
        status = _RETRIED_LATER if isinstance(error, StorageFullError) else error.status
        text = f"{error.message} ({error.hint})" if error.hint else error.message
        return Answer(status, _type(scope), refusal(text, is_json=_is_json(scope)))


def _media(scope: Scope) -> str:
    return header_text(scope, b"content-type").partition(";")[0].strip().lower() or _PROTOBUF


def _is_json(scope: Scope) -> bool:
    return _media(scope) == _JSON


def _type(scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"content-type", (_JSON if _is_json(scope) else _PROTOBUF).encode()),)
