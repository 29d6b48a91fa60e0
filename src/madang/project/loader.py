"""A project directory → one checked :class:`Project`, or every problem at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from madang.core.errors import Place
from madang.core.names import DEFAULT_NAMESPACE, is_name, is_own, near_match
from madang.project import checks
from madang.project.changes import check_changes
from madang.project.document import Document, read_document
from madang.project.files import ProjectFiles, read_files, reason
from madang.project.platform_spec import PlatformSpec
from madang.project.problem import Problem, ProjectError
from madang.project.project import Project
from madang.project.prometheus_yml import complete, read_go_document, set_aside, with_folder
from madang.project.rule_checks import ExpressionCheck
from madang.project.rule_files import load_rules
from madang.project.scrape_spec import ScrapeSourceSpec
from madang.project.secret_files import missing_files
from madang.project.source_spec import FilesSourceSpec, HostSourceSpec, SourceSpec
from madang.project.stream_spec import ContractSpec, StreamSpec
from madang.project.system import system_sources, system_streams
from madang.project.table_spec import TableSpec
from madang.project.validate import build

SOURCE_KINDS = ("files", "host", "scrape")

S = TypeVar("S", StreamSpec, FilesSourceSpec, HostSourceSpec, ScrapeSourceSpec, TableSpec)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What came of reading a project: ``project`` is None if any problem is an error."""

    project: Project | None
    problems: tuple[Problem, ...]
    schema_files: tuple[str, ...] = ()
    """Absolute paths of the files that contracts name."""
    streams: Mapping[str, StreamSpec] = field(default_factory=dict)
    """The streams whose own files are in order, also where others are not."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep the project from being used."""
        return tuple(one for one in self.problems if one.severity == "error")

    def checked(self) -> Project:
        """The project.

        Raises:
            ProjectError: it has errors; all problems are in it.
        """
        if self.project is None:
            warnings = [one for one in self.problems if one.severity == "warning"]
            raise ProjectError(problems=[*self.errors, *warnings])
        return self.project


def load_project(directory: Path | str) -> Project:
    """Read and check the project in ``directory``; Madang's own streams and sources are added.

    ``${data}`` in source paths stays as written; contract schemas are read in.

    Raises:
        ProjectError: with every problem, each with its place.
    """
    return check_directory(directory).checked()


def check_directory(
    directory: Path | str,
    before: Project | None = None,
    *,
    is_promql: ExpressionCheck | None = None,
) -> LoadResult:
    """Read and check the project in ``directory``; warnings come even if it is good.

    ``before``: the state that runs now, whose streams' logs the new one must be able to follow.
    ``is_promql``: looks at the expressions of rules; None leaves them as they are.
    """
    path = Path(directory).absolute()
    files = read_files(path)
    if not files.contents and not files.problems:
        hint = "`madang init DIR` writes a first one"
        what = "no project: neither madang.yml nor streams, sources or tables"
        problem = Problem(what, Place("madang.yml"), hint)
        return LoadResult(None, (problem,))
    return check_files(files, before, is_promql=is_promql)


def check_files(
    files: ProjectFiles,
    before: Project | None = None,
    *,
    is_promql: ExpressionCheck | None = None,
) -> LoadResult:
    """Check files that were read already. Pure, but for the files that they name."""
    result = _Loader(files, is_promql).run()
    if before is None or result.project is None:
        return result
    refused = [
        _in_file(files, name, finding) for name, finding in check_changes(before, result.project)
    ]
    if not refused:
        return result
    problems = tuple(sorted([*result.problems, *refused], key=lambda one: one.sort_key))
    faulty = {one.where.name for one in problems if one.severity == "error"}
    return LoadResult(None, problems, result.schema_files, _sound(files, result.streams, faulty))


def _sound(
    files: ProjectFiles, streams: Mapping[str, StreamSpec], faulty: set[str]
) -> dict[str, StreamSpec]:
    named = files.of("streams")
    return {name: spec for name, spec in streams.items() if named.get(name) not in faulty}


