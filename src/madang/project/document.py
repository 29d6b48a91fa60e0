"""YAML text → plain values that remember where they stand.

PyYAML's C parser reads; what is kept of YAML is its plain core: mappings with text keys, lists,
text, numbers, ``true``/``false``, ``null``, anchors. Left out on purpose, since each has bitten
somebody: tags (code execution), merge keys, ``yes``/``no``/``on``/``off`` as booleans, ``12:30`` as
a number, dates.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from madang.core.errors import Place
from madang.project.problem import Problem

Path = tuple[str | int, ...]

MAX_DEPTH = 40
MAX_VALUES = 20_000
"""Values of one file after its aliases are written out: bounds a "billion laughs" file."""

_INT = re.compile(r"[-+]?[0-9]{1,19}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
# What YAML 1.1 resolves by itself; an author's own tag is anything else.
_PLAIN_TAGS = {
    f"tag:yaml.org,2002:{kind}"
    for kind in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value", "map", "seq")
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What of YAML is read.

    ``typed``: plain scalars become numbers and booleans; else they stay text as it is written, for
    specs that know of each key what it is. ``merges``: merge keys (``<<``) are read.
    """

    typed: bool = True
    merges: bool = False
    most_values: int = MAX_VALUES


PLAIN = Dialect()


@dataclass(slots=True)
class Document:
    """The values of one file, and the line and column of every key and value.

    ``root`` is a mapping; a file that holds none has problems instead.
    """

    file: str
    root: dict[str, object] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    refused: set[Path] = field(default_factory=set)
    """Values that were replaced by null, their problem noted."""
    _keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    _values: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def at_value(self, path: Path) -> Place:
        """Where the value at ``path`` begins, or the nearest that is written."""
        return self._nearest(self._values, path)

    def at_key(self, path: Path) -> Place:
        """Where the key at ``path`` begins, or the nearest value that is written."""
        return self._nearest(self._keys, path) if path in self._keys else self.at_value(path)

    def _nearest(self, places: dict[Path, tuple[int, int]], path: Path) -> Place:
        for length in range(len(path), -1, -1):
            if path[:length] in places:
                line, column = places[path[:length]]
                return Place(self.file, line, column)
        return Place(self.file, 1, 1)

    def path_of(self, place: Place) -> Path:
        """What stands at ``place``: the deepest key or value that begins there, else the root."""
        at = (place.line, place.column)
        found = [
            path for marks in (self._values, self._keys) for path in marks if marks[path] == at
        ]
        return max(found, key=len, default=())

    def problem(self, message: str, line: int, column: int, hint: str | None = None) -> None:
        """Note an error of the file."""
        self.problems.append(Problem(message, Place(self.file, line, column), hint))


def read_document(file: str, data: bytes, dialect: Dialect = PLAIN) -> Document:
    """Read the YAML file ``file`` (its path in the project) from its bytes; never raises."""
    document = Document(file)
    text = _decode(document, data)
    if text is None:
        return document
    try:
        if _is_sound(document, text):
            node = yaml.compose(text, Loader=yaml.CSafeLoader)
            _Builder(document, dialect).root(node)
    except yaml.MarkedYAMLError as error:
        _syntax_problem(document, text, error)
    except yaml.YAMLError as error:
        document.problem(f"not YAML: {str(error).splitlines()[0]}", 1, 1)
    return document


def _decode(document: Document, data: bytes) -> str | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = error.start - (before.rfind(b"\n") + 1)
        document.problem(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            before.count(b"\n") + 1,
            len(before[len(before) - column :].decode("utf-8", "replace")) + 1,
            "save the file as UTF-8",
        )
        return None
    found = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        document.problem(
            f"control character 0x{ord(found[0]):02x}", line, column, "remove it; is this text?"
        )
        return None
    return text


def _is_sound(document: Document, text: str) -> bool:
    # The parser's events come from a stack of its own; composing recurses, so depth comes first.
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        line, column = _mark(event)
        if depth > MAX_DEPTH:
            document.problem(f"nested more than {MAX_DEPTH} levels deep", line, column)
            return False
        if documents > 1:
            document.problem(
                "a second document begins here", line, column, "one file holds one; remove ---"
            )
            return False
    return True


