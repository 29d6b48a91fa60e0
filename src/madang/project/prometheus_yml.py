"""A ``prometheus.yml`` or the same keys in a source's file → jobs, or what is wrong and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from madang.core.errors import InvalidInputError, Place
from madang.project.checks import Finding, check_senders
from madang.project.document import Dialect, Document, read_document
from madang.project.document import Path as KeyPath
from madang.project.files import ProjectFiles, reason
from madang.project.problem import Problem
from madang.project.scrape_spec import GlobalSpec, ScrapeFileSpec, ScrapeJobSpec, ScrapeSourceSpec
from madang.project.secret_files import missing_files
from madang.project.validate import build

GO_YAML = Dialect(typed=False, merges=True, most_values=500_000)
"""YAML as Prometheus reads it: the key says whether ``1.10`` is a number; merge keys are read."""

_OTHER_SECTIONS = {
    "alerting": "alerts are not evaluated or sent yet",
    "remote_read": "other stores are not asked",
    "storage": "`metrics` in madang.yml has the settings of the store",
    "tracing": "requests are not traced",
    "runtime": "these are settings of Go's runtime",
    "otlp": "OTLP is taken with its usual names",
}
_DISCOVERIES = (
    "aws", "azure", "consul", "digitalocean", "dns", "docker", "dockerswarm", "ec2", "eureka",
    "gce", "hetzner", "ionos", "kubernetes", "kuma", "lightsail", "linode", "marathon", "nerve",
    "nomad", "openstack", "outscale", "ovhcloud", "puppetdb", "scaleway", "serverset",
    "stackit", "triton", "uyuni", "vultr",
)  # fmt: skip
_JOB_REFUSED = {f"{name}_sd_configs": "write file_sd_configs or http_sd_configs, and let what "
                "knows the targets fill them" for name in _DISCOVERIES}  # fmt: skip
_CLIENT_REFUSED = {
    "oauth2": "write authorization with credentials_file, and renew the file",
    "proxy_from_environment": "write proxy_url",
    "no_proxy": "leave proxy_url out of the jobs that go directly",
    "proxy_connect_header": "a proxy without it",
    "http_headers": "send what the header says with authorization or params",
}
_SENDER_REFUSED = {
    **_CLIENT_REFUSED,
    **dict.fromkeys(("sigv4", "azuread", "google_iam"), "send through a proxy that signs requests"),
    "http_headers": "write headers",
}
_JOB_IGNORED = (
    "scrape_native_histograms",
    "scrape_classic_histograms",
    "always_scrape_classic_histograms",
    "convert_classic_histograms_to_nhcb",
    "native_histogram_bucket_limit",
    "native_histogram_min_bucket_factor",
    "scrape_failure_log_file",
    "enable_type_and_unit_labels",
)

_RULE_FILES = re.compile(r"[^*]*(\*[^/]*)?")
"""Globs that Prometheus takes."""

M = TypeVar("M", bound=BaseModel)


def read_go_document(file: str, data: bytes) -> Document:
    """A document whose scalars are text as written, without the keys that say nothing (null)."""
    document = read_document(file, data, GO_YAML)
    document.root = without_nothing(document.root)
    return document


def read_go_values(file: str, data: bytes) -> Any:  # noqa: ANN401 - any YAML
    """What a YAML file holds, scalars as text; its root may be a list.

    Raises:
        InvalidInputError: it is no YAML; the place is in it.
    """
    data = re.sub(rb"\A((?:[ \t]*(?:#[^\n]*)?\r?\n)*)---[ \t]*\r?(\n|\Z)", rb"\1\2", data)
    indented = b"\n".join(b"  " + line for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    document = read_go_document(file, b"root:\n" + indented)
    for one in document.problems:
        line = max(one.where.line - 1, 1)
        raise InvalidInputError(one.message, hint=one.hint, where=Place(file, line))
    return document.root.get("root")


def set_aside(document: Document) -> None:
    """Take out what Prometheus knows and Madang does not do, with a problem for each.

    What would change the samples is an error, the rest a warning.
    """
    root = document.root
    for key, what in _OTHER_SECTIONS.items():
        if key in root:
            _remove(document, (), key, f"{key} is not read: {what}", None, error=False)
    _ignore(document, ("global",))
    jobs = root.get("scrape_configs")
    for index, job in enumerate(jobs if isinstance(jobs, list) else []):
        at: KeyPath = ("scrape_configs", index)
        _refuse(document, at, _JOB_REFUSED | _CLIENT_REFUSED)
        _ignore(document, at)
        found = job.get("http_sd_configs") if isinstance(job, dict) else None
        for number in range(len(found) if isinstance(found, list) else 0):
            _refuse(document, (*at, "http_sd_configs", number), _CLIENT_REFUSED)
    senders = root.get("remote_write")
    for index in range(len(senders) if isinstance(senders, list) else 0):
        _refuse(document, ("remote_write", index), _SENDER_REFUSED)
    if "scrape_config_files" in root:
        hint = "write its jobs into scrape_configs"
        _remove(document, (), "scrape_config_files", "scrape_config_files is not supported", hint)


def complete(
    spec: ScrapeSourceSpec, document: Document, files: ProjectFiles
) -> tuple[ScrapeSourceSpec | None, list[Problem]]:
    """``spec`` with the jobs that its ``config`` holds, paths made absolute; and what is wrong.

    ``document`` is the source's own file; the problems of ``config``'s are returned.
    """
    if not spec.config:
        _note(document, check_file(spec))
        _note(document, missing_files(spec, files, files.directory))
        return with_folder(_with_external(spec), files.directory), []
    if spec.scrape_configs or spec.rule_files or spec.remote_write or spec.global_ != GlobalSpec():
        text = "config and scrape_configs exclude each other"
        _note(document, [Finding(("config",), text, "keep one of them")])
        return None, []
    try:
        data = files.read_config(spec.config)
    except OSError as error:
        _note(document, [Finding(("config",), f"{spec.config} cannot be read: {reason(error)}")])
        return None, []
    named = read_go_document(spec.config, data)
    set_aside(named)
    read = build(ScrapeFileSpec, named) if named.root else None
    if read is None:
        return None, named.problems
    folder = (files.directory / spec.config).parent
    _note(named, check_file(read))
    _note(named, missing_files(read, files, folder))
    update = {name: getattr(read, name) for name in type(read).model_fields}
    return with_folder(_with_external(spec.model_copy(update=update)), folder), named.problems


def check_file(spec: ScrapeFileSpec | ScrapeSourceSpec) -> Iterator[Finding]:
    """Rules between the parts of a ``prometheus.yml``."""
    yield from check_jobs(spec.global_, spec.scrape_configs)
    yield from check_senders(spec.remote_write, ("remote_write",))
    for place, pattern in enumerate(spec.rule_files):
        if not _RULE_FILES.fullmatch(pattern):
            text = f"rule_files: {pattern!r} has a * before the last part of the path"
            yield Finding(("rule_files", place), text, "write one pattern for each folder")


def check_jobs(settings: GlobalSpec, jobs: tuple[ScrapeJobSpec, ...]) -> Iterator[Finding]:
    """Rules between jobs, and between a job and ``global``."""
    seen: set[str] = set()
    for index, job in enumerate(jobs):
        at: KeyPath = ("scrape_configs", index)
        if job.job_name in seen:
            text = f"two of scrape_configs have the job_name {job.job_name!r}"
            yield Finding((*at, "job_name"), text, "each has a name of its own")
        seen.add(job.job_name)
        try:
            job.over(settings)
        except ValueError as error:
            yield Finding((*at, "scrape_timeout"), str(error))


def _with_external(spec: ScrapeSourceSpec) -> ScrapeSourceSpec:
    """Senders get the external labels of ``global``."""
    labels = spec.global_.external_labels
    senders = tuple(
        one.model_copy(update={"external_labels": {**labels, **one.external_labels}})
        for one in spec.remote_write
    )
    return spec.model_copy(update={"remote_write": senders})


def with_folder(model: M, folder: Path) -> M:
    """The same with relative paths of files starting at ``folder``."""
    update: dict[str, Any] = {}
    for name, value in model:
        if name in ("files", "rule_files") or (
            name.endswith("_file") and isinstance(value, str) and value
        ):
            update[name] = (
                str(folder / value)
                if isinstance(value, str)
                else tuple(str(folder / one) for one in value)
            )
        elif isinstance(value, BaseModel):
            update[name] = with_folder(value, folder)
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            update[name] = tuple(with_folder(one, folder) for one in value)
    return model.model_copy(update=update) if update else model


def without_nothing(value: Any) -> Any:  # noqa: ANN401 - any YAML
    """A value without the keys that say nothing (null)."""
    if isinstance(value, dict):
        return {key: without_nothing(one) for key, one in value.items() if one is not None}
    return [without_nothing(one) for one in value] if isinstance(value, list) else value


def _refuse(document: Document, at: KeyPath, hints: dict[str, str]) -> None:
    found = _value_at(document, at)
    for key in [one for one in found if one in hints] if isinstance(found, dict) else ():
        _remove(document, at, key, f"{key} is not supported", hints[key])


def _ignore(document: Document, at: KeyPath) -> None:
    found = _value_at(document, at)
    for key in [one for one in found if one in _JOB_IGNORED] if isinstance(found, dict) else ():
        _remove(document, at, key, f"{key} is not read", None, error=False)


def _value_at(document: Document, at: KeyPath) -> Any:  # noqa: ANN401 - any YAML
    found: Any = document.root
    for step in at:
        found = found.get(step) if isinstance(found, dict) else found[step]
    return found


def _remove(
    document: Document, at: KeyPath, key: str, text: str, hint: str | None, *, error: bool = True
) -> None:
    del _value_at(document, at)[key]
    place: Place = document.at_key((*at, key))
    document.problems.append(Problem(text, place, hint, "error" if error else "warning"))


def _note(document: Document, findings: Iterator[Finding] | list[Finding]) -> None:
    for one in findings:
        document.problems.append(
            Problem(one.message, document.at_value(one.path), one.hint, one.severity)
        )
