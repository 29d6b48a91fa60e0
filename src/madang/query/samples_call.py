"""``metrics('selector', start, end)``: the samples of a PromQL selector as rows.

A view over those of ``metrics.samples`` and ``metrics.series``, so that files, the stream, rights
and limits are those of the tables, and nothing is read that the statement does not take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from madang.core.errors import InvalidInputError, Place
from madang.core.samples import METRIC_NAME, STALE_NAN_BITS
from madang.metrics.matcher import Matcher, MatchKind
from madang.metrics.promql import BadQueryError, parse
from madang.metrics.promql.syntax import Selector, Shift
from madang.query.catalog_port import PinnedTable
from madang.query.rewrite import Rewritten, place
from madang.query.syntax import Node, Parser, first_position, params_of
from madang.query.table_calls import METRICS, TableCall
from madang.query.types import literal, quoted
from madang.query.views import TableView, catalog_path

_HOUR_US = 3_600_000_000
_TIMES = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "VARCHAR")
_STALE = f"'{STALE_NAN_BITS:064b}'::BIT"


@dataclass(frozen=True, slots=True)
class SamplesAsked:
    """What a call asks for; from ``start_us`` to ``end_us``, both inclusive (µs since 1970).

    ``groups`` are alternatives of matchers that hold all at once.
    """

    groups: tuple[tuple[Matcher, ...], ...]
    start_us: int
    end_us: int

    def narrow(self, table: PinnedTable) -> PinnedTable:
        """``table`` without the files that have no sample of that time."""
        kept = [
            number
            for number in range(len(table.files))
            if self._touches(*table.bounds(number, "_time"))
        ]
        return replace(
            table,
            files=tuple(table.files[number] for number in kept),
            bounds=lambda number, column: table.bounds(kept[number], column),
        )

    def _touches(self, first: int | None, last: int | None) -> bool:
        begins = first is None or first <= self.end_us
        return begins and (last is None or last >= self.start_us)

    def view(self, samples: TableView, series: TableView, schema: str) -> TableView:
        """The view that stands where the call was, over those of the two tables."""
        path = ".".join(quoted(part) for part in catalog_path(schema, METRICS))
        return TableView(
            schema,
            METRICS,
            f"CREATE VIEW {path} AS WITH meant AS (SELECT series, any_value(name) AS name,"
            f" any_value(labels) AS labels FROM {series.qualified}"
            f" WHERE {_any_of(self.groups)} GROUP BY series)"
            " SELECT s._time AS ts, s.value AS value, meant.name AS name,"
            " meant.labels AS labels, s.series AS series"
            f" FROM {samples.qualified} s JOIN meant ON s.series = meant.series"
            f" WHERE s._time >= make_timestamptz({self.start_us})"
            f" AND s._time <= make_timestamptz({self.end_us})"
            f" AND ({_any_of(_names(self.groups), 's.name')})"
            f" AND NOT (isnan(s.value) AND s.value::BIT = {_STALE})",
            (),
        )


def samples_asked(
    call: TableCall, parser: Parser, params: Mapping[str, Any], plain: Rewritten
) -> SamplesAsked:
    """What the arguments of a call mean.

    Raises:
        InvalidInputError: The selector is none, or a time is none; ``where`` is in the SQL.
    """
    groups = _selector(call.arguments["selector"], parser, params, plain)
    moments = {
        name: _moment(name, call.arguments[name], parser, params, plain)
        for name in ("start", "end")
        if name in call.arguments
    }
    end_us = moments.get("end")
    if end_us is None:
        end_us = int(parser.evaluate("epoch_us(now())", {}))
    start_us = moments.get("start", end_us - _HOUR_US)
    if start_us > end_us:
        raise InvalidInputError(
            "the start of metrics(…) is after its end",
            hint="metrics('<selector>', <start>, <end>)",
            where=_place(call.arguments.get("start", call.arguments["selector"]), plain),
        )
    return SamplesAsked(groups, start_us, end_us)


def _selector(
    node: Node, parser: Parser, params: Mapping[str, Any], plain: Rewritten
) -> tuple[tuple[Matcher, ...], ...]:
    where = _place(node, plain)
    values = {used: params[used] for used in params_of(node)}
    try:
        text = parser.evaluate(parser.text_of(node), values)
    except duckdb.Error as error:
        raise _no_value("selector", error, where) from None
    if not isinstance(text, str):
        raise InvalidInputError(
            "the selector of metrics(…) is not a text", hint="""'up{job="node"}'""", where=where
        )
    try:
        tree = parse(text)
    except BadQueryError as error:
        raise InvalidInputError(
            f"the selector {text!r} is not PromQL: {error.message}", hint=error.hint, where=where
        ) from None
    if not isinstance(tree, Selector) or tree.shift != Shift():
        raise InvalidInputError(
            f"{text!r} is more than a selector",
            hint="""metrics('up{job="node"}', start, end): times are arguments, and functions"""
            " are SQL's; PromQL's own are asked at /prometheus/api/v1/query",
            where=where,
        )
    return tree.groups


def _moment(
    name: str, node: Node, parser: Parser, params: Mapping[str, Any], plain: Rewritten
) -> int:
    """Microseconds since 1970; an interval counts back from now."""
    where = _place(node, plain)
    values = {used: params[used] for used in params_of(node)}
    text = f"({parser.text_of(node)})"
    try:
        kind = str(parser.evaluate(f"typeof({text})", values))
        if kind == "INTERVAL":
            found = parser.evaluate(f"epoch_us(now() - {text})", values)
        elif kind in _TIMES:
            found = parser.evaluate(
                f"coalesce(epoch_us(TRY_CAST({text} AS TIMESTAMPTZ)),"
                f" epoch_us(now() - TRY_CAST({text}::VARCHAR AS INTERVAL)))",
                values,
            )
        else:
            found = None
    except duckdb.Error as error:
        raise _no_value(name, error, where) from None
    if found is None:
        raise InvalidInputError(
            f"the {name} of metrics(…) is neither a time nor an interval",
            hint="TIMESTAMPTZ '2026-01-31 12:00:00Z', now() - INTERVAL 1 HOUR, or INTERVAL 1 HOUR"
            " for an hour ago",
            where=where,
        )
    return int(found)


def _no_value(name: str, error: duckdb.Error, where: Place) -> InvalidInputError:
    message = str(error).split("\n", 1)[0]
    return InvalidInputError(f"the {name} of metrics(…) has no value ({message})", where=where)


def _place(node: Node, plain: Rewritten) -> Place:
    position = first_position(node)
    return place(plain.original, None if position is None else plain.back(position))


def _names(groups: Sequence[Sequence[Matcher]]) -> list[list[Matcher]]:
    """Only the conditions on the metric's name, which row groups can be chosen by."""
    return [[matcher for matcher in group if matcher.name == METRIC_NAME] for group in groups]


def _any_of(groups: Sequence[Sequence[Matcher]], name: str = "name") -> str:
    alternatives = (
        " AND ".join(_condition(matcher, name) for matcher in group) or "true" for group in groups
    )
    return " OR ".join(f"({one})" for one in alternatives)


def _condition(matcher: Matcher, name: str) -> str:
    own = name if matcher.name == METRIC_NAME else f"labels[{literal(matcher.name)}]"
    value = f"coalesce({own}, '')"
    if matcher.among is not None:
        # A value that is not '' is none of a label that is not there.
        given = own if "" not in matcher.among else value
        return f"{given} IN ({', '.join(literal(text) for text in sorted(matcher.among))})"
    if matcher.kind is MatchKind.NOT_EQUAL:
        return f"{value} <> {literal(matcher.value)}"
    found = f"regexp_full_match({value}, {literal(matcher.value)}, 's')"
    return found if matcher.kind is MatchKind.REGEX else f"NOT {found}"
