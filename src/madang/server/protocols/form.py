"""The body of a form, read whole."""

from __future__ import annotations

import asyncio

from starlette.types import Receive

from madang.core.errors import DeadlineError, TooLargeError
from madang.core.units import format_size
from madang.server.body import ClientGoneError


async def read_form(receive: Receive, *, most_bytes: int, within_s: float) -> bytes:
    """The body of a request.

    Raises:
        TooLargeError: it is larger than ``most_bytes``.
        DeadlineError: it did not arrive in time.
        ClientGoneError: the client left.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(within_s):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError("the client left before its form was complete")
                body += message.get("body", b"")
                if len(body) > most_bytes:
                    raise TooLargeError(f"the form is larger than {format_size(most_bytes)}")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise DeadlineError(f"the form did not arrive within {within_s:g} s") from None
