"""The door: one request from its text to the bytes of its answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from madang.core.clock import Clock, SystemClock
from madang.core.errors import (
    CancelledError,
    DeniedError,
    MadangError,
    UnavailableError,
)
from madang.query.answer import Answer, Finished
from madang.query.catalog_port import Catalog, PinnedTable
from madang.query.completion import Completion, completion
from madang.query.control import Control
from madang.query.engine import Engine, EngineSettings
from madang.query.names import Target
from madang.query.policy import EveryReader, Policy
from madang.query.request import Identity, QueryRequest, QueryStats
from madang.query.run import QueryRun
from madang.query.syntax import Parser
from madang.query.views import TableView, table_view

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """Limits that hold for every query. ``max_rows`` is the default, the rest are the most."""

    engine: EngineSettings
    max_rows: int = 1_000_000
    timeout_s: float = 300.0
    max_result_bytes: int = 16 * 2**30


class Door:
    """Every read passes here; one at a time.

    Args:
        catalog: The tables and their streams.
        settings: Limits.
        policy: Who may see what.
        record: Told of every query when it is over, also of those that failed.
        reading: Says to those who remove table files that this process reads, while it does.
        clock: Injected time.
    """

    def __init__(
        self,
        catalog: Catalog,
        settings: DoorSettings,
        *,
        policy: Policy | None = None,
        record: Callable[[Finished], None] | None = None,
        reading: Callable[[], AbstractContextManager[None]] = nullcontext,
        clock: Clock | None = None,
    ) -> None:
        self.catalog = catalog
        self.settings = settings
        self._policy = policy or EveryReader()
        self._record = record
        self._reading = reading
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
        run = QueryRun(self, request, control, self._clock)
        error: MadangError | None = None
        try:
            # Said before a table is pinned, until the last file was read.
            with self._reading():
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
        *,
        schema: str = "",
    ) -> TableView:
        """The view of one table, after asking whether it may be read.

        ``schema`` is where it lies, if not where the table's name says.

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
        schema = schema or (namespace if target.as_of is None else f"{namespace}@{number}")
        return table_view(pinned, fresh, rights, schema=schema, number=number)

    def complete(self, identity: Identity) -> Completion:
        """Tables, columns and functions that ``identity`` may name."""
        return completion(self.catalog, self._policy, identity)

    @property
    def parser(self) -> Parser:
        """DuckDB's parser."""
        return self._parser
