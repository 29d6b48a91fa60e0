"""One query's way through the door: read, resolve, pin, check, run, explain what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from madang.core.clock import Clock
from madang.core.errors import InvalidInputError, MadangError, NotFoundError
from madang.core.names import SAMPLES, SERIES
from madang.query.answer import Answer
from madang.query.catalog_port import PinnedTable
from madang.query.control import Control
from madang.query.diagnose import diagnosed
from madang.query.encode import Encoder, Piece
from madang.query.engine import Engine
from madang.query.guard import check_runs_on
from madang.query.names import Target, targets
from madang.query.process_io import bytes_read_so_far
from madang.query.prune import Comparison, comparisons, needed
from madang.query.request import ColumnInfo, QueryMeta, QueryRequest, QueryStats
from madang.query.rewrite import Rewritten, Splice, place
from madang.query.samples_call import samples_asked
from madang.query.statement import NamedTable, Statement, bound_params, read_statement
from madang.query.table_calls import TableCall
from madang.query.views import TableView
from madang.query.window_keys import with_short_keys

if TYPE_CHECKING:
    from madang.query.door import Door

_MOST_ROWS = 10**12


class QueryRun:
    """One query's way through the door."""

    def __init__(self, door: Door, request: QueryRequest, control: Control, clock: Clock) -> None:
        self._door = door
        self._request = request
        self._control = control
        self._clock = clock
        self._engine: Engine | None = None
        self._ran = Rewritten(request.sql.encode("utf-8", "replace"))
        self._names: list[str] = []
        self._read_before = 0
        self._started_s = clock.monotonic_s()
        self.started_at_us = clock.now_us()
        self.stats = QueryStats()

    def open(self) -> Answer:
        """Everything up to the first byte.

        Raises:
            MadangError: The request cannot be answered.
            duckdb.Error: Likewise; :meth:`errors_explained` turns it into one.
        """
        door, request = self._door, self._request
        _check_limits(request)
        statement = read_statement(request.sql, door.parser)
        values = bound_params(statement, request.params)
        known = list(door.catalog.names())
        asked = targets(statement, known, door.parser, values)
        self._control.check()
        views = self._views(asked, comparisons(statement), values)
        called, beneath = self._called(statement, values, known, len(asked))
        text = self._plain(statement, asked, views, called)
        granted = {view.path for view in (*views.values(), *(view for _, view in called))}
        if statement.kind != "show_tables":
            self._check_runs(text, granted)
        self._engine = engine = door.take_engine()
        self._control.attach(engine.interrupt)
        made = [*views.values(), *beneath, *(view for _, view in called)]
        engine.prepare(*_preparation(made, door.readable(request.identity, known)))
        self._read_before = bytes_read_so_far()
        params = {name: values[name] for name in sorted(statement.params)}
        text = self._with_short_keys(engine, statement, text, params, granted)
        if statement.kind == "explain":
            text, params = self._explained(engine, statement, text, params), {}
        elif statement.kind == "show_tables":
            text = Rewritten(b"SELECT * FROM __tables")
        self._control.check()
        relation = self._bind(text, params)
        names = self._names or relation.columns
        meta = QueryMeta(
            request.query_id,
            [
                ColumnInfo(name, str(type_))
                for name, type_ in zip(names, relation.types, strict=True)
            ],
            request.format,
            request.format.content_type,
        )
        encoder = Encoder(
            lambda sql: self._bind(sql, params),
            text,
            names,
            relation.types,
            max_rows=door.settings.max_rows if request.max_rows is None else request.max_rows,
            max_bytes=door.settings.max_result_bytes,
            complete=self._complete,
            folder=door.settings.engine.spill,
        )
        return Answer(meta, self.stats, self._pieces(encoder, meta))

    def close(self) -> None:
        """Free the database; the statistics are final."""
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
        except UnicodeDecodeError as error:
            # DuckDB quotes what it cannot read, cut off within a character.
            said = error.object.decode("utf-8", "replace")
            raise diagnosed(duckdb.InvalidInputException(said), self._ran) from error
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

    def _called(
        self, statement: Statement, values: Mapping[str, Any], known: Sequence[str], number: int
    ) -> tuple[list[tuple[TableCall, TableView]], list[TableView]]:
        """The views of calls, and those of tables that they read."""
        called: list[tuple[TableCall, TableView]] = []
        beneath: list[TableView] = []
        plain = Rewritten(statement.sql, statement.splices)
        for call in statement.calls:
            self._control.check()
            asked = samples_asked(call, self._door.parser, values, plain)
            schema = f"metrics()@{number + len(beneath)}"
            where = place(statement.sql, call.start)
            # In this order: the series of what is in one table are in the other before.
            for table in (SAMPLES, SERIES):
                if table not in known:
                    raise NotFoundError(f"there is no table {table} to read from", where=where)
                narrow = asked.narrow if table == SAMPLES else _whole
                count = number + len(beneath)
                try:
                    beneath.append(
                        self._door.rights_checked_view(
                            self._request,
                            Target(table, None),
                            count,
                            self.stats,
                            narrow,
                            schema=schema,
                        )
                    )
                except MadangError as error:
                    error.where = error.where or where
                    raise
            called.append((call, asked.view(beneath[-2], beneath[-1], schema)))
        return called, beneath

    def _plain(
        self,
        statement: Statement,
        asked: Sequence[tuple[NamedTable, Target]],
        views: dict[Target, TableView],
        called: Sequence[tuple[TableCall, TableView]],
    ) -> Rewritten:
        """The text that runs, checked once more by what it means to DuckDB."""
        renamed = [
            Splice(named.start, named.end, views[target].qualified.encode())
            for named, target in asked
        ]
        renamed += [Splice(call.start, call.end, view.qualified.encode()) for call, view in called]
        kept = [
            splice
            for splice in statement.splices
            if not any(call.start <= splice.start < call.end for call, _ in called)
        ]
        return Rewritten(statement.sql, [*kept, *renamed])

    def _check_runs(self, text: Rewritten, granted: Set[tuple[str, ...]]) -> None:
        wrapped = text.wrapped("SELECT * FROM (\n", "\n)")
        check_runs_on(self._door.parser.parse(wrapped), wrapped, granted.__contains__)

    def _with_short_keys(
        self,
        engine: Engine,
        statement: Statement,
        text: Rewritten,
        params: dict[str, Any],
        granted: Set[tuple[str, ...]],
    ) -> Rewritten:
        def bound(text: Rewritten) -> tuple[list[str], list[Any]] | None:
            try:
                relation = engine.bind(text.text.decode(), params)
            except duckdb.Error:
                return None
            return list(relation.columns), list(relation.types)

        if statement.kind == "show_tables":
            return text
        short = with_short_keys(text, self._door.parser, lambda text: bound(text) is not None)
        if short is not text:
            self._check_runs(short, granted)
            plain, keyed = bound(text), bound(short)
            if plain is None or keyed is None or plain[1] != keyed[1]:
                return text
            if statement.kind != "explain":
                # A window without a name of its own is called as it was written.
                self._names = plain[0]
        return short

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


def _whole(table: PinnedTable) -> PinnedTable:
    return table


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
