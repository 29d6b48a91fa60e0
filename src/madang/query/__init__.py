"""The one door: every read is resolved, authorised, pinned, limited and recorded.

Main type: :class:`Door`, which turns a :class:`QueryRequest` into the bytes of its answer.
What needs the lake, the streams or sockets is imported when it is first named: questions about
files start in half the time without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from madang.query.answer import Answer, Finished
from madang.query.catalog_port import Catalog, Column, FreshPart, PinnedTable
from madang.query.completion import Completion, CompletionTable
from madang.query.control import Control
from madang.query.door import Door, DoorSettings
from madang.query.engine import EngineSettings
from madang.query.local_files import LocalCatalog, LocalTable, local_table
from madang.query.policy import EveryReader, Policy, Rights
from madang.query.request import (
    ColumnInfo,
    Identity,
    QueryMeta,
    QueryRequest,
    QueryStats,
    ResultFormat,
)
from madang.query.status import QueryState, QueryStatus

if TYPE_CHECKING:
    from madang.query.history import QUERY_HISTORY_SCHEMA, HistoryWriter
    from madang.query.lake_catalog import LakeCatalog
    from madang.query.pool import QueryPool, QueryResult

_LATER = {
    "QUERY_HISTORY_SCHEMA": "madang.query.history",
    "HistoryWriter": "madang.query.history",
    "LakeCatalog": "madang.query.lake_catalog",
    "QueryPool": "madang.query.pool",
    "QueryResult": "madang.query.pool",
}

__all__ = [
    "QUERY_HISTORY_SCHEMA",
    "Answer",
    "Catalog",
    "Column",
    "ColumnInfo",
    "Completion",
    "CompletionTable",
    "Control",
    "Door",
    "DoorSettings",
    "EngineSettings",
    "EveryReader",
    "Finished",
    "FreshPart",
    "HistoryWriter",
    "Identity",
    "LakeCatalog",
    "LocalCatalog",
    "LocalTable",
    "PinnedTable",
    "Policy",
    "QueryMeta",
    "QueryPool",
    "QueryRequest",
    "QueryResult",
    "QueryState",
    "QueryStats",
    "QueryStatus",
    "ResultFormat",
    "Rights",
    "local_table",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever bears the name
    if (module := _LATER.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(module), name)