def _syntax_problem(document: Document, text: str, error: yaml.MarkedYAMLError) -> None:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = text.splitlines()
    shown = lines[line - 1] if line <= len(lines) else ""
    hint = None
    if "\t" in shown[: len(shown) - len(shown.lstrip())]:
        document.problem("a tab indents this line", line, 1, "YAML wants spaces")
        return
    if "mapping values are not allowed" in str(error.problem):
        hint = "quote a text that holds ': ', and check the indentation"
    elif "found character" in str(error.problem):
        hint = "quote the text"
    elif "expected" in str(error.problem):
        hint = "check quotes, brackets and indentation from here upwards"
    context = f"{error.context}: " if error.context and "block" in error.context else ""
    document.problem(f"not YAML: {context}{error.problem}", line, column, hint)


class _Builder:
    def __init__(self, document: Document, dialect: Dialect) -> None:
        self.document, self.dialect = document, dialect
        self.count = 0
        self.bomb = self.looped = False

    def root(self, node: Node | None) -> None:
        document = self.document
        if node is None or (isinstance(node, ScalarNode) and _scalar(node) is None):
            document.problem("the file is empty", 1, 1, "write at least one key, or remove it")
        elif not isinstance(node, MappingNode):
            what = "a list" if isinstance(node, SequenceNode) else "text"
            line, column = _mark(node)
            document.problem(
                f"expected `key: value` lines, got {what}", line, column, "each line is key: value"
            )
        else:
            value = self.value(node, ())
            if self.looped:
                return
            if self.bomb:
                document.problem(
                    f"more than {self.dialect.most_values:,} values once the aliases are written "
                    "out",
                    1,
                    1,
                )
            elif isinstance(value, dict):
                document.root = value

    def value(self, node: Node, path: Path) -> object:
        self.count += 1
        if len(path) > MAX_DEPTH and not self.bomb:
            self.document.problem("an alias contains itself", *_mark(node), "write it out")
            self.bomb = self.looped = True
        if self.count > self.dialect.most_values or self.bomb:
            self.bomb = True
            return None
        self.document._values[path] = _mark(node)
        if node.tag not in _PLAIN_TAGS:
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            self.document.problem(f"tag {tag} is not allowed", *_mark(node), "write a plain value")
            self.document.refused.add(path)
            return None
        if isinstance(node, MappingNode):
            return self.mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return _scalar(node, typed=self.dialect.typed)

    def mapping(self, node: MappingNode, path: Path) -> dict[str, object]:
        result: dict[str, object] = {}
        for key_node, value_node in self.pairs(node):
            if self.bomb:
                break
            line, column = _mark(key_node)
            if not isinstance(key_node, ScalarNode):
                self.document.problem("a key must be text", line, column)
                continue
            key = key_node.value
            if key == "<<" and not key_node.style:
                self.document.problem(
                    "merge keys (<<) are not read", line, column, "write the keys out"
                )
                continue
            at = (*path, key)
            if key in result:
                first = self.document._keys[at][0]
                self.document.problem(
                    f"key {key!r} stands twice", line, column, f"first in line {first}"
                )
                continue
            self.document._keys[at] = (line, column)
            result[key] = self.value(value_node, at)
        return result

    def pairs(self, node: MappingNode, depth: int = 0) -> Iterator[tuple[Node, Node]]:
        """Keys and values, those that merge keys bring behind the mapping's own."""
        if not self.dialect.merges:
            yield from node.value
            return
        if depth > MAX_DEPTH:
            self.document.problem("a mapping is merged into itself", *_mark(node), "write it out")
            self.bomb = self.looped = True
            return
        own: list[Node] = []
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value == "<<" and not key.style:
                own += value.value if isinstance(value, SequenceNode) else [value]
                continue
            if isinstance(key, ScalarNode):
                seen.add(key.value)
            yield key, value
        for merged in own:
            if not isinstance(merged, MappingNode):
                self.document.problem("<< merges mappings alone", *_mark(merged))
                continue
            for key, value in self.pairs(merged, depth + 1):
                if not isinstance(key, ScalarNode) or key.value not in seen:
                    seen.add(getattr(key, "value", ""))
                    yield key, value


def _mark(at: Node | yaml.Event) -> tuple[int, int]:
    mark = at.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _scalar(node: Node, *, typed: bool = True) -> object:
    text = str(node.value)
    if getattr(node, "style", None):  # quoted or block: text, whatever it looks like
        return text
    if text in _WORDS and (typed or _WORDS[text] is None):
        return _WORDS[text]
    if not typed:
        return text
    if _INT.fullmatch(text):
        return int(text)
    number = float(text) if _FLOAT.fullmatch(text) else math.nan
    return number if math.isfinite(number) else text
