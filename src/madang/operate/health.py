"""What is wrong, in words: the one judgement that status, readiness, UI and CLI show.

Facts come from what the parts leave in ``run/`` (``roles.json``, ``sources.json``,
``delivery.json``, ``project-errors.json``) and from the disk: nobody is asked, so a part that hangs
cannot hide it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from madang.core.datadir import DataDir
from madang.core.errors import StorageFullError
from madang.core.misfits import REASON_HINTS, REASON_WORDS
from madang.core.units import format_duration, format_size
from madang.project import Project

ROLES_FILE = "roles.json"
SOURCES_FILE = "sources.json"
DELIVERY_FILE = "delivery.json"
METRICS_FILE = "metrics.json"
"""What the role ``metrics`` says of its head."""
MISFITS_FIELD = "in_rest"
"""What delivery says of values that no column took: rows of column, reason, count, example."""
MISFITS_AT = "in_rest_us"
UNFIT_FIELD = "unfit_types"
"""Declared types that the table cannot take, in words."""
PROJECT_ERRORS_FILE = "project-errors.json"
RULES_FILE = "rules.json"
ONWARD_FILE = "onward.json"
_LATE_FACTOR = 3.0
_LATE_FLOOR_S = 60.0
_TOLD_DROPS = {
    "refused": "that the receiver refused",
    "retention": "that waited too long",
    "unknown_series": "of series whose labels are not known",
}
_SETTLED_S = 600.0
"""A role that ran this long is well again, however often it died before."""
_TOLD_S = 86_400.0
"""Values that no column took are told this long after the last one; their counts stay."""


class Severity(StrEnum):
    """How bad a problem is.

    ``error``: something does not work; ``warning``: it will not for long, or not fully; ``notice``:
    all works, but somebody should look at it.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, for a person: ``code`` is stable, ``message`` has the values."""

    code: str
    severity: Severity
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """Space of the data directory's disk, in bytes."""

    total_bytes: int
    free_bytes: int
    min_free_bytes: int


@dataclass(frozen=True, slots=True)
class Health:
    """The judgement and what it rests on."""

    problems: tuple[Problem, ...]
    disk: DiskSpace
    roles: tuple[dict[str, Any], ...]

    @property
    def word(self) -> str:
        """``ok``, ``degraded`` (something is wrong) or ``down`` (nothing is accepted)."""
        codes = {p.code for p in self.problems if p.severity is Severity.ERROR}
        if codes & {"disk_full", "role_serve"}:
            return "down"
        wrong = any(p.severity is not Severity.NOTICE for p in self.problems)
        return "degraded" if wrong else "ok"


def assess(data: DataDir, project: Project, now_us: int) -> Health:
    """Look at everything that is left in ``run/`` and at the disk; costs a few file reads."""
    disk = _disk(data.root, project.platform.storage.min_free)
    roles = tuple(_read(data.run / ROLES_FILE).get("roles", ()))
    states = _read(data.run / DELIVERY_FILE)
    problems = (
        *_disk_problems(disk),
        *_role_problems(roles, now_us),
        *_project_problems(_read(data.run / PROJECT_ERRORS_FILE)),
        *_source_problems(_read(data.run / SOURCES_FILE)),
        *_delivery_problems(states, project, now_us),
        *_rule_problems(_read(data.run / RULES_FILE)),
        *_onward_problems(_read(data.run / ONWARD_FILE), now_us),
        *_unfit_problems(states),
        *_misfit_notices(states, now_us),
        *_metrics_problems(_read(data.run / METRICS_FILE), now_us),
        *_pushed_problems(data.pushed_groups / "broken"),
    )
    return Health(problems, disk, roles)


def _disk(root: Path, min_free_bytes: int) -> DiskSpace:
    space = os.statvfs(root)
    return DiskSpace(
        space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize, min_free_bytes
    )


def _disk_problems(disk: DiskSpace) -> Iterator[Problem]:
    free, least = format_size(disk.free_bytes), format_size(disk.min_free_bytes)
    if disk.free_bytes < disk.min_free_bytes:
        yield Problem(
            "disk_full",
            Severity.ERROR,
            f"{free} of the disk are free, less than the {least} that are kept free: "
            "producers are refused",
            "make room; it goes on by itself. Retention is set in streams/*.yml",
        )
    elif disk.free_bytes < 2 * disk.min_free_bytes:
        yield Problem(
            "disk_low",
            Severity.WARNING,
            f"{free} of the disk are free; below {least} producers are refused",
            "make room, or shorten the retention in streams/*.yml",
        )


def _role_problems(roles: tuple[dict[str, Any], ...], now_us: int) -> Iterator[Problem]:
    for role in roles:
        if role["state"] == "dead":
            yield Problem(
                f"role_{role['name'].split('-')[0]}",
                Severity.ERROR,
                f"the role {role['name']} is down ({role['exit']}) and is being restarted",
                _why(role),
            )
        elif role["restarts"] >= 3 and _age_s(role, now_us) < _SETTLED_S:
            yield Problem(
                "role_restarts",
                Severity.WARNING,
                f"the role {role['name']} was restarted {role['restarts']} times; "
                f"it last {role['exit']}",
                f"{_why(role)}. This goes away once it ran for {format_duration(_SETTLED_S)}",
            )


