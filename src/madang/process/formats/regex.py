"""Records matched by a regular expression with named groups (RE2 syntax)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from madang.core.errors import InvalidInputError
from madang.process.engine import Engine, literal
from madang.process.formats.split import Split, TextColumn, column, matched
from madang.process.layout import Kind

_NAMED = re.compile(r"\(\?<(?=[A-Za-z_])")


class RegexSplitter:
    """Each named group is a column; a group that matches nothing or the empty text is null.

    The expression is searched for in the record; ``.`` matches line ends too.

    Args:
        pattern: RE2 syntax; ``(?<name>…)`` and ``(?P<name>…)`` both name a group.
        kinds: What named groups are known to be.
        what: What a record is called that does not match.

    Raises:
        InvalidInputError: the pattern cannot be read, or names no group.
    """

    def __init__(
        self,
        engine: Engine,
        pattern: str,
        *,
        kinds: Mapping[str, Kind] | None = None,
        what: str = "the pattern",
    ) -> None:
        self._engine = engine
        self._pattern = _NAMED.sub("(?P<", pattern)
        self._kinds = kinds or {}
        self._reason = f"does not match {what}"
        self._names = _group_names(self._pattern)
        try:
            engine.check(f"SELECT {self._extract()} AS p FROM (SELECT '' AS v)")
        except duckdb.Error as error:
            raise InvalidInputError(
                f"the pattern cannot be read: {str(error).splitlines()[0]}",
                hint="the syntax is RE2: no look-around, no back-references",
            ) from None

    def split(self, text: pa.Array, attributes: Mapping[str, str]) -> Split:
        """A column per named group."""
        del attributes
        wanted = [name for name in self._names if not name.startswith(" ")]
        fields = ", ".join(
            f"nullif(p.{_quoted(name)}, '') AS c{i}" for i, name in enumerate(wanted)
        )
        some = " OR ".join(f"p.{_quoted(name)} <> ''" for name in wanted)
        found = self._engine.query(
            # Only where all groups are empty is it open whether the record matched.
            f"SELECT CASE WHEN {some} THEN true"
            f" ELSE regexp_matches(v, {literal(self._pattern)}, 's') END AS m, {fields}"
            f" FROM (SELECT v, {self._extract()} AS p FROM t)",
            t=pa.table({"v": text}),
        )
        rows, dead = matched(column(found, "m"), self._reason)
        columns = []
        for i, name in enumerate(wanted):
            values = column(found, f"c{i}")
            if dead:
                values = values.take(pa.array(rows))
            columns.append(TextColumn(name, values, self._kinds.get(name)))
        return Split(rows, columns, dead)

    def _extract(self) -> str:
        names = ", ".join(literal(name) for name in self._names)
        return f"regexp_extract(v, {literal(self._pattern)}, [{names}], 's')"


def _group_names(pattern: str) -> list[str]:
    """Names of all groups in order; those without one get a name that begins with a space."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InvalidInputError(
            f"the pattern cannot be read: {error}", hint="check the brackets; the syntax is RE2"
        ) from None
    if not compiled.groupindex:
        raise InvalidInputError(
            "the pattern names no group", hint="write (?P<name>…) around what shall be a column"
        )
    named = {number: name for name, number in compiled.groupindex.items()}
    return [named.get(number, f" {number}") for number in range(1, compiled.groups + 1)]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def unescape_quotes(text: pa.Array) -> pa.Array:
    r"""``\"`` and ``\\`` as the characters that they stand for."""
    if not pc.any(pc.match_substring(text, "\\")).as_py():
        return text
    return pc.replace_substring_regex(text, r"\\([\"\\])", r"\1")
