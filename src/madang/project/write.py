"""Writing a stream's file: only what differs from the defaults, comments kept, checked before."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from madang.core.durable_files import replace_file
from madang.core.errors import ConflictError, InvalidInputError, Place
from madang.core.names import RULE, is_name
from madang.project.document import Document, read_document
from madang.project.files import ProjectFiles, read_files
from madang.project.join import refusals
from madang.project.loader import check_files
from madang.project.problem import Problem, ProjectError
from madang.project.project import Project
from madang.project.stream_spec import StreamSpec
from madang.project.types import Unit, unit_of
from madang.project.validate import build

_RESERVED = "system"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]..")
_BODY = "body"
"""Name of what was sent, in the places of errors."""


@dataclass(frozen=True, slots=True)
class WrittenStream:
    """A stream's file as it now is. ``created``: it is new. ``changed``: it was written.

    ``elsewhere``: errors of other files, which keep their last good state.
    """

    file: Path
    yaml: str
    created: bool
    changed: bool
    spec: StreamSpec
    elsewhere: tuple[Problem, ...] = ()


def stream_from_json(
    name: str, fields: Mapping[str, object], sent: bytes | None = None
) -> StreamSpec:
    """The spec of the stream ``name`` from a request's JSON, with the errors that YAML gets.

    ``sent`` is the text of ``fields``: errors then carry its lines, under the name ``body``.

    Raises:
        InvalidInputError: ``name`` cannot name a stream.
        ProjectError: every field that is wrong; ``where.name`` is the stream's file without
            ``sent``.
    """
    if not is_name(name) or name == _RESERVED:
        hint = "'system' is Madang's own" if name == _RESERVED else f"a name is {RULE}"
        raise InvalidInputError(f"{name!r} cannot name a stream", hint=hint)
    text = _sent_document(sent)
    document = text or Document(f"streams/{name}.yml")
    document.root = dict(fields)
    spec = build(StreamSpec, document)
    if spec is not None and spec.name not in ("", name):
        at = document.at_value(("name",))
        document.problem(f"name: {spec.name!r} is not {name!r}", at.line, at.column)
    if spec is None or document.problems:
        raise ProjectError(
            problems=document.problems
            if text
            else [_without_place(one) for one in document.problems]
        )
    return spec.model_copy(update={"name": name})


def _sent_document(sent: bytes | None) -> Document | None:
    """Where the keys and values of a request's JSON stand; None where they cannot be told."""
    if not sent:
        return None
    # JSON is YAML but for tabs, which it has only between values, and for halves of characters.
    text = _SURROGATE.sub(b"______", sent.replace(b"\t", b" "))
    document = read_document(_BODY, text)
    return None if document.problems else document


def _without_place(problem: Problem) -> Problem:
    # There is no text whose line 1 could be looked at.
    return Problem(problem.message, Place(problem.where.name), problem.hint, problem.severity)


def write_stream(
    directory: Path | str,
    spec: StreamSpec,
    *,
    before: Project | None = None,
    sent: bytes | None = None,
) -> WrittenStream:
    """Write ``streams/<name>.yml`` for ``spec``, atomically.

    In a file that exists, keys are changed in place: comments and the order of keys stay. A file
    that says the same already is left alone. The project as it would be is checked first; broken
    files elsewhere do not stand in the way. ``before`` is the state that runs now, if one does.

    Raises:
        InvalidInputError: the name cannot name a stream.
        ProjectError: the stream would break the project; nothing was written.
        ConflictError: the file is broken, or a symbolic link; nothing was written.
    """
    if not is_name(spec.name) or spec.name == _RESERVED:
        raise InvalidInputError(f"{spec.name!r} cannot name a stream", hint=f"a name is {RULE}")
    root = Path(directory).absolute()
    files = read_files(root)
    relative = files.of("streams").get(spec.name, f"streams/{spec.name}.yml")
    path, found = root / relative, files.contents.get(relative)
    wanted = written_fields(spec)
    if path.is_symlink() or path.parent.is_symlink():
        raise ConflictError(
            f"{relative} is a symbolic link", hint="change the file that it leads to"
        )
    if found is None and path.exists():
        raise ConflictError(f"{relative} exists and cannot be read", where=Place(relative))
    data = _new_text(root, wanted) if found is None else _changed_text(files, relative, wanted)
    elsewhere = _check(files, relative, data, spec, running=before, sent=_sent_document(sent))
    changed = data != found
    if changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data)
    return WrittenStream(path, data.decode(), found is None, changed, spec, elsewhere)


def written_fields(spec: BaseModel) -> dict[str, Any]:
    """What of ``spec`` differs from its defaults, as people write it (``64MiB``, ``7d``)."""
    written: dict[str, Any] = {}
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        if name == "name" or value == field.get_default(call_default_factory=True):
            continue
        if isinstance(value, BaseModel):
            value = written_fields(value)
        elif unit_of(field) is Unit.SIZE:
            value = size_text(value)
        elif unit_of(field) is Unit.DURATION:
            value = duration_text(value)
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, dict):
            value = {key: getattr(item, "value", item) for key, item in value.items()}
        written[field.alias or name] = getattr(value, "value", value)
    return written


