"""Health as models: shared by status and overview."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psutil

from madang.core.clock import from_us
from madang.core.errors import MadangError
from madang.operate.health import Health
from madang.project import Problem, ProjectError
from madang.server.context import ServerContext
from madang.server.models.base import ErrorDetail, ErrorPlace
from madang.server.models.overview import DiskRow, ProblemRow, RoleRow, StatusProject


def health_fields(health: Health) -> dict[str, Any]:
    """The fields of ``models.overview.Health``."""
    disk = health.disk
    return {
        "health": health.word,
        "problems": [
            ProblemRow(
                code=problem.code,
                severity=str(problem.severity),
                message=problem.message,
                hint=problem.hint,
            )
            for problem in health.problems
        ],
        "disk": DiskRow(
            total_bytes=disk.total_bytes,
            free_bytes=disk.free_bytes,
            min_free_bytes=disk.min_free_bytes,
        ),
        "roles": [
            RoleRow(
                name=role["name"],
                pid=role["pid"],
                state=role["state"],
                started_at=role["started_at"],
                restarts=role["restarts"],
                memory_bytes=_memory_bytes(role["pid"]),
            )
            for role in health.roles
        ],
    }


def project_view(context: ServerContext) -> StatusProject:
    """What is in force, and what is wrong with the files as they stand."""
    project = context.project()
    return StatusProject(
        directory=project.directory,
        version=project.version,
        loaded_at=_published_at(context),
        errors=[_detail(error) for error in context.editor.errors()],
    )


def _detail(error: MadangError) -> ErrorDetail:
    where = error.where
    return ErrorDetail(
        code=error.code,
        message=error.message,
        hint=error.hint,
        where=where and ErrorPlace(name=where.name, line=where.line, column=where.column),
        retryable=error.retryable,
    )


def problem_detail(problem: Problem) -> ErrorDetail:
    """A finding of the project as an error of the API."""
    return _detail(ProjectError(problem.message, hint=problem.hint, where=problem.where))


def _published_at(context: ServerContext) -> datetime | None:
    try:
        changed_ns = context.data.published_project.stat().st_mtime_ns
    except OSError:
        return None
    return from_us(changed_ns // 1000)


def _memory_bytes(pid: int | None) -> int:
    if not pid:
        return 0
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
