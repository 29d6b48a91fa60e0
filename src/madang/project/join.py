"""One stream put into the state that runs, while other files of the project are broken."""

from __future__ import annotations

import hashlib

from madang.core.errors import Place
from madang.project.changes import check_stream_change
from madang.project.checks import Finding, check_source
from madang.project.problem import Problem
from madang.project.project import Project
from madang.project.stream_spec import StreamSpec
from madang.project.system import system_streams


def with_stream(running: Project, spec: StreamSpec) -> Project:
    """``running`` with the stream ``spec`` in it, new or in place of the one of its name."""
    said = f"{running.version}\0{spec.name}\0{spec.model_dump_json(by_alias=True)}"
    return running.model_copy(
        update={
            "streams": {**running.streams, spec.name: spec},
            "version": hashlib.blake2b(said.encode(), digest_size=12).hexdigest(),
        }
    )


def refusals(running: Project, spec: StreamSpec, file: str) -> list[Problem]:
    """Why ``spec``, in order by itself, cannot join ``running``; ``file`` is where it stands."""
    found: list[Finding] = []
    old = running.streams.get(spec.name)
    if old is not None:
        found += check_stream_change(old, spec)
    for name, other in running.streams.items():
        if name != spec.name and spec.table is not None and other.table == spec.table:
            hint = "one stream fills a table; name another in deliver.table"
            found.append(
                Finding(
                    ("deliver", "table"), f"the table {spec.table!r} is filled by {name} now", hint
                )
            )
    known = {**running.streams, spec.name: spec}
    own = system_streams()
    for source in running.sources.values():
        if source.stream == spec.name:
            found += [one for one in check_source(source, known, own) if one.severity == "error"]
    return [Problem(one.message, Place(file), one.hint) for one in found]
