"""The door: one request from its text to the bytes of its answer."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import duckdb
import pyarrow as pa

from madang.core.clock import Clock, SystemClock
from madang.core.errors import (
    CancelledError,
    DeniedError,
    InvalidInputError,
    MadangError,
    UnavailableError,
)
from madang.query.catalog_port import Catalog, PinnedTable
from madang.query.completion import Completion, completion
from madang.query.control import Control
from madang.query.diagnose import diagnosed
from madang.query.encode import Encoder, Piece
from madang.query.engine import Engine, EngineSettings
from madang.query.guard import check_runs_on
from madang.query.names import Target, targets
from madang.query.policy import EveryReader, Policy
from madang.query.process_io import bytes_read_so_far
from madang.query.prune import Comparison, comparisons, needed
from madang.query.request import ColumnInfo, Identity, QueryMeta, QueryRequest, QueryStats
from madang.query.rewrite import Rewritten, Splice, place
from madang.query.statement import NamedTable, Statement, bound_params, read_statement
from madang.query.syntax import Parser
from madang.query.views import TableView, table_view

_MOST_ROWS = 10**12
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """Limits that hold for every query. ``max_rows`` is the default, the rest are the most."""

    engine: EngineSettings
    max_rows: int = 1_000_000
    timeout_s: float = 300.0
    max_result_bytes: int = 16 * 2**30


@dataclass(frozen=True, slots=True)
class Finished:
    """What is known of a query when it is over; ``error`` is None where it went well."""

    request: QueryRequest
    stats: QueryStats
    started_at_us: int
    error: MadangError | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A query on its way: what it will answer, and the bytes as they are made."""

    meta: QueryMeta
    stats: QueryStats
    pieces: Iterator[Piece]


