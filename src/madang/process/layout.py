"""The columns of a table as a tree that grows: what each holds and which names are free."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

import pyarrow as pa

from madang.lake.decoder import OFFSET_COLUMN, PARTITION_COLUMN, REST_COLUMN, TIME_COLUMN
from madang.project import ColumnType

RESERVED = (TIME_COLUMN, PARTITION_COLUMN, OFFSET_COLUMN, REST_COLUMN)
MAX_LEAVES = 1000
"""Leaf columns of a table; further fields go to ``_rest``."""
MAX_DEPTH = 3
"""Objects nested up to here become structs; deeper ones become JSON text."""
MAX_NAME = 255
"""Characters of a field's name; a longer one goes to ``_rest``."""
JSON_MARK = {b"doc": b"JSON"}
"""Field metadata of a column of JSON text: Iceberg keeps it as the column's doc. Where somebody
describes the column, the lake writes ``JSON: <description>``."""

Path = tuple[str, ...]


class Kind(Enum):
    """What a column holds."""

    BOOLEAN = "boolean"
    LONG = "long"
    DOUBLE = "double"
    STRING = "string"
    JSON = "json"
    TIMESTAMP = "timestamp"
    DATE = "date"
    STRUCT = "struct"
    LIST = "list"
    OTHER = "other"


ARROW = {
    Kind.BOOLEAN: pa.bool_(),
    Kind.LONG: pa.int64(),
    Kind.DOUBLE: pa.float64(),
    Kind.STRING: pa.string(),
    Kind.JSON: pa.string(),
    Kind.TIMESTAMP: pa.timestamp("us", "UTC"),
    Kind.DATE: pa.date32(),
}
"""Arrow types of new columns."""


