"""Dead letters of a stream, and appending them again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from madang.core.names import DEAD_SUFFIX
from madang.operate.replay import replay as replay_letters
from madang.operate.replay import replayed_to
from madang.server.auth import MayEdit, MayRead
from madang.server.context import ServerContext
from madang.server.dead import listed, reasons
from madang.server.models.streams import (
    DeadLettersAnswer,
    ReasonsAnswer,
    ReplayAnswer,
    ReplayRequest,
)
from madang.server.routes.answers import BODY_ERRORS, BUSY_ERRORS, NAMED_ERRORS, errors
from madang.server.routes.streams import Limit, json_response, sight_of, spec_of
from madang.server.sampler import dead_letters as count_letters
from madang.server.sampler import dead_stream

router = APIRouter(prefix="/api/streams", tags=["streams"])


@router.get(
    "/{stream}/dead-letters",
    response_model=DeadLettersAnswer,
    responses={**BODY_ERRORS, **NAMED_ERRORS},
)
def list_dead_letters(
    request: Request,
    stream: str,
    identity: MayRead,
    limit: Limit = 100,
    before: Annotated[
        int | None, Query(ge=0, description="Only letters with a smaller offset: the next page.")
    ] = None,
) -> Response:
    """Records that could not become rows, newest first."""
    context: ServerContext = request.app.state.context
    spec_of(context, stream)
    sight_of(identity, f"{stream}{DEAD_SUFFIX}")
    dead = dead_stream(context, stream)
    if dead is None:
        return json_response({"total": 0, "replayed_to": 0, "letters": []})
    return json_response(
        {
            "total": count_letters(context, stream),
            "replayed_to": replayed_to(dead),
            "letters": listed(dead, limit, before),
        }
    )


@router.get("/{stream}/dead-letters/summary", response_model=ReasonsAnswer, responses=NAMED_ERRORS)
def sum_up_dead_letters(request: Request, stream: str, _identity: MayRead) -> Response:
    """Why records died, most frequent first."""
    context: ServerContext = request.app.state.context
    spec_of(context, stream)
    dead = dead_stream(context, stream)
    rows, complete = ([], True) if dead is None else reasons(dead)
    return json_response({"reasons": rows, "complete": complete})


@router.post(
    "/{stream}/replay",
    responses={
        **BODY_ERRORS,
        **NAMED_ERRORS,
        **BUSY_ERRORS,
        **errors(s409="A replay is under way.", s507="The disk is full."),
    },
)
def replay(request: Request, stream: str, body: ReplayRequest, _identity: MayEdit) -> ReplayAnswer:
    """Append dead letters to their stream again; by default those that were not yet."""
    context: ServerContext = request.app.state.context
    spec_of(context, stream)
    dead = dead_stream(context, stream)
    if dead is None:
        return ReplayAnswer(replayed=0, from_offset=0, to_offset=0)
    done = replay_letters(
        dead,
        context.open_stream(dead.name.removesuffix(DEAD_SUFFIX)),
        from_offset=body.from_offset,
        to_offset=body.to_offset,
        code=body.code,
    )
    return ReplayAnswer(replayed=done.count, from_offset=done.from_offset, to_offset=done.to_offset)