class Door:
    """Every read passes here; one at a time.

    Args:
        catalog: The tables and their streams.
        settings: Limits.
        policy: Who may see what.
        record: Told of every query when it is over, also of those that failed.
        clock: Injected time.
    """

    def __init__(
        self,
        catalog: Catalog,
        settings: DoorSettings,
        *,
        policy: Policy | None = None,
        record: Callable[[Finished], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.catalog = catalog
        self.settings = settings
        self._policy = policy or EveryReader()
        self._record = record
        self._clock = clock or SystemClock()
        self._parser = Parser(settings.engine.time_zone)
        self._spare: Engine | None = None

    def warm(self) -> None:
        """Make the next query's database ahead of it: call it while nobody waits."""
        if self._spare is None:
            self.settings.engine.spill.mkdir(parents=True, exist_ok=True)
            self._spare = Engine(self.settings.engine)

    def timeout_s(self, request: QueryRequest) -> float:
        """The time that ``request`` may take."""
        asked = request.timeout_s
        return self.settings.timeout_s if asked is None else min(asked, self.settings.timeout_s)

    @contextmanager
    def answer(self, request: QueryRequest, control: Control | None = None) -> Iterator[Answer]:
        """Run ``request``; the bytes are made while ``pieces`` are taken, within the context.

        Raises:
            MadangError: Also from ``pieces``. ``where`` is in the request's SQL.
        """
        control = control or Control(self.timeout_s(request))
        run = _Run(self, request, control, self._clock)
        error: MadangError | None = None
        try:
            with run.errors_explained():
                answer = run.open()
            yield answer
        except MadangError as caught:
            error = caught
            raise
        except (GeneratorExit, OSError):
            error = control.reason or CancelledError("nobody took the answer")
            raise
        except BaseException as caught:
            error = UnavailableError(f"the query failed: {type(caught).__name__}: {caught}")
            raise
        finally:
            run.close()
            self.remember(Finished(request, run.stats, run.started_at_us, error))

    def close(self) -> None:
        """Free the parser and the database that waits."""
        self._parser.close()
        if self._spare is not None:
            self._spare.close()
            self._spare = None

    def remember(self, finished: Finished) -> None:
        """Record a query that is over; that it cannot be recorded does not fail it."""
        if self._record is None:
            return
        try:
            self._record(finished)
        except Exception:  # noqa: BLE001 - such as a full disk
            _log.warning("a query could not be recorded", exc_info=True)

    def take_engine(self) -> Engine:
        """A database for one query."""
        self.warm()
        engine, self._spare = self._spare, None
        assert engine is not None
        return engine

    def readable(self, identity: Identity, tables: Sequence[str]) -> list[str]:
        """Those of ``tables`` that ``identity`` may read."""
        return [name for name in tables if self._policy.rights(identity, name).allowed]

    def rights_checked_view(
        self,
        request: QueryRequest,
        target: Target,
        number: int,
        stats: QueryStats,
        narrow: Callable[[PinnedTable], PinnedTable],
    ) -> TableView:
        """The view of one table, after asking whether it may be read.

        Raises:
            DeniedError: It may not.
        """
        rights = self._policy.rights(request.identity, target.table)
        if not rights.allowed:
            raise DeniedError(
                f"{request.identity.user} may not read {target.table}", hint=rights.reason or None
            )
        pinned = self.catalog.pin(target.table, target.as_of)
        fresh = None
        if target.as_of is None and (request.fresh or pinned.schema is None):
            fresh = self.catalog.fresh(pinned)
        if fresh is not None:
            stats.fresh_rows += fresh.rows.num_rows
            stats.bytes_read += fresh.bytes_read
            if fresh.incomplete:
                stats.fresh_incomplete.append(target.table)
        if target.table not in stats.tables:
            stats.tables.append(target.table)
        if not rights.masks:
            pinned = narrow(pinned)
        namespace = target.table.split(".", 1)[0]
        schema = namespace if target.as_of is None else f"{namespace}@{number}"
        return table_view(pinned, fresh, rights, schema=schema, number=number)

    def complete(self, identity: Identity) -> Completion:
        """Tables, columns and functions that ``identity`` may name."""
        return completion(self.catalog, self._policy, identity)

    @property
    def parser(self) -> Parser:
        """DuckDB's parser."""
        return self._parser


class _Run:
    """One query's way through the door."""

    def __init__(self, door: Door, request: QueryRequest, control: Control, clock: Clock) -> None:
        self._door = door
        self._request = request
        self._control = control
        self._clock = clock
        self._engine: Engine | None = None
        self._ran = Rewritten(request.sql.encode("utf-8", "replace"))
        self._read_before = 0
        self._started_s = clock.monotonic_s()
        self.started_at_us = clock.now_us()
        self.stats = QueryStats()

    def open(self) -> Answer:
        door, request = self._door, self._request
        _check_limits(request)
        statement = read_statement(request.sql, door.parser)
        values = bound_params(statement, request.params)
        known = list(door.catalog.names())
        asked = targets(statement, known, door.parser, values)
        self._control.check()
        views = self._views(asked, comparisons(statement), values)
        text = self._plain(statement, asked, views)
        self._engine = engine = door.take_engine()
        self._control.attach(engine.interrupt)
        engine.prepare(*_preparation(views.values(), door.readable(request.identity, known)))
        self._read_before = bytes_read_so_far()
        params = {name: values[name] for name in sorted(statement.params)}
        if statement.kind == "explain":
            text, params = self._explained(engine, statement, text, params), {}
        elif statement.kind == "show_tables":
            text = Rewritten(b"SELECT * FROM __tables")
        self._control.check()
        relation = self._bind(text, params)
        meta = QueryMeta(
            request.query_id,
            [
                ColumnInfo(name, str(type_))
                for name, type_ in zip(relation.columns, relation.types, strict=True)
            ],
            request.format,
            request.format.content_type,
        )
        encoder = Encoder(
            lambda sql: self._bind(sql, params),
            text,
            relation,
            max_rows=door.settings.max_rows if request.max_rows is None else request.max_rows,
            max_bytes=door.settings.max_result_bytes,
            complete=self._complete,
            folder=door.settings.engine.spill,
        )
        return Answer(meta, self.stats, self._pieces(encoder, meta))

    def close(self) -> None:
        self._complete(self.stats)
        self._control.finish()
        if self._engine is not None:
            self._engine.close()

    @contextmanager
    def errors_explained(self) -> Iterator[None]:
        """DuckDB's errors become ours; what was ended from outside says so."""
        try:
            yield
        except MadangError:
            raise
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            if self._control.reason is not None:
                raise self._control.reason from error
            raise diagnosed(error, self._ran) from error
        except MemoryError as error:
            raise diagnosed(
                duckdb.OutOfMemoryException("Out of Memory Error"), self._ran
            ) from error

    def _views(
        self,
        asked: Sequence[tuple[NamedTable, Target]],
        held: Mapping[int, Sequence[Comparison]],
        values: Mapping[str, Any],
    ) -> dict[Target, TableView]:
        views: dict[Target, TableView] = {}
        times = Counter(target for _, target in asked)
        for named, target in asked:
            self._control.check()
            if target in views:
                continue
            # A view that stands in several places has to serve them all.
            known = held.get(named.start, ()) if times[target] == 1 else ()
            try:
                views[target] = self._door.rights_checked_view(
                    self._request,
                    target,
                    len(views),
                    self.stats,
                    partial(needed, held=known, parser=self._door.parser, params=values),
                )
            except MadangError as error:
                error.where = error.where or place(self._ran.original, named.start)
                raise
        return views

    def _plain(
        self,
        statement: Statement,
        asked: Sequence[tuple[NamedTable, Target]],
        views: dict[Target, TableView],
    ) -> Rewritten:
        """The text that runs, checked once more by what it means to DuckDB."""
        renamed = [
            Splice(named.start, named.end, views[target].qualified.encode())
            for named, target in asked
        ]
        text = Rewritten(statement.sql, [*statement.splices, *renamed])
        if statement.kind != "show_tables":
            granted = {view.path for view in views.values()}
            wrapped = text.wrapped("SELECT * FROM (\n", "\n)")
            check_runs_on(self._door.parser.parse(wrapped), wrapped, granted.__contains__)
        return text

    def _explained(
        self, engine: Engine, statement: Statement, text: Rewritten, params: dict[str, Any]
    ) -> Rewritten:
        """The plan as rows; EXPLAIN cannot stand in a subquery."""
        self._ran = text.wrapped(f"{statement.prefix} ", "")
        rows = engine.bind(self._ran.text.decode(), params).fetchall()
        plan = pa.table({"plan": pa.array([row[-1] for row in rows], pa.string())})
        engine.register("__plan", plan)
        return Rewritten(b"SELECT * FROM __plan")

    def _bind(self, sql: Rewritten, params: dict[str, Any]) -> Any:  # noqa: ANN401
        assert self._engine is not None
        self._ran = sql
        return self._engine.bind(sql.text.decode(), params)

    def _pieces(self, encoder: Encoder, meta: QueryMeta) -> Iterator[Piece]:
        with self.errors_explained():
            for piece in encoder.pieces(meta, self.stats):
                yield piece
                self._control.check()
        self._control.check()

    def _complete(self, stats: QueryStats) -> None:
        stats.duration_s = self._clock.monotonic_s() - self._started_s
        if self._read_before:
            now = bytes_read_so_far()
            stats.bytes_read += now - self._read_before
            self._read_before = now


def _check_limits(request: QueryRequest) -> None:
    if request.max_rows is not None and not 0 <= request.max_rows <= _MOST_ROWS:
        raise InvalidInputError(
            f"max_rows is {request.max_rows}", hint=f"a number from 0 to {_MOST_ROWS}"
        )
    if request.timeout_s is not None and not request.timeout_s > 0:
        raise InvalidInputError(f"timeout_s is {request.timeout_s}", hint="seconds, more than 0")


def _preparation(
    views: Any,  # noqa: ANN401
    known: Sequence[str],
) -> tuple[list[str], dict[str, pa.Table], list[str]]:
    statements: list[str] = []
    arrow_tables = {"__tables": pa.table({"name": pa.array(sorted(known), pa.string())})}
    files: dict[str, None] = {}
    schemas: set[str] = set()
    for view in views:
        if view.schema not in schemas:
            schemas.add(view.schema)
            statements.append(f'CREATE SCHEMA memory."{view.schema}"')
        statements.append(view.sql)
        arrow_tables.update(view.arrow_tables)
        files.update(dict.fromkeys(view.files))
    return statements, arrow_tables, list(files)
