"""The error answers of routes, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from madang.server.models.base import ErrorAnswer

Responses = dict[int | str, dict[str, Any]]


def errors(**by_status: str) -> Responses:
    """Answers of status ``s404=…`` with what they mean."""
    return {
        int(status.removeprefix("s")): {"model": ErrorAnswer, "description": meaning}
        for status, meaning in by_status.items()
    }


ERRORS = errors(
    s401="Nobody, or nobody known, asks.",
    s403="The permission is lacking, or the header X-Madang-Request.",
    s500="A bug of ours; the message has an id that stands in the log.",
)
NAMED_ERRORS = {**ERRORS, **errors(s404="No such thing; the hint has the near match.")}
BODY_ERRORS = errors(s400="The request is not what was expected; where names the field.")
BUSY_ERRORS = errors(s429="Too much at once; see Retry-After.", s503="A part is not up.")