def size_text(size: int) -> str | int:
    """A size as people write it, exact."""
    for unit, factor in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return size


def duration_text(seconds: float) -> str | float:
    """A duration as people write it, exact."""
    if seconds and seconds == int(seconds):
        for unit, factor in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
            if seconds % factor == 0:
                return f"{int(seconds) // factor}{unit}"
    if seconds and seconds * 1000 == int(seconds * 1000):
        return f"{int(seconds * 1000)}ms"
    return seconds


def _new_text(root: Path, wanted: dict[str, Any]) -> bytes:
    # A file without a key is taken for half-written; the format says most about a stream.
    fields = {"format": "json", **wanted}
    lines = ""
    if (root / ".madang" / "schema" / "stream.json").is_file():
        lines = schema_line("stream") + "\n"
    return lines.encode() + _dump(_round_trip(), fields)


def schema_line(kind: str) -> str:
    """The comment by which editors find the JSON Schema of a file in a folder of the project."""
    return f"# yaml-language-server: $schema=../.madang/schema/{kind}.json"


def _changed_text(files: ProjectFiles, relative: str, wanted: dict[str, Any]) -> bytes:
    before = files.contents[relative]
    document = read_document(relative, before)
    try:
        current = written_fields(StreamSpec.model_validate(document.root))
        if document.problems:
            raise ConflictError(
                f"{relative} is broken: {document.problems[0].message}",
                hint="mend it first; `madang check` says how",
                where=document.problems[0].where,
            )
    except ValidationError:
        raise ConflictError(
            f"{relative} is broken", hint="mend it first; `madang check` says how"
        ) from None
    named = current.get("contract", {}).get("schema")
    if isinstance(named, str) and "contract" in wanted:
        # Who read the stream got the schema itself; a file that holds the same stays named.
        loaded = check_files(files).project
        stream = loaded.streams[Path(relative).stem] if loaded else None
        if (
            stream
            and stream.contract
            and stream.contract.json_schema == wanted["contract"]["schema"]
        ):
            wanted = {**wanted, "contract": {"schema": named}}
    if current == wanted:
        return before
    yaml = _round_trip()
    try:
        tree = yaml.load(before.decode("utf-8-sig"))
    except (YAMLError, ValueError) as error:
        raise ConflictError(
            f"{relative} cannot be changed in place: {type(error).__name__}",
            hint="change it by hand",
        ) from None
    _merge(tree, current, wanted)
    if not tree:
        tree["format"] = "json"
    return _dump(yaml, tree)


def _merge(tree: MutableMapping[str, Any], current: dict[str, Any], wanted: dict[str, Any]) -> None:
    for key in current:
        if key not in wanted:
            tree.pop(key, None)
    for key, value in wanted.items():
        if key in current and current[key] == value:
            continue
        below, old = tree.get(key), current.get(key)
        if isinstance(below, dict) and isinstance(old, dict) and isinstance(value, dict):
            _merge(below, old, value)
        else:
            tree[key] = value


def _round_trip() -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _dump(yaml: YAML, fields: object) -> bytes:
    out = io.BytesIO()
    yaml.dump(fields, out)
    return out.getvalue()


def _check(
    files: ProjectFiles,
    relative: str,
    data: bytes,
    spec: StreamSpec,
    *,
    running: Project | None,
    sent: Document | None,
) -> tuple[Problem, ...]:
    """The errors of other files, which stand in nobody's way."""
    before = {(one.where.name, one.message) for one in check_files(files).errors}
    result = check_files(files.with_file(relative, data), running)
    # A stream can break its own file, or another that relies on it; what was broken stays broken.
    new = [
        one
        for one in result.errors
        if one.where.name == relative or (one.where.name, one.message) not in before
    ]
    loaded = result.streams.get(spec.name)
    if not new and result.project is None and running is not None and loaded is not None:
        new = refusals(running, loaded, relative)
    if new:
        raise ProjectError(problems=_as_sent(new, relative, data, sent))
    if loaded is not None and not _means_the_same(loaded, spec):
        raise ConflictError(
            f"{relative} cannot be changed in place: it would not say what was asked for",
            hint="change it by hand",
        )
    return result.errors


def _as_sent(
    problems: list[Problem], relative: str, data: bytes, sent: Document | None
) -> list[Problem]:
    """Problems of the stream's file where they stand in what was sent: the file is not written."""
    if sent is None:
        return problems
    written = read_document(relative, data)
    return [
        replace(one, where=sent.at_value(written.path_of(one.where)))
        if one.where.name == relative
        else one
        for one in problems
    ]


def _means_the_same(read: StreamSpec, asked: StreamSpec) -> bool:
    # A contract is asked for by its file or as itself, and read as itself.
    return read.model_copy(update={"contract": None}) == asked.model_copy(
        update={"contract": None}
    ) and (read.contract is None) == (asked.contract is None)
