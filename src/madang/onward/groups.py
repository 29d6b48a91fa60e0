"""Which senders a project has, and under which consumer groups they keep their places."""

from __future__ import annotations

import re
from hashlib import blake2b

from madang.project import Project, ScrapeSourceSpec
from madang.project.remote_write_spec import RemoteWriteSpec

PLAN = ".plan"
"""Behind a group's name: the group of what is being sent."""
_PLAIN = re.compile(r"[^a-z0-9]+")
_SHOWN = 40


def senders_of(project: Project) -> dict[str, RemoteWriteSpec]:
    """All senders by consumer group: those of ``madang.yml``, then those of scrape sources."""
    found: dict[str, RemoteWriteSpec] = {}
    for spec in project.platform.metrics.remote_write:
        found.setdefault(group_of("", spec), spec)
    for name, source in project.sources.items():
        if isinstance(source, ScrapeSourceSpec):
            for spec in source.remote_write:
                found.setdefault(group_of(name, spec), spec)
    return found


def sender_groups(project: Project) -> list[str]:
    """The consumer groups of ``metrics.samples`` whose places retention waits for."""
    return list(senders_of(project))


def group_of(source: str, spec: RemoteWriteSpec) -> str:
    """The group of a sender: of where it is written and its name, else its address."""
    digest = blake2b(f"{source}\0{spec.key}".encode(), digest_size=6).hexdigest()
    shown = _PLAIN.sub("-", spec.key.lower().rpartition("//")[2]).strip("-")[:_SHOWN]
    return f"onward-{shown or 'sender'}-{digest}"