def _why(role: Mapping[str, Any]) -> str:
    """Where to read why a role ended: one that a signal ended could not say so itself."""
    name = role["name"]
    if not str(role["exit"]).startswith("ended by"):
        return f"its log says why: logs/{name}.jsonl, or SELECT * FROM system.logs"
    if "SIGKILL" in role["exit"]:
        return "logs/supervisor.jsonl says when; was memory short? dmesg says so"
    return f"logs/supervisor.jsonl says when, logs/{name}.fault where in the code"


def _age_s(role: Mapping[str, Any], now_us: int) -> float:
    """How long a role runs; 0 where its start is not known."""
    try:
        started = datetime.fromisoformat(str(role["started_at"]))
    except (KeyError, ValueError):
        return 0.0
    return now_us / 1_000_000 - started.timestamp()


def is_project_broken(data: DataDir) -> bool:
    """Whether the project has errors, so that its last good state goes on."""
    return any(_project_problems(_read(data.run / PROJECT_ERRORS_FILE)))


def _project_problems(report: Mapping[str, Any]) -> Iterator[Problem]:
    found = report.get("problems") or ()
    errors = [one for one in found if one.get("severity") == "error"]
    if errors:
        count = "an error" if len(errors) == 1 else f"{len(errors)} errors"
        yield Problem(
            "project_broken",
            Severity.WARNING,
            f"the project has {count} now; the last good state goes on. "
            f"The first: {errors[0].get('message', '')}",
            "madang check shows all of them",
        )


def _source_problems(states: Mapping[str, Any]) -> Iterator[Problem]:
    for name, state in states.items():
        # A full disk is a problem of its own, told once and not for each source that waits for it.
        if state.get("error") and state.get("code") != StorageFullError.code:
            yield Problem(
                "source_failing",
                Severity.WARNING,
                f"the source {name} is {state['state']}: {state['error']}",
                f"sources/{name}.yml says what it reads; it is tried again by itself",
            )


def _pushed_problems(folder: Path) -> Iterator[Problem]:
    try:
        count = sum(1 for _ in folder.iterdir())
    except OSError:
        return
    if count:
        yield Problem(
            "pushed_groups_broken",
            Severity.WARNING,
            f"{count} {'file' if count == 1 else 'files'} of pushed groups could not be read: "
            f"set aside in {folder}",
            "logs/serve.jsonl says why; push those groups again, and remove the files",
        )


def _delivery_problems(
    states: Mapping[str, Any], project: Project, now_us: int
) -> Iterator[Problem]:
    for name, state in states.items():
        if state.get("error"):
            yield Problem(
                "delivery_failing",
                Severity.ERROR,
                f"{name} is not delivered to {state.get('table')}: {state['error']}",
                f"{hint}; the stream keeps the records"
                if (hint := state.get("hint"))
                else "the stream keeps the records; it is tried again by itself",
            )
            continue
        spec, waiting_since = project.streams.get(name), state.get("oldest_us")
        if spec is None or not waiting_since:
            continue
        age_s = (now_us - waiting_since) / 1_000_000
        if age_s > max(_LATE_FLOOR_S, _LATE_FACTOR * spec.delivery.buffer_time):
            yield Problem(
                "delivery_late",
                Severity.WARNING,
                f"{name} is behind: its oldest undelivered record is {format_duration(age_s)} old",
                "it catches up by itself if input slows down; queries see everything meanwhile",
            )


def _rule_problems(states: Mapping[str, Any]) -> Iterator[Problem]:
    failing: Mapping[str, str] = states.get("failing") or {}
    if failing:
        first, reason = next(iter(failing.items()))
        file, group, rule = (*first.split(";"), "", "")[:3]
        others = len(failing) - 1
        more = f"; {others} more {'rules fail' if others > 1 else 'rule fails'}" if others else ""
        yield Problem(
            "rules_failing",
            Severity.WARNING,
            f"the rule {rule} of the group {group} in {file} fails: {reason}{more}",
            "its series are not written; it is tried again at the group's next evaluation",
        )
    late: Mapping[str, float] = states.get("late_s") or {}
    if late:
        key, behind_s = max(late.items(), key=lambda one: one[1])
        file, _, group = key.partition(";")
        others = len(late) - 1
        more = f", and {others} more {'are' if others > 1 else 'is'} behind" if others else ""
        yield Problem(
            "rules_late",
            Severity.WARNING,
            f"the rule group {group} in {file} is behind by {format_duration(behind_s)}{more}",
            "what was missed is made up for in order; more metrics.rules.threads or longer "
            "intervals help where it does not end",
        )


