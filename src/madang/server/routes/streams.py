"""Streams: what they are, what is in them, their live tails."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import anyio.to_thread
import orjson
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from madang.core.errors import (
    ConflictError,
    DeniedError,
    InvalidInputError,
    MadangError,
    Place,
)
from madang.core.names import DEAD_SUFFIX, unknown
from madang.operate.accounts import Identity, Permission
from madang.operate.adoption import adopt
from madang.operate.tallies import read_time_fallbacks
from madang.operate.wiring import zone_of
from madang.project import StreamSpec
from madang.project.system import QUERY_HISTORY
from madang.server.asker import Asker
from madang.server.auth import MayAdmin, MayRead
from madang.server.context import ServerContext
from madang.server.filled_table import filled_table
from madang.server.models.streams import (
    AdoptAnswer,
    GroupRow,
    NamedType,
    PartitionBounds,
    RecordsAnswer,
    StreamAnswer,
    StreamsAnswer,
    StreamSummary,
)
from madang.server.records import Sight, forward, newest
from madang.server.routes.answers import BODY_ERRORS, BUSY_ERRORS, NAMED_ERRORS, errors
from madang.server.sampler import Sampler, opened
from madang.server.tail import Tails, parse_event_id
from madang.server.time_fallback_view import NOTHING as NO_FALLBACKS
from madang.server.time_fallback_view import time_fallbacks_of
from madang.stream import LogStream

router = APIRouter(prefix="/api/streams", tags=["streams"])
MAX_RECORDS = 1000
Limit = Annotated[int, Query(ge=1, le=MAX_RECORDS, description="At most so many.")]


def spec_of(context: ServerContext, name: str) -> StreamSpec:
    """What the project says of a stream.

    Raises:
        NotFoundError: it knows none of that name.
    """
    streams = context.project().streams
    spec = streams.get(name)
    if spec is None:
        raise unknown("stream", name, streams)
    return spec


def readable(context: ServerContext, name: str) -> LogStream:
    """A stream of the project, or the dead letters of one.

    Raises:
        NotFoundError: there is none of that name.
    """
    spec_of(context, name.removesuffix(DEAD_SUFFIX))
    return context.open_stream(name)


def sight_of(identity: Identity, name: str) -> Sight | None:
    """Which records of the stream ``name`` somebody may see; None: all.

    Of the queries that ran one sees one's own, in the stream as in the table.

    Raises:
        DeniedError: none at all.
    """
    if name.removesuffix(DEAD_SUFFIX) != QUERY_HISTORY or identity.may(Permission.ADMIN):
        return None
    if name != QUERY_HISTORY:
        raise DeniedError(f"only an admin may read {name}", hint=f"{identity} is none")
    return Asker.of(identity).asked_rows


@router.get("", responses=NAMED_ERRORS)
def list_streams(request: Request, _identity: MayRead) -> StreamsAnswer:
    """All streams, with how they flow."""
    context: ServerContext = request.app.state.context
    sampler: Sampler = request.app.state.sampler
    request.app.state.ask_sampler()
    streams = context.project().streams
    return StreamsAnswer(
        streams=[_summary(context, sampler, name, streams[name]) for name in sorted(streams)]
    )


@router.get("/{stream}", responses=NAMED_ERRORS)
def get_stream(request: Request, stream: str, _identity: MayRead) -> StreamAnswer:
    """A stream in full."""
    context: ServerContext = request.app.state.context
    request.app.state.ask_sampler()
    spec = spec_of(context, stream)
    summary = _summary(context, request.app.state.sampler, stream, spec)
    log = opened(context, stream)
    file, yaml = _file_of(context, stream) if summary.editable else ("", "")
    return StreamAnswer(
        **summary.model_dump(),
        spec=spec,
        yaml=yaml,
        file=file,
        schema=[] if log is None else _schema(log),
        partition_bounds=[] if log is None else _bounds(log, spec),
        groups=[] if log is None else _groups(log),
        time_fallbacks=time_fallbacks_of(
            read_time_fallbacks(context.data).get(stream, NO_FALLBACKS)
        ),
    )


@router.get(
    "/{stream}/records",
    response_model=RecordsAnswer,
    responses={**BODY_ERRORS, **NAMED_ERRORS},
)
def get_records(
    request: Request,
    stream: str,
    identity: MayRead,
    *,
    partition: Annotated[
        int | None, Query(ge=0, description="Only this partition; default: all.")
    ] = None,
    offset: Annotated[
        int | None, Query(ge=0, description="The first offset to read; takes `partition`.")
    ] = None,
    from_: Annotated[
        Literal["latest", "earliest"],
        Query(alias="from", description="From which end to begin where no offset is given."),
    ] = "latest",
    limit: Limit = 100,
) -> Response:
    """Records from an offset on, the earliest, or (by default) the newest.

    Of `system.query_history` those of one's own queries among them; an admin has all.
    """
    context: ServerContext = request.app.state.context
    log = readable(context, stream)
    sight, names = sight_of(identity, stream), request.app.state.series_names.of
    if partition is not None and partition >= log.partitions:
        raise InvalidInputError(
            f"the stream {stream!r} has no partition {partition}",
            hint=f"it has {log.partitions}, counted from 0",
            where=Place("partition"),
        )
    partitions = list(range(log.partitions)) if partition is None else [partition]
    if offset is not None:
        if len(partitions) != 1:
            raise InvalidInputError("an offset needs its partition", where=Place("partition"))
        found = forward(log, {partitions[0]: offset}, limit, sight, names)
    elif from_ == "earliest":
        earliest = {part: log.bounds(part).earliest for part in partitions}
        found = forward(log, earliest, limit, sight, names)
    else:
        found = newest(log, partitions, limit, sight, names)
    following = {str(part): at for part, at in found.next.items()}
    return json_response({"records": found.rows, "next": following})


@router.get(
    "/{stream}/tail",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events `records` (an array of RecordRow, at most 200) and `dropped` "
            '(`{"count"}`); an event\'s id resumes behind it.',
            "content": {"text/event-stream": {}},
        },
        **NAMED_ERRORS,
        **BUSY_ERRORS,
    },
)
async def tail(
    request: Request,
    stream: str,
    identity: MayRead,
    last_event_id: Annotated[
        str | None, Header(max_length=2000, description="Goes on behind the event of this id.")
    ] = None,
) -> Response:
    """New records as they are acknowledged, as server-sent events."""
    context: ServerContext = request.app.state.context
    tails: Tails = request.app.state.tails
    tails.check()
    log = await anyio.to_thread.run_sync(readable, context, stream)
    sight = sight_of(identity, stream)
    positions = parse_event_id(last_event_id, log)
    if positions is None:
        positions = {part: log.bounds(part).end for part in range(log.partitions)}
    headers, method = request.scope["headers"], request.method

    async def still_allowed() -> bool:
        try:
            now = await request.app.state.authenticator.identify(method, headers)
            # An admin may be one no more.
            as_before = (sight_of(now, stream) is None) == (sight is None)
            return as_before and bool(now.may(Permission.READ))
        except MadangError:
            return False

    return StreamingResponse(
        tails.events(log, positions, still_allowed, sight, request.app.state.series_names.of),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.post(
    "/{stream}/adopt",
    responses={
        **NAMED_ERRORS,
        **errors(s409="The table was filled from this very stream, or it has no table."),
    },
)
def adopt_stream(request: Request, stream: str, _identity: MayAdmin) -> AdoptAnswer:
    """Let a table go on with a stream whose folder was replaced, or restored from a backup."""
    context: ServerContext = request.app.state.context
    table = spec_of(context, stream).table
    if table is None:
        raise ConflictError(f"the stream {stream!r} fills no table")
    done = adopt(context.lake, context.open_stream(stream), table)
    found = {str(partition): offset for partition, offset in done.starts.items()}
    return AdoptAnswer(table=done.table, starts=found, records=done.records)


def json_response(content: object) -> Response:
    """A JSON answer from plain values, without a model's checks."""
    return Response(orjson.dumps(content), media_type="application/json")


