"""Which rule files a project has, and what they inherit."""

from __future__ import annotations

import threading
from pathlib import Path

from madang.core.datadir import DataDir
from madang.operate.expressions import is_promql
from madang.project import ProjectPublisher, ProjectWatch, check_directory

RULES = "groups:\n- name: g\n  rules:\n  - record: a:b\n    expr: {}\n"


def project(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path = path.with_suffix(".yml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_files_of_the_project_and_of_a_prometheus_yml(tmp_path: Path) -> None:
    files = {
        "madang": "metrics: {rules: {evaluation_interval: 15s, query_offset: 5s}}\n",
        "rules__a": RULES.format("up"),
        "sources__s": "kind: scrape\nconfig: prom/prometheus.yml\n",
        "prom__prometheus": "global: {evaluation_interval: 30s}\n"
        "rule_files: [rules/*.yml, ../rules/a.yml, gone.yml]\n",
        "prom__rules__b": RULES.format("up").replace("  rules", "  query_offset: 1s\n  rules"),
    }
    result = check_directory(project(tmp_path, **files), is_promql=is_promql)
    found = result.checked().rules
    assert list(found) == ["rules/a.yml", str(tmp_path / "prom/rules/b.yml")]
    assert [(one.groups[0].interval, one.groups[0].query_offset) for one in found.values()] == [
        (15.0, 5.0),
        (30.0, 1.0),
    ]
    (warning,) = result.problems
    assert str(warning).startswith("prom/prometheus.yml: warning: rule_files: there is no ")
    assert str(tmp_path / "prom/rules") in result.schema_files


def test_a_star_stands_in_the_last_part_alone(tmp_path: Path) -> None:
    source = "kind: scrape\nrule_files: ['a/*/b.yml']\n"
    (problem,) = check_directory(project(tmp_path, sources__s=source)).errors
    assert "a * before the last part" in problem.message
    assert problem.where.line == 2


def test_a_broken_change_keeps_the_last_good_rules(tmp_path: Path) -> None:
    directory = project(tmp_path / "p", rules__a=RULES.format("up"))
    publisher = ProjectPublisher(directory, DataDir(tmp_path / "d"), is_promql=is_promql)
    assert publisher.publish().errors == ()
    project(directory, rules__a=RULES.format("sum("))
    result = publisher.publish()
    assert [one.where.name for one in result.errors] == ["rules/a.yml"]
    assert result.project is not None
    assert result.project.rules["rules/a.yml"].groups[0].rules[0].expr == "up"


def test_a_new_file_of_a_glob_is_noticed(tmp_path: Path) -> None:
    config = "rule_files: [more/*.yml]\n"
    directory = project(
        tmp_path / "p", sources__s="kind: scrape\nconfig: prometheus.yml\n", prometheus=config
    )
    (directory / "more").mkdir()
    publisher = ProjectPublisher(directory, DataDir(tmp_path / "d"), is_promql=is_promql)
    stop, seen = threading.Event(), []

    def published(result: object) -> None:
        rules = result.project.rules  # type: ignore[attr-defined]
        seen.append(len(rules))
        if rules:
            stop.set()
        else:
            project(directory, more__x=RULES.format("up"))

    ProjectWatch(publisher, look_interval_s=0.1, settle_s=0.05).run(stop, published)
    assert seen[-1] == 1


def test_experimental_functions_follow_the_switch(tmp_path: Path) -> None:
    files = {"rules__a": RULES.format("sort_by_label(up)")}
    assert check_directory(project(tmp_path, **files), is_promql=is_promql).errors
    files["madang"] = "metrics: {query: {experimental: true}}\n"
    assert not check_directory(project(tmp_path, **files), is_promql=is_promql).errors


def test_an_unknown_key_does_not_hide_what_is_no_promql(tmp_path: Path) -> None:
    rules = (
        "groups:\n"
        "- name: g\n"
        "  evry: 10s\n"
        "  rules:\n"
        "  - {record: a, expr: sum(up}\n"
        "  - {record: b, expr: up, exprs: 1}\n"
        "  - nonsense\n"
        "  - {record: c, expr: [up]}\n"
        "  - {record: d, expr: rate(up)}\n"
        "- 3\n"
    )
    result = check_directory(project(tmp_path, **{"rules/a.yml": rules}), is_promql=is_promql)
    assert result.project is None
    lines = [one.where.line for one in result.errors]
    assert lines == sorted(lines)
    assert {3, 5, 6, 7, 8, 9, 10} <= set(lines)
    said = [one.message for one in result.errors if "is not PromQL" in one.message]
    assert [one.split("'")[1] for one in said] == ["a", "d"]