def _onward_problems(states: Mapping[str, Any], now_us: int) -> Iterator[Problem]:
    for state in states.get("senders") or ():
        waits_s = now_us / 1_000_000 - state["error_since_s"] if state["error"] else 0.0
        if waits_s > _LATE_FLOOR_S:
            yield Problem(
                "onward_failing",
                Severity.WARNING,
                f"nothing is sent on to {state['name']} since {format_duration(waits_s)}: "
                f"{state['error']}; {state['lag']:,} samples wait",
                "they wait in the stream, up to metrics.backlog; it is tried again by itself",
            )
        dropped = {key: count for key, count in state["dropped"].items() if key in _TOLD_DROPS}
        if dropped:
            told = ", ".join(f"{count:,} {_TOLD_DROPS[key]}" for key, count in dropped.items())
            yield Problem(
                "onward_dropped",
                Severity.WARNING,
                f"samples were not sent on to {state['name']} since the start: {told}"
                + (f" ({state['reason']})" if state["reason"] else ""),
                "the receiver says why it refuses; metrics.backlog says how long samples wait",
            )


def _unfit_problems(states: Mapping[str, Any]) -> Iterator[Problem]:
    for name, state in states.items():
        for message in state.get(UNFIT_FIELD) or ():
            yield Problem(
                "type_not_taken",
                Severity.WARNING,
                f"{name}: {message}",
                f"streams/{name}.yml: declare the type that it has, or deliver to a new table; "
                "until then values that do not fit stand in _rest",
            )


def _misfit_notices(states: Mapping[str, Any], now_us: int) -> Iterator[Problem]:
    for name, state in states.items():
        found, last_us = state.get(MISFITS_FIELD) or (), state.get(MISFITS_AT)
        if not found or not last_us or now_us - last_us > _TOLD_S * 1_000_000:
            continue
        count = sum(one["count"] for one in found)
        values = "a value" if count == 1 else f"{count:,} values"
        worst = max(found, key=lambda one: one["count"])
        example = worst.get("example")
        yield Problem(
            "values_in_rest",
            Severity.NOTICE,
            f"{values} of {name} fitted no column of {state.get('table')} and "
            f"{'stands' if count == 1 else 'stand'} in _rest, most of "
            f"{worst['column']}: {REASON_WORDS.get(worst['reason'], worst['reason'])}"
            f"{'' if example is None else f', such as {example}'}",
            f"madang tables show {state.get('table')} counts them by column; "
            f"{REASON_HINTS.get(worst['reason'], REASON_HINTS['type'])}",
        )


def _metrics_problems(state: Mapping[str, Any], now_us: int) -> Iterator[Problem]:
    if state.get("trouble"):
        yield Problem(
            "metrics_not_written",
            Severity.WARNING,
            f"the newest samples of metrics are only in memory: {state['trouble']}",
            "nothing is lost, the stream keeps them; it is tried again by itself",
        )
    since_us = state.get("behind_since_us")
    if since_us and now_us - since_us > _METRICS_LATE_S * 1_000_000:
        yield Problem(
            "metrics_behind",
            Severity.WARNING,
            f"PromQL is behind: {state['lag']:,} samples of metrics cannot be asked for yet, "
            f"since {format_duration((now_us - since_us) // 1_000_000)}",
            "it catches up by itself if fewer come",
        )
    over_us = state.get("over_limit_at_us")
    recent = over_us and now_us - over_us <= _TOLD_S * 1_000_000
    for message in (state.get("over_limit") or ()) if recent else ():
        yield Problem(
            "series_refused",
            Severity.WARNING,
            message,
            "drop the label where it is scraped (metric_relabel_configs: labeldrop), or raise "
            "metrics.series in madang.yml",
        )
    rebuilt_us = state.get("rebuilt_at_us")
    if rebuilt_us and now_us - rebuilt_us <= _TOLD_S * 1_000_000:
        yield Problem(
            "metrics_rebuilt",
            Severity.NOTICE,
            str(state.get("rebuilt")),
            "nothing is to be done after a backup was restored; what neither the stream, nor the "
            "tables, nor the newest hours had is missing",
        )
    refused, last_us = state.get("refused") or {}, state.get("refused_at_us")
    if refused and last_us and now_us - last_us <= _TOLD_S * 1_000_000:
        count = sum(refused.values())
        parts = [f"{number:,} {_REFUSALS.get(name, name)}" for name, number in refused.items()]
        yield Problem(
            "samples_refused",
            Severity.NOTICE,
            f"{count:,} samples of metrics were acknowledged and then refused: {', '.join(parts)}",
            f"the last one {format_duration((now_us - last_us) // 1_000_000)} ago; "
            "docs/promql.md says what each of the reasons means",
        )


_METRICS_LATE_S = 10.0
_REFUSALS = {
    "unknown": "of series that nobody announced",
    "collided": "of series whose numbers collide",
    "late": "too late",
    "early": "ahead of time",
    "broken_labels": "with broken labels",
    "over_limit": "of series beyond the limits",
    "duplicate": "with another value at a time that was there",
}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
