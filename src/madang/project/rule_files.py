"""The rule files of a project: those in ``rules/``, and those that a ``prometheus.yml`` names."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from madang.core.errors import Place
from madang.project.checks import Finding
from madang.project.document import Document, read_document
from madang.project.files import ProjectFiles, reason
from madang.project.metrics_spec import MetricsSpec
from madang.project.problem import Problem
from madang.project.prometheus_yml import GO_YAML, without_nothing
from madang.project.rule_checks import ExpressionCheck, check_expressions, check_rules
from madang.project.rule_spec import RuleFileSpec, as_go_reads
from madang.project.scrape_spec import ScrapeSourceSpec
from madang.project.source_spec import SourceSpec
from madang.project.validate import build

_NOTHING = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:[ \t]*(?:#[^\n]*)?\r?(?:\n|\Z))*(?:---[ \t]*\n?)?\Z")


@dataclass(slots=True)
class RuleFiles:
    """Rule files by the path that they are known under, and what is wrong with them."""

    by_path: dict[str, RuleFileSpec] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def load_rules(
    files: ProjectFiles,
    metrics: MetricsSpec,
    sources: Mapping[str, SourceSpec],
    is_promql: ExpressionCheck | None,
) -> RuleFiles:
    """Read and check every rule file.

    A file of ``rules/`` is known by its path in the project, another one by its absolute path, as
    Prometheus knows it: the offset of a group's evaluations comes from that path.
    """
    settings, check = metrics.rules, None
    if is_promql is not None:
        check = partial(_check, is_promql, metrics.query.experimental)
    found = RuleFiles()
    seen: set[Path] = set()
    for file in files.of("rules").values():
        seen.add((files.directory / file).resolve())
        spec = _read(file, files.contents[file], found.problems, check)
        if spec is not None:
            found.by_path[file] = _over(spec, settings.evaluation_interval, settings.query_offset)
    for source in sources.values():
        if isinstance(source, ScrapeSourceSpec):
            _load_named(files, source, seen, found, check)
    return found


def _check(is_promql: ExpressionCheck, experimental: bool, text: str) -> None:
    is_promql(text, experimental)


def _load_named(
    files: ProjectFiles,
    source: ScrapeSourceSpec,
    seen: set[Path],
    found: RuleFiles,
    is_promql: Callable[[str], object] | None,
) -> None:
    shown = source.config or f"sources/{source.name}.yml"
    for pattern in source.rule_files:
        paths = _matching(files, pattern)
        if not paths:
            text = f"rule_files: there is no {pattern}"
            found.problems.append(Problem(text, Place(shown), severity="warning"))
        for path in paths:
            if Path(path).resolve() in seen:
                continue
            seen.add(Path(path).resolve())
            try:
                data = files.read_config(path)
            except OSError as error:
                text = f"cannot be read: {reason(error)}"
                found.problems.append(Problem(text, Place(path)))
                continue
            spec = _read(path, data, found.problems, is_promql)
            if spec is not None:
                settings = source.global_
                found.by_path[path] = _over(
                    spec, settings.evaluation_interval, settings.rule_query_offset
                )


def _matching(files: ProjectFiles, pattern: str) -> list[str]:
    if "*" not in pattern and "?" not in pattern and "[" not in pattern:
        files.watch(pattern)
        return [pattern] if Path(pattern).exists() else []
    files.watch(str(Path(pattern).parent))  # its time changes as files come and go
    return sorted(glob.glob(pattern, include_hidden=True))  # noqa: PTH207 - takes absolute globs


def _read(
    file: str, data: bytes, problems: list[Problem], is_promql: Callable[[str], object] | None
) -> RuleFileSpec | None:
    if _NOTHING.match(data):
        return RuleFileSpec()
    document = read_document(file, data, GO_YAML)
    spec = _built(document)
    found: Iterable[Finding] = ()
    if spec is not None:
        found = check_rules(spec, is_promql)
    elif is_promql is not None:
        found = check_expressions(document.root, is_promql)
    for one in found:
        place = document.at_value(one.path)
        document.problems.append(Problem(one.message, place, one.hint, one.severity))
    problems += document.problems
    return spec


def _built(document: Document) -> RuleFileSpec | None:
    if document.problems and not document.root:
        return None
    as_go_reads(document.root)
    document.root = without_nothing(document.root)
    return build(RuleFileSpec, document)


def _over(spec: RuleFileSpec, interval_s: float, query_offset_s: float) -> RuleFileSpec:
    groups = tuple(group.over(interval_s, query_offset_s) for group in spec.groups)
    return spec.model_copy(update={"groups": groups})
