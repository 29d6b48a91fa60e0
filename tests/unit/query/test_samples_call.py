"""``metrics('selector', start, end)``: a selector's samples as rows."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madang.core.errors import DeniedError, InvalidInputError, MadangError, NotFoundError
from madang.core.names import SAMPLES, SERIES
from madang.core.samples import STALE_NAN
from madang.metrics.matcher import Matcher, MatchKind
from madang.query import Identity, QueryRequest
from unit.metrics.pages import page
from unit.query.conftest import House
from unit.query.test_fresh_samples import Metrics

NOW_MS = int(time.time()) * 1000 - 600_000
PAGE = {("up", "a"): 1.0, ("up", "b"): 0.0, ("load", "b"): 2.5, ("load", ""): 7.0}
UP = [("a", 1.0), ("b", 0.0)]


@pytest.fixture
def metrics(house: House) -> Iterator[Metrics]:
    yield Metrics(house)


def put(metrics: Metrics, ts_ms: int, values: dict[tuple[str, str], float], **how: Any) -> None:
    metrics.stream.submit(page(ts_ms, values, **how), partition=0).result()


def found(house: House, call: str, **options: object) -> list[tuple[object, object]]:
    """Pod and value of the rows of a call."""
    sql = f"SELECT labels['pod'] AS pod, value FROM {call} ORDER BY ts, name, pod"
    return [(row["pod"], row["value"]) for row in house.rows(sql, **options)]


def test_rows_have_time_value_name_labels_and_series(metrics: Metrics) -> None:
    house = metrics.house
    assert house.rows("DESCRIBE FROM metrics('up')") == house.rows(
        "DESCRIBE SELECT now() AS ts, 1.5::DOUBLE AS value, 'a' AS name, MAP {'a': 'b'} AS labels,"
        " 1::BIGINT AS series"
    )
    put(metrics, NOW_MS, PAGE)
    (row,) = house.rows("""FROM metrics('up{pod="a"}')""")
    assert (row["value"], row["name"], row["labels"]) == (1.0, "up", [("pod", "a")])
    assert row["ts"].timestamp() * 1000 == NOW_MS  # type: ignore[attr-defined]
    series = f"SELECT series FROM {SERIES} WHERE name = 'up' AND labels['pod'] = 'a'"
    assert house.rows(series) == [{"series": row["series"]}]


def test_the_stream_and_the_table_are_read_as_one(metrics: Metrics) -> None:
    house = metrics.house
    assert found(house, "metrics('up')") == []
    put(metrics, NOW_MS, PAGE)
    assert found(house, "metrics('up')") == UP
    metrics.deliver()
    assert found(house, "metrics('up')") == UP
    put(metrics, NOW_MS + 1000, {("up", "a"): 0.5}, announce=False)
    put(metrics, NOW_MS + 2000, {("up", "c"): 3.0})
    assert found(house, "metrics('up')") == [*UP, ("a", 0.5), ("c", 3.0)]
    assert found(house, "metrics('up')", fresh=False) == UP


def test_times_are_moments_or_intervals_before_now(metrics: Metrics) -> None:
    house = metrics.house
    hour_ms = 3_600_000
    for ago in (3, 2, 1, 0):
        put(metrics, NOW_MS - ago * hour_ms, {("up", str(ago)): 1.0})
        metrics.deliver()

    def pods(arguments: str, **options: object) -> str:
        rows = found(house, f"metrics('up'{arguments})", **options)
        return "".join(str(pod) for pod, _ in rows)

    assert pods("") == "0"
    assert pods(", INTERVAL 2 HOURS") == "10"
    assert pods(", INTERVAL 140 MINUTES, INTERVAL 1 HOUR") == "21"
    assert pods(", now() - INTERVAL 4 HOURS, now() - INTERVAL 2 HOURS") == "32"
    assert pods(""", "end" => INTERVAL '1 hour'""") == "1"
    assert pods(", start := '2 hours'") == "10"
    exact = f"to_timestamp({(NOW_MS - hour_ms) / 1000})"
    assert pods(f", {exact}, {exact}") == "1"
    given = {"from": "2026-01-01T00:00:00Z", "to": "90 minutes"}
    assert pods(", $from, $to", params=given) == "32"
    assert pods(", ?", params=["5 hours"]) == "3210"


@pytest.mark.parametrize(
    ("selector", "values"),
    [
        ('{pod="b"}', [2.5, 0.0]),
        ('load{pod=""}', [7.0]),
        ('load{pod!=""}', [2.5]),
        ('load{pod!="b"}', [7.0]),
        ('load{pod!~"b|c"}', [7.0]),
        ('load{pod=~"|b"}', [2.5, 7.0]),
        ('{__name__=~"lo.*|x",pod=~"[^a]"}', [2.5]),
        ('{__name__!="up",pod=~".*",other="",pod="b"}', [2.5]),
        ('up{pod="a"} or up{pod="none"}', None),
        ('{pod="a" or pod="b"}', [2.5, 1.0, 0.0]),
        ("""up{pod="it's"}""", []),
        ('up{pod=~"b\\u0000?"}', [0.0]),
        ('up{pod="b\\u0000"}', []),
        ('{"up", pod="a"}', [1.0]),
    ],
)
def test_matchers_mean_what_they_mean_in_promql(
    metrics: Metrics, selector: str, values: list[float] | None
) -> None:
    put(metrics, NOW_MS, PAGE)
    if values is None:
        with pytest.raises(InvalidInputError, match="more than a selector"):
            found(metrics.house, "metrics($1)", params=[selector])
        return
    rows = found(metrics.house, "metrics($1)", params=[selector])
    assert [value for _, value in rows] == values


def test_markers_of_an_end_are_left_out_and_nans_are_not(metrics: Metrics) -> None:
    put(metrics, NOW_MS, {("up", "a"): STALE_NAN, ("up", "b"): float("nan")})
    for _ in range(2):
        assert [pod for pod, _ in found(metrics.house, "metrics('up')")] == ["b"]
        metrics.deliver()


def test_calls_stand_wherever_tables_do(metrics: Metrics) -> None:
    house = metrics.house
    put(metrics, NOW_MS, PAGE)
    join = (
        "SELECT a.value AS up, l.value AS load FROM metrics('up') a"
        " JOIN metrics($load, INTERVAL 1 HOUR) l USING (labels) WHERE a.ts >= $since"
    )
    params = {"load": "load", "since": "2026-01-01"}
    assert house.rows(join, params=params) == [{"up": 0.0, "load": 2.5}]
    query = (
        "WITH m AS (FROM metrics('up')) SELECT count(*) AS n,"
        f" (SELECT count(*) FROM {SAMPLES} WHERE name = 'load') AS of_table,"
        " (SELECT max(metrics.value) FROM METRICS ( /* why not */ 'load' )) AS most FROM m"
    )
    assert house.rows(query) == [{"n": 2, "of_table": 2, "most": 7.0}]
    twice = "FROM metrics(?) UNION ALL FROM metrics(?)"
    assert len(house.rows(twice, params=["up", "up"])) == 4
    assert len(house.rows("EXPLAIN FROM metrics('up')")) == 1
    assert house.finished[-1].stats.tables == [SAMPLES, SERIES]


@pytest.mark.parametrize(
    ("call", "message", "column"),
    [
        ("metrics()", "needs a selector", 6),
        ("metrics('up{')", "is not PromQL", 14),
        ("metrics('up[5m]')", "more than a selector", 14),
        ("metrics('rate(up[5m])')", "more than a selector", 14),
        ("metrics('up offset 5m')", "more than a selector", 14),
        ("metrics('{}')", "is not PromQL", 14),
        ("metrics('{a=~\"(\"}')", "is not PromQL", 14),
        ("metrics(7)", "is not a text", 14),
        ("metrics(NULL)", "is not a text", 14),
        ("metrics('up', 7)", "neither a time", 20),
        ("metrics('up', NULL)", "neither a time", 20),
        ("metrics('up', 'noon')", "neither a time", 20),
        ("metrics('up', now(), INTERVAL 1 HOUR)", "after its end", 20),
        ("metrics('up', a := 1)", "takes a selector", 25),
        ("metrics('up', selector := 'up')", "takes a selector", 32),
        ("metrics(start := now())", "needs a selector", 6),
        ("metrics('up', now(), now(), now())", "takes a selector", 34),
        ("metrics((SELECT 'up'))", "is a constant", None),
        ("metrics(repeat('u', 9))", "is a constant", 14),
        ("range(3) r(i), metrics(i)", "is a constant", 29),
        ("metrics('up') FOR SYSTEM_TIME AS OF now()", "no time travel", 20),
        ("metrics('up') AT (VERSION => 1)", "no time travel", 20),
    ],
)
def test_what_a_call_does_not_take(
    metrics: Metrics, call: str, message: str, column: int | None
) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(message)) as raised:
        metrics.house.rows(f"FROM {call}")
    where = raised.value.where
    assert where is not None and where.name == "sql"
    assert column is None or where.column == column, where


@pytest.mark.parametrize(
    "sql",
    [
        "FROM x.metrics('up')",
        "FROM metrics('up') WITH ORDINALITY",
        "SELECT metrics('up')",
        "FROM metrics.metrics('up')",
        """FROM memory."metrics()@0".samples, metrics('up')""",
        """FROM "metrics()@0".samples, metrics('up')""",
    ],
)
def test_there_is_no_other_way_in(metrics: Metrics, sql: str) -> None:
    with pytest.raises(MadangError) as raised:
        metrics.house.rows(sql)
    assert isinstance(raised.value, DeniedError | InvalidInputError | NotFoundError)


def test_whoever_may_not_read_samples_may_not_call(metrics: Metrics) -> None:
    request = QueryRequest(sql="FROM metrics('up')", identity=Identity("kim", scope="ingest"))
    with pytest.raises(DeniedError, match=SAMPLES), metrics.house.door.answer(request):
        pass


def test_the_function_is_completed(metrics: Metrics) -> None:
    assert "metrics" in metrics.house.door.complete(Identity("kim")).functions


PODS = ("", "a", "b", "ab", "가", "a\n", "'")
MATCHERS = st.builds(
    Matcher,
    st.sampled_from(["__name__", "pod", "none"]),
    st.sampled_from(list(MatchKind)),
    st.sampled_from(["", "a", "b", "up", "a|b", "|a", ".*", ".+", "a.?", "[^a]", "(?i)A|가", "'"]),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(MATCHERS, max_size=3))
def test_rows_are_those_that_the_matchers_accept(metrics: Metrics, matchers: list[Matcher]) -> None:
    every = {(name, pod): 1.0 for name in ("up", "load") for pod in PODS}
    if not found(metrics.house, "metrics('up')"):
        put(metrics, NOW_MS, every)
    # One that no series is left out by: a selector that accepts all empty values is refused.
    matchers = [Matcher("__name__", MatchKind.REGEX, ".+"), *matchers]
    selector = "{" + ",".join(map(str, matchers)) + "}"
    meant = [
        (name, pod)
        for name, pod in every
        if all(one.matches({"__name__": name, "pod": pod}.get(one.name, "")) for one in matchers)
    ]
    rows = metrics.house.rows(
        "SELECT name, coalesce(labels['pod'], '') AS pod FROM metrics(?)", params=[selector]
    )
    assert sorted((row["name"], row["pod"]) for row in rows) == sorted(meant)
