"""What an editor completes: tables with their columns, and functions."""

from __future__ import annotations

import msgspec

from madang.core.errors import MadangError
from madang.query.catalog_port import Catalog
from madang.query.guard import TABLE_FUNCTIONS, scalar_functions
from madang.query.policy import Policy
from madang.query.request import ColumnInfo, Identity
from madang.query.types import sql_type
from madang.query.views import merged_columns

_FRESH_BYTES = 4 * 2**20


class CompletionTable(msgspec.Struct, frozen=True):
    """A table and its columns, those of records that are not delivered yet among them."""

    name: str
    columns: list[ColumnInfo]


class Completion(msgspec.Struct, frozen=True):
    """Everything that may be named in SQL."""

    tables: list[CompletionTable]
    functions: list[str]


def completion(catalog: Catalog, policy: Policy, identity: Identity) -> Completion:
    """What ``identity`` may name; tables that cannot be opened are listed without columns."""
    tables = []
    for name in catalog.names():
        if not policy.rights(identity, name).allowed:
            continue
        try:
            pinned = catalog.pin(name)
            columns, names = merged_columns(pinned, catalog.fresh(pinned, max_bytes=_FRESH_BYTES))
        except MadangError:
            tables.append(CompletionTable(name, []))
            continue
        infos = [
            ColumnInfo(shown, sql_type(column.type))
            for column, shown in zip(columns, names, strict=True)
        ]
        tables.append(CompletionTable(name, infos))
    functions = {name for name in scalar_functions() | TABLE_FUNCTIONS if name[:1].isalpha()}
    return Completion(tables, sorted(functions))
