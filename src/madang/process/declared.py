"""Declared types that the columns of a table cannot take: a column keeps its type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from madang.process.layout import Kind, Layout, Node
from madang.project import ColumnType

_TAKES: Final = {
    Kind.DOUBLE: (Kind.LONG,),
    Kind.STRING: (Kind.JSON,),
    Kind.JSON: tuple(Kind),
}
"""What a column of a kind holds beside its own values."""


@dataclass(frozen=True, slots=True)
class UnfitType:
    """A column that is declared as one type and is of another in the table."""

    column: str
    declared: str
    actual: str

    def message(self, table: str) -> str:
        """What is wrong, for a person."""
        return (
            f"columns.{self.column} is declared {self.declared}, but {table} has it as "
            f"{self.actual}, and a column keeps its type"
        )


def unfit_types(schema: pa.Schema, declared: Mapping[str, ColumnType]) -> tuple[UnfitType, ...]:
    """Those of the ``declared`` types (by dotted field) that a table of ``schema`` cannot take."""
    found = []
    for node in _nodes(Layout(schema).columns.values()):
        name = ".".join(node.path)
        wanted = declared.get(name)
        if wanted is None:
            continue
        kind = Kind(wanted.value)
        if kind is not node.kind and kind not in _TAKES.get(node.kind, ()):
            actual = str(node.type()) if node.kind is Kind.OTHER else node.kind.value
            found.append(UnfitType(name, wanted.value, actual))
    return tuple(found)


def _nodes(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _nodes(node.children.values())