def _summary(
    context: ServerContext, sampler: Sampler, name: str, spec: StreamSpec
) -> StreamSummary:
    zone = spec.time.zone if spec.time else None
    return StreamSummary(
        **sampler.flow(name, spec).model_dump(),
        description=spec.description,
        owner=spec.owner,
        partitions=spec.partitions,
        format=spec.format,
        time_zone=zone or zone_of(context.project()),
        editable="." not in name,
    )


def _file_of(context: ServerContext, name: str) -> tuple[str, str]:
    folder = Path(context.project().directory)
    for suffix in (".yml", ".yaml"):
        path = folder / "streams" / f"{name}{suffix}"
        try:
            return str(path.relative_to(folder)), path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
    return "", ""


def _schema(log: LogStream) -> list[NamedType]:
    return [NamedType(name=field.name, type=str(field.type)) for field in log.schema]


def _bounds(log: LogStream, spec: StreamSpec) -> list[PartitionBounds]:
    filled = filled_table(spec)
    delivered = log.committed(filled.group) if filled else {}
    rows = []
    for part in range(log.partitions):
        bounds = log.bounds(part)
        rows.append(
            PartitionBounds(
                partition=part,
                earliest=bounds.earliest,
                end=bounds.end,
                size_bytes=bounds.size_bytes,
                delivered=None if filled is None else delivered.get(part, 0),
            )
        )
    return rows


def _groups(log: LogStream) -> list[GroupRow]:
    return [
        GroupRow(
            name=name,
            offsets={str(part): offset for part, offset in log.committed(name).items()},
            lag=log.lag(name),
        )
        for name in log.groups()
    ]
