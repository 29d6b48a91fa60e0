"""Samples in SQL right after the first start: tables, their join, and the function."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from madang.testing.running_platform import RunningPlatform, write_project

HOST = {"madang.yml": "query: {workers: 1}\n", "sources/host.yml": "kind: host\ninterval: 1s\n"}
JOINED = (
    "SELECT r.labels['mode'] AS mode, max(s.value) FROM metrics.samples s"
    " JOIN metrics.series r USING (series) WHERE s.name = 'node_cpu_seconds_total' GROUP BY 1"
)
CALLED = (
    "SELECT labels['mode'] AS mode, max(value) FROM metrics($selector, INTERVAL 5 MINUTES)"
    " GROUP BY 1 ORDER BY 1"
)
CPU = {"selector": 'node_cpu_seconds_total{cpu="0"}'}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    root: Path = tmp_path_factory.mktemp("samples")
    project = write_project(root / "project", HOST)
    with RunningPlatform(project, root / "data") as running:
        yield running


def test_everything_is_there_before_the_first_commit(platform: RunningPlatform) -> None:
    platform.wait_for(lambda: bool(platform.sql(CALLED, **CPU)))
    modes = {str(mode) for mode, _ in platform.sql(CALLED, **CPU)}
    assert {"idle", "user", "system"} <= modes
    assert {str(mode) for mode, _ in platform.sql(JOINED)} == modes
    columns = [row[0] for row in platform.sql("DESCRIBE metrics.series")]
    assert columns == ["name", "series", "_time", "last_seen", "labels"]
    catalog = platform.client.get("/api/catalog").json()
    tables = {table["name"]: table["columns"] for table in catalog["tables"]}
    assert [column["name"] for column in tables["metrics.series"]] == columns
    assert "metrics" in catalog["functions"]


def test_the_function_agrees_with_promql(platform: RunningPlatform) -> None:
    platform.wait_for(lambda: bool(platform.sql(CALLED, **CPU)))
    newest = platform.sql(
        "SELECT epoch(ts), value FROM metrics('node_boot_time_seconds') ORDER BY 1 LIMIT 1"
    )
    answer = platform.client.get(
        "/prometheus/api/v1/query",
        params={"query": "node_boot_time_seconds", "time": newest[0][0]},
    )
    assert float(answer.json()["data"]["result"][0]["value"][1]) == newest[0][1]


def test_the_query_of_the_page_about_samples(platform: RunningPlatform) -> None:
    page = (Path(__file__).parents[2] / "docs" / "samples.md").read_text("utf-8")
    sql = page.split("```sql\n")[2].split("```")[0]
    platform.wait_for(lambda: bool(platform.sql(sql)))
    assert {row[1] for row in platform.sql(sql)} <= {"system", "user"}


def test_an_error_says_where(platform: RunningPlatform) -> None:
    answer = platform.client.post("/api/sql", json={"sql": "SELECT 1 FROM\n metrics('up{')"})
    assert answer.status_code == 400
    said = answer.json()
    error = said.get("error", said)
    assert "is not PromQL" in error["message"]
    assert (error["where"]["line"], error["where"]["column"]) == (2, 10)
