"""A small DuckDB of each thread's own, for what is vectorised there: JSON in, JSON out."""

from __future__ import annotations

import threading

import duckdb
import pyarrow as pa

_local = threading.local()


def column_of(rows: pa.Table, sql: str, params: dict[str, str] | None = None) -> pa.Array:
    """The one column that ``sql`` computes from the table ``rows``, in its order.

    Raises:
        duckdb.Error: the statement failed.
    """
    connection = getattr(_local, "connection", None)
    if connection is None:
        connection = _local.connection = duckdb.connect(
            config={"threads": 1, "enable_external_access": False}
        )
    connection.register("rows", rows)
    try:
        found = connection.sql(sql, params=params).to_arrow_table().column(0)
    except (duckdb.InternalException, duckdb.FatalException):
        # DuckDB refuses everything after its own error: the next body must not pay for it.
        _local.connection = None
        connection.close()
        raise
    except UnicodeDecodeError:
        # DuckDB quotes what it cannot read, cut off within a character.
        connection.unregister("rows")
        raise duckdb.InvalidInputException("a value cannot be read") from None
    except BaseException:
        connection.unregister("rows")
        raise
    connection.unregister("rows")
    return pa.concat_arrays(found.chunks) if found.num_chunks else pa.array([], found.type)
