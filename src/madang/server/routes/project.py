"""The project directory: writing a stream into it, and the schemas of its files."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Body, Request, Response

from madang.core.errors import (
    DeniedError,
    InvalidInputError,
    NotFoundError,
    Place,
    UnavailableError,
)
from madang.core.names import RULE, is_name
from madang.operate.declared_types import refuse_unfit
from madang.project import StreamSpec, WrittenStream, json_schema, stream_from_json
from madang.project.reading import reading_of
from madang.server.auth import MayAdmin, MayRead
from madang.server.context import ServerContext
from madang.server.health_view import problem_detail
from madang.server.models.streams import PutStreamAnswer
from madang.server.routes.answers import BODY_ERRORS, ERRORS, NAMED_ERRORS, errors

router = APIRouter(prefix="/api", tags=["project"])
_OPEN_S = 10.0
_POLL_S = 0.02


@router.put(
    "/streams/{stream}",
    responses={
        201: {"model": PutStreamAnswer, "description": "The stream is new."},
        **BODY_ERRORS,
        **ERRORS,
        **errors(
            s409="The stream's file is broken, or cannot be changed in place; or a type that it "
            "declares is not the one that its table's column has."
        ),
    },
)
async def put_stream(
    request: Request,
    response: Response,
    stream: str,
    body: Annotated[dict[str, Any], Body(description="A StreamSpec; may be empty.")],
    _identity: MayAdmin,
) -> PutStreamAnswer:
    """Write a stream's file into the project and open it: it takes records when this answers.

    Broken files elsewhere keep their last good state and do not stand in its way.
    """
    context: ServerContext = request.app.state.context
    if not is_name(stream):
        if "." in stream and is_name(stream.replace(".", "_")):
            raise DeniedError(f"{stream!r} is Madang's own", hint=f"a name is {RULE}")
        raise InvalidInputError(
            f"{stream!r} cannot name a stream", hint=f"a name is {RULE}", where=Place("stream")
        )
    # The framework has read it already: errors say in which of its lines they are.
    write = partial(_write, context, stream, body, await request.body())
    written = await anyio.to_thread.run_sync(write)
    await _until_open(context, written.spec)
    response.status_code = 201 if written.created else 200
    spec = context.project().streams[stream]
    file = written.file.relative_to(Path(context.project().directory))
    return PutStreamAnswer(
        name=stream,
        file=str(file),
        yaml=written.yaml,
        table=spec.table,
        broken_elsewhere=[problem_detail(one) for one in written.elsewhere],
    )


@router.get("/schema/{kind}", responses=NAMED_ERRORS)
def get_schema(kind: str, _identity: MayRead) -> dict[str, Any]:
    """The JSON Schema of a kind of file: stream, source, table or platform."""
    return json_schema(kind)


def _write(context: ServerContext, name: str, body: dict[str, Any], sent: bytes) -> WrittenStream:
    refuse_unfit(context.lake, stream_from_json(name, body, sent), sent)
    return context.editor.write_stream(name, body, sent=sent)


async def _until_open(context: ServerContext, wanted: StreamSpec) -> None:
    """Until records that come now are taken, and taken for what ``wanted`` says."""
    name, reading = wanted.name, reading_of(wanted)
    deadline_s = context.clock.monotonic_s() + _OPEN_S
    while (known := context.project().streams.get(name)) is None or reading_of(known) != reading:
        if context.clock.monotonic_s() > deadline_s:
            raise UnavailableError(
                f"the file of {name!r} is written, but the project was not published yet",
                hint="ask again; madang status says what is wrong",
            )
        await asyncio.sleep(_POLL_S)
    with contextlib.suppress(NotFoundError):  # a typed one is defined by its first batch
        await anyio.to_thread.run_sync(context.open_stream, name)