@dataclass(slots=True)
class Node:
    """A column or a field of a struct.

    ``element`` is the kind of a list's elements. ``arrow`` is the type that the table has already,
    None for a new column. ``declared``: the stream's spec names the type; text is read as it.
    """

    path: Path
    kind: Kind
    element: Kind | None = None
    arrow: pa.DataType | None = None
    declared: bool = False
    children: dict[str, Node] = field(default_factory=dict)

    def leaves(self) -> Iterator[Node]:
        """The columns below it that hold values."""
        if self.kind is not Kind.STRUCT:
            yield self
        for child in self.children.values():
            yield from child.leaves()

    def field(self) -> pa.Field:
        """The Arrow field."""
        metadata = JSON_MARK if self.kind is Kind.JSON else None
        return pa.field(self.path[-1], self.type(), metadata=metadata)

    def type(self) -> pa.DataType:
        """The Arrow type: the table's where it has one."""
        if self.kind is Kind.STRUCT:
            return pa.struct([child.field() for child in self.children.values()])
        if self.arrow is not None:
            return self.arrow
        if self.kind is Kind.LIST:
            assert self.element is not None
            return pa.list_(pa.field("element", ARROW[self.element]))
        return ARROW[self.kind]


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a layout has grown: columns added, names taken."""

    added: int
    taken: int


class Layout:
    """The data's columns in the table's order, new ones behind.

    Names are compared without case, because DuckDB and most SQL engines do: of ``id`` and ``ID``
    the first one has the column. ``a.b`` and the field ``b`` of ``a`` clash too, in Iceberg.
    """

    def __init__(
        self, schema: pa.Schema | None = None, declared: Mapping[str, ColumnType] | None = None
    ) -> None:
        self.columns: dict[str, Node] = {}
        self._declared = dict(declared or {})
        self._taken: dict[str, Path] = {}
        self._leaves = 0
        self._added: list[Node] = []
        for name in RESERVED:
            self._taken[name] = ()
        for arrow_field in schema or ():
            if arrow_field.name not in RESERVED:
                self._adopt((arrow_field.name,), arrow_field, self.columns)

    @property
    def leaves(self) -> int:
        """Number of leaf columns."""
        return self._leaves

    def find(self, path: Path) -> Node | None:
        """The node at ``path``, or None."""
        nodes, found = self.columns, None
        for name in path:
            found = nodes.get(name)
            if found is None:
                return None
            nodes = found.children
        return found

    def declared_kind(self, path: Path) -> Kind | None:
        """The kind that the stream's spec declares for ``path``, or None."""
        column = self._declared.get(".".join(path))
        return Kind(column.value) if column is not None else None

    def admits(self, path: Path) -> bool:
        """Whether ``path`` may become a column: a legal name that clashes with no other one."""
        name = path[-1]
        if not name or "\0" in name or len(name) > MAX_NAME:
            return False
        return self._taken.setdefault(".".join(path).casefold(), path) == path

    def add(self, node: Node) -> bool:
        """Put a new node into the tree, unless the table is full."""
        if node.kind is not Kind.STRUCT:
            if self._leaves >= MAX_LEAVES:
                return False
            self._leaves += 1
        siblings = self.columns
        for name in node.path[:-1]:
            siblings = siblings[name].children
        siblings[node.path[-1]] = node
        self._added.append(node)
        return True

    def mark(self) -> Mark:
        """How far it has grown; see :meth:`restore`."""
        return Mark(len(self._added), len(self._taken))

    def grown(self, mark: Mark) -> bool:
        """Whether a column was added since."""
        return len(self._added) > mark.added

    def restore(self, mark: Mark) -> None:
        """Forget the columns that were added and the names that were taken since."""
        while len(self._added) > mark.added:
            node = self._added.pop()
            siblings = self._siblings(node.path)
            if siblings is not None:
                siblings.pop(node.path[-1], None)
            if node.kind is not Kind.STRUCT:
                self._leaves -= 1
        while len(self._taken) > mark.taken:
            self._taken.popitem()

    def _siblings(self, path: Path) -> dict[str, Node] | None:
        if len(path) == 1:
            return self.columns
        parent = self.find(path[:-1])
        return None if parent is None else parent.children

    def _adopt(self, path: Path, arrow_field: pa.Field, siblings: dict[str, Node]) -> None:
        kind, element = _kind(arrow_field)
        declared = self.declared_kind(path)
        if kind is Kind.STRING and declared is Kind.JSON:
            kind = Kind.JSON
        node = Node(path, kind, element, arrow_field.type, declared is not None)
        siblings[path[-1]] = node
        self._taken[".".join(path).casefold()] = path
        if kind is Kind.STRUCT:
            for child in arrow_field.type:
                self._adopt((*path, child.name), child, node.children)
        else:
            self._leaves += 1


def _kind(arrow_field: pa.Field) -> tuple[Kind, Kind | None]:
    data_type = arrow_field.type
    if pa.types.is_struct(data_type):
        return Kind.STRUCT, None
    if pa.types.is_list(data_type) or pa.types.is_large_list(data_type):
        element, _ = _kind(data_type.value_field)
        known = element in (Kind.BOOLEAN, Kind.LONG, Kind.DOUBLE, Kind.STRING)
        return (Kind.LIST, element) if known else (Kind.OTHER, None)
    metadata = arrow_field.metadata or {}
    if pa.types.is_string(data_type) or pa.types.is_large_string(data_type):
        doc = metadata.get(b"doc", b"")
        marked = doc == JSON_MARK[b"doc"] or doc.startswith(JSON_MARK[b"doc"] + b": ")
        return (Kind.JSON if marked else Kind.STRING), None
    for test, kind in (
        (pa.types.is_boolean, Kind.BOOLEAN),
        (pa.types.is_integer, Kind.LONG),
        (pa.types.is_floating, Kind.DOUBLE),
        (pa.types.is_timestamp, Kind.TIMESTAMP),
        (pa.types.is_date, Kind.DATE),
    ):
        if test(data_type):
            return kind, None
    return Kind.OTHER, None


def pointer(path: Path) -> str:
    """``path`` as a JSON pointer (RFC 6901), which DuckDB's JSON functions take."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)
