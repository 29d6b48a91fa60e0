"""What crosses the socket of the role ``metrics``, in the frames of :mod:`madang.query.wire`.

A connection carries one request: ``Q`` with an ``ApiRequest``, then from the role ``M`` with an
``ApiMeta``, any number of ``D`` with the body, ``F`` with ``ApiStats``. Closing it cancels.
"""

from __future__ import annotations

import msgspec

from madang.core.ids import new_id
from madang.query.request import Identity

FEDERATE = "/federate"
"""The endpoint of the page that other servers scrape; it is not below ``/api/v1/``."""
READ = "read"
"""Remote read; its body is no form."""


class ApiRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request to Prometheus's API.

    ``endpoint`` is what follows ``/api/v1/``; ``pairs`` are the parameters of query string and
    form, in their order. ``timeout_s`` is the time that is left of the platform's limit.
    """

    endpoint: str
    identity: Identity
    pairs: list[tuple[str, str]] = msgspec.field(default_factory=list)
    body: bytes = b""
    """The body, where it is no form."""
    accept: str = ""
    """The header ``Accept``."""
    timeout_s: float | None = None
    gzip: bool = False
    """Whether the body may be compressed."""
    request_id: str = msgspec.field(default_factory=new_id)
    queued_s: float = 0.0
    """How long it waited before it was sent."""

    def text(self, name: str) -> str | None:
        """The first value of a parameter."""
        return next((value for own, value in self.pairs if own == name), None)


class ApiMeta(msgspec.Struct, frozen=True):
    """How an answer begins."""

    status: int
    headers: list[tuple[str, str]]


class ApiStats(msgspec.Struct):
    """What an answer took: samples that were read, series and bytes of the answer."""

    samples: int = 0
    series: int = 0
    result_bytes: int = 0
    duration_s: float = 0.0
