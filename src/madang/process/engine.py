"""Small in-memory DuckDBs, a thread's own, opened on first use and never shared over a fork."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable

import duckdb
import pyarrow as pa

_SCAN_ROWS = 16_384
"""Rows of a slice that one thread takes; small enough that two threads share 64 MB fairly."""
_VECTOR_ROWS = 2048
"""Rows that DuckDB handles at once; a smaller slice gains nothing."""

_INHERITED: list[duckdb.DuckDBPyConnection] = []
_LOCAL = threading.local()
"""A thread's connections. Every decoder of the thread uses them: opening one takes longer than
decoding a thousand records, and between two queries they hold nothing."""


class Engine:
    """Runs SQL over Arrow tables that are handed in by name. Thread-safe."""

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or min(os.cpu_count() or 1, 4)

    def query(self, sql: str, **tables: pa.Table) -> pa.Table:
        """The result of ``sql``, rows in the order of the input, with ``tables`` known by name."""
        small = all(table.num_rows <= _VECTOR_ROWS for table in tables.values())
        connection = self._connection(1 if small else self._threads)
        for name, table in tables.items():
            connection.register(name, _sliced(table, self._threads))
        try:
            found = connection.sql(sql).to_arrow_table()
        except (duckdb.InternalException, duckdb.FatalException):
            # DuckDB refuses everything after its own error: the next record must not pay for it.
            _discard(connection)
            raise
        except UnicodeDecodeError:
            # DuckDB quotes what it cannot read, cut off within a character.
            _forget(connection, tables)
            raise duckdb.InvalidInputException("a value cannot be read") from None
        except BaseException:
            _forget(connection, tables)
            raise
        _forget(connection, tables)
        return found

    def check(self, sql: str, **tables: pa.Table) -> None:
        """Run ``sql`` only to see whether it can be run; leaves no connection behind.

        Settings are checked when a decoder is made, which may be before a fork; a connection, with
        its threads, must not be there then.

        Raises:
            duckdb.Error: it cannot.
        """
        if getattr(_LOCAL, "pid", None) == os.getpid():
            self.query(sql, **tables)
            return
        with duckdb.connect(config={"threads": 1}) as connection:
            for name, table in tables.items():
                connection.register(name, table)
            connection.sql(sql).to_arrow_table()

    def _connection(self, threads: int) -> duckdb.DuckDBPyConnection:
        """The connection with this many threads: a single one starts small queries sooner."""
        if getattr(_LOCAL, "pid", None) != os.getpid():
            # Those of another process: closing one would wait for threads that are not here.
            _INHERITED.extend(getattr(_LOCAL, "connections", {}).values())
            _LOCAL.connections, _LOCAL.pid = {}, os.getpid()
        connections: dict[int, duckdb.DuckDBPyConnection] = _LOCAL.connections
        if threads not in connections:
            connection = duckdb.connect(
                config={
                    "threads": threads,
                    "preserve_insertion_order": True,
                    "enable_external_access": False,
                }
            )
            connection.execute("SET TimeZone = 'UTC'")
            connections[threads] = connection
        return connections[threads]


def _forget(connection: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
    for name in tables:
        connection.unregister(name)


def _discard(connection: duckdb.DuckDBPyConnection) -> None:
    known: dict[int, duckdb.DuckDBPyConnection] = _LOCAL.connections
    _LOCAL.connections = {threads: one for threads, one in known.items() if one is not connection}
    connection.close()


def _sliced(table: pa.Table, threads: int) -> pa.Table:
    rows = min(max(-(-table.num_rows // threads), _VECTOR_ROWS), _SCAN_ROWS)
    if table.num_rows <= rows:
        return table
    return pa.Table.from_batches(table.to_batches(max_chunksize=rows), table.schema)


def literal(text: str) -> str:
    """``text`` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """``name`` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def whole(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
