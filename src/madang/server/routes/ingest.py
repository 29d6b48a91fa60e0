"""Describes ``POST /ingest/{stream}`` for OpenAPI; ``madang.server.ingest`` does it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Security

from madang.collect import ContentFormat
from madang.operate.accounts import Identity, Permission
from madang.server.auth import caller
from madang.server.models.ingest import IngestAnswer
from madang.server.routes.answers import BODY_ERRORS, BUSY_ERRORS, NAMED_ERRORS, errors

router = APIRouter(tags=["ingest"])
MayIngest = Annotated[Identity, Security(caller, scopes=[Permission.INGEST.value])]
_TYPES = (
    "application/x-ndjson",
    "application/json",
    "text/csv",
    "text/plain",
    "application/vnd.apache.arrow.stream",
)
_BODY = {
    "required": True,
    "description": "Records; Content-Encoding gzip, deflate and zstd are understood.",
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _TYPES},
}


@router.post(
    "/ingest/{stream}",
    openapi_extra={"requestBody": _BODY},
    responses={
        **BODY_ERRORS,
        **NAMED_ERRORS,
        **BUSY_ERRORS,
        **errors(
            s408="The body did not arrive in time.",
            s409="The Idempotency-Key was used before, for another body.",
            s413="The body, or its only record, is over its limit.",
            s415="The body's type or encoding cannot be read.",
            s507="The disk is full; nothing was accepted. See Retry-After.",
        ),
    },
)
async def ingest(
    stream: str,
    _identity: MayIngest,
    format: Annotated[  # noqa: A002 -- the parameter's name
        ContentFormat | None,
        Query(description="How the body holds its records, whatever Content-Type says."),
    ] = None,
    key: Annotated[
        str | None,
        Query(max_length=256, description="Partition key of all records, whatever they hold."),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        Header(
            max_length=256,
            description="Names the body: sent again with it, it is acknowledged, not appended; "
            "another body under it is refused (409).",
        ),
    ] = None,
) -> IngestAnswer:
    """Append a body's records; answered when all of them are on disk."""
    raise NotImplementedError
