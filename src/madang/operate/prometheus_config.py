"""The project as a ``prometheus.yml``: what is scraped, without passwords."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any

from pydantic import BaseModel, SecretStr
from ruamel.yaml import YAML

from madang.project import Project
from madang.project.prometheus_types import duration_text
from madang.project.scrape_spec import ScrapeSourceSpec

_SECRET = "<secret>"  # noqa: S105 - what stands in place of one
_PASSWORD = re.compile(r"(://[^/@:]*:)[^/@]*@")
_DURATIONS = ("interval", "timeout", "offset")


def external_labels(project: Project) -> dict[str, str]:
    """The labels by which other servers know this one, of all scrape sources together."""
    labels: dict[str, str] = {}
    for source in _sources(project):
        labels |= source.global_.external_labels
    return labels


def config_text(project: Project) -> str:
    """What the project scrapes and evaluates, in the form of a ``prometheus.yml``."""
    document: dict[str, Any] = {}
    jobs: list[Any] = []
    for source in _sources(project):
        document.setdefault("global", _plain(source.global_))
        jobs += (_plain(job) for job in source.jobs())
    if project.rules:
        document["rule_files"] = sorted(project.rules)
    if jobs:
        document["scrape_configs"] = jobs
    text = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(document, text)
    return text.getvalue() if document else ""


def _sources(project: Project) -> Iterator[ScrapeSourceSpec]:
    for _, source in sorted(project.sources.items()):
        if isinstance(source, ScrapeSourceSpec):
            yield source


def _plain(value: Any, name: str = "") -> Any:  # noqa: ANN401 - any field of a spec
    """A field as YAML has it; what has its default is left out."""
    match value:
        case BaseModel():
            fields = type(value).model_fields
            return {
                fields[own].alias or own: _plain(getattr(value, own), own)
                for own in fields
                if own in value.model_fields_set and getattr(value, own) != fields[own].default
            }
        case SecretStr():
            return _SECRET
        case Mapping():
            return {str(key): _plain(one) for key, one in value.items()}
        case tuple() | list() | frozenset():
            return [_plain(one, name) for one in value]
        case bool() | None:
            return value
        case int() | float() if name.endswith(_DURATIONS):
            return duration_text(value)
        case int() | float():
            return value
        case _:
            return _PASSWORD.sub(rf"\1{_SECRET}@", str(value))