def _in_file(files: ProjectFiles, stream: str, finding: checks.Finding) -> Problem:
    file = files.of("streams")[stream]
    at = read_document(file, files.contents[file]).at_value(finding.path)
    return Problem(finding.message, at, finding.hint)


class _Loader:
    def __init__(self, files: ProjectFiles, is_promql: ExpressionCheck | None) -> None:
        self.files = files
        self.is_promql = is_promql
        self.problems = list(files.problems)

    def run(self) -> LoadResult:
        platform = self._platform()
        streams = self._streams()
        sources = self._sources(streams)
        tables = self._tables(streams)
        self._check_tables_filled_once(streams)
        settings = (platform or PlatformSpec()).metrics
        rules = load_rules(self.files, settings, sources, self.is_promql)
        self.problems += rules.problems
        problems = tuple(sorted(self.problems, key=lambda one: one.sort_key))
        faulty = {one.where.name for one in problems if one.severity == "error"}
        good = {name: spec for name, (_, spec) in streams.items() if spec}
        good = _sound(self.files, good, faulty)
        if faulty:
            return LoadResult(None, problems, self._schema_files(), good)
        project = Project(
            directory=str(self.files.directory),
            platform=platform or PlatformSpec(),
            streams=good | system_streams(),
            sources=sources | system_sources(),
            tables=tables,
            rules=rules.by_path,
            version=self.files.version(),
        )
        return LoadResult(project, problems, self._schema_files(), good)

    def _schema_files(self) -> tuple[str, ...]:
        return tuple(str(self.files.directory / file) for file in sorted(self.files.schemas))

    def _platform(self) -> PlatformSpec | None:
        found = self.files.of("")
        if "madang" not in found:
            return None
        document = self._document(found["madang"])
        spec = build(PlatformSpec, document) if document.root else None
        if spec is not None:
            at = ("metrics", "remote_write")
            self._note(document, checks.check_senders(spec.metrics.remote_write, at))
            folder = self.files.directory
            self._note(document, missing_files(spec.metrics, self.files, folder, at[:1]))
            metrics = with_folder(spec.metrics, folder)
            spec = spec.model_copy(update={"metrics": metrics})
        if spec:
            self._note(document, checks.check_server(spec.server))
        self.problems += document.problems
        return spec

    def _streams(self) -> dict[str, tuple[Document, StreamSpec | None]]:
        found: dict[str, tuple[Document, StreamSpec | None]] = {}
        for name, file in self.files.of("streams").items():
            document = self._document(file)
            spec = self._build(StreamSpec, document, name)
            if spec:
                spec = self._with_schema(spec, document)
                self._note(document, checks.check_stream(spec))
            self.problems += document.problems
            found[name] = (document, spec)
        return found

    def _with_schema(self, spec: StreamSpec, document: Document) -> StreamSpec:
        if spec.contract is None or isinstance(spec.contract.json_schema, dict):
            return spec
        file, path = spec.contract.json_schema, ("contract", "schema")
        schema: dict[str, Any] = {}
        try:
            schema = _parse_schema(file, self.files.read_schema(file))
        except OSError as error:
            self._note(document, [checks.Finding(path, f"{file} cannot be read: {reason(error)}")])
        except ValueError as error:
            self._note(document, [checks.Finding(path, f"{file} is no JSON Schema: {error}")])
        return spec.model_copy(update={"contract": ContractSpec(schema=schema)})

    def _sources(
        self, streams: dict[str, tuple[Document, StreamSpec | None]]
    ) -> dict[str, SourceSpec]:
        found: dict[str, SourceSpec] = {}
        own = system_streams()
        for name, file in self.files.of("sources").items():
            document = self._document(file)
            kind = self._source_kind(document)
            if kind == "scrape":
                document = read_go_document(file, self.files.contents[file])
            spec = self._source(document, name, kind)
            if spec:
                known = {stream: one for stream, (_, one) in streams.items()}
                self._note(document, checks.check_source(spec, known, own))
                found[name] = spec
            self.problems += document.problems
        return found

    def _source(self, document: Document, name: str, kind: str | None) -> SourceSpec | None:
        if kind == "scrape":
            return self._scrape(document, name)
        if kind == "files":
            return self._build(FilesSourceSpec, document, name)
        return self._build(HostSourceSpec, document, name) if kind == "host" else None

    def _scrape(self, document: Document, name: str) -> ScrapeSourceSpec | None:
        set_aside(document)
        spec = self._build(ScrapeSourceSpec, document, name)
        if spec is None:
            return None
        completed, problems = complete(spec, document, self.files)
        self.problems += problems
        return completed

    def _source_kind(self, document: Document) -> str | None:
        if document.problems and not document.root:
            return None
        kind = document.root.get("kind")
        if isinstance(kind, str) and kind in SOURCE_KINDS:
            return kind
        one_of = f"one of: {', '.join(SOURCE_KINDS)}"
        if "kind" not in document.root:
            finding = checks.Finding((), "key 'kind' is missing", one_of)
        else:
            near = near_match(str(kind), SOURCE_KINDS)
            hint = f"did you mean {near!r}? {one_of}" if near else one_of
            finding = checks.Finding(("kind",), f"kind: {kind!r} is not known", hint)
        self._note(document, [finding])
        return None

    def _tables(
        self, streams: dict[str, tuple[Document, StreamSpec | None]]
    ) -> dict[str, TableSpec]:
        filled = {spec.table: name for name, (_, spec) in streams.items() if spec and spec.table}
        doubtful = any(spec is None for _, spec in streams.values())
        found: dict[str, TableSpec] = {}
        for stem, file in self.files.of("tables").items():
            name = stem if "." in stem else f"{DEFAULT_NAMESPACE}.{stem}"
            document = self._document(file)
            spec = self._build(TableSpec, document, name)
            if spec and not is_own(name):
                self._note(document, checks.check_table(spec, filled, doubtful=doubtful))
                found[name] = spec
            self.problems += document.problems
        return found

    def _check_tables_filled_once(
        self, streams: dict[str, tuple[Document, StreamSpec | None]]
    ) -> None:
        filled: dict[str, str] = {}
        for document, spec in streams.values():
            table = spec.table if spec else None
            if table is None:
                continue
            if table in filled:
                self.problems.append(
                    Problem(
                        f"the table {table!r} is filled by {filled[table]} already",
                        document.at_value(("deliver", "table")),
                        "one stream fills a table; name another in deliver.table",
                    )
                )
            filled.setdefault(table, document.file)

    def _document(self, file: str) -> Document:
        return read_document(file, self.files.contents[file])

    def _build(self, model: type[S], document: Document, name: str) -> S | None:
        if document.problems and not document.root:
            return None  # it could not be read; ``{}`` is a mapping like any other
        written = document.root.get("name")
        if written not in (None, "", name) and isinstance(written, str):
            short = name.removeprefix(f"{DEFAULT_NAMESPACE}.")
            if written != short:
                finding = checks.Finding(
                    ("name",),
                    f"name: {written!r} is not the file's name",
                    f"rename the file, or remove the key; it is {short!r}",
                )
                self._note(document, [finding])
        before = len(document.problems)
        spec = build(model, document)
        if spec is None or (len(document.problems) > before):
            return None
        # Not checked again: the file's name was, and a broken one is a problem already.
        return spec.model_copy(update={"name": name if _plain(name) else "unnamed"})

    def _note(self, document: Document, findings: Iterable[checks.Finding]) -> None:
        for one in findings:
            document.problems.append(
                Problem(one.message, document.at_value(one.path), one.hint, one.severity)
            )


def _plain(name: str) -> bool:
    return all(is_name(part) for part in name.split("."))


def _parse_schema(file: str, data: bytes) -> dict[str, Any]:
    if file.endswith((".yml", ".yaml")):
        document = read_document(file, data)
        if document.problems:
            raise ValueError(str(document.problems[0]))
        return dict(document.root)
    parse: Callable[[bytes], object] = json.loads
    try:
        value = parse(data)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one kind of error for the caller
    return value
