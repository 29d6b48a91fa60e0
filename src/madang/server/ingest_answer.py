"""Answers of ``/ingest/{stream}``: the acknowledgement, and the refusal that clients get to see."""

from __future__ import annotations

from starlette.types import Receive, Send

from madang.core.errors import MadangError
from madang.server.body import BodyReader, answer_early
from madang.server.errors import MethodNotAllowedError, error_body, error_headers
from madang.stream import Appended


def acknowledgement(name: str, count: int, appended: list[Appended]) -> bytes:
    """The body of the acknowledgement: ``IngestAnswer`` as JSON."""
    duplicate = "true" if all(one.duplicate for one in appended) else "false"
    partitions = ",".join(
        f'{{"partition":{one.partition},"first_offset":{one.base_offset},'
        f'"last_offset":{one.end_offset - 1}}}'
        for one in appended
    )
    return (
        f'{{"stream":"{name}","records":{count},"duplicate":{duplicate},'
        f'"partitions":[{partitions}]}}'
    ).encode()


async def acknowledge(send: Send, body: bytes) -> None:
    """Send it."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def refuse(
    error: MadangError, reader: BodyReader | None, receive: Receive, send: Send
) -> None:
    """Say what is wrong; what the client still sends is taken for a moment, so that it listens."""
    body = error_body(error)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in error_headers(error).items()),
    ]
    if isinstance(error, MethodNotAllowedError):
        headers.append((b"allow", b"POST"))
    await answer_early(error.status, headers, body, reader=reader, receive=receive, send=send)
