"""``madang status``."""

from __future__ import annotations

from typing import Any

import typer

from madang.cli.options import AsJson, Data, Token, Url


def status(
    url: Url = None, token: Token = None, data: Data = None, as_json: AsJson = False
) -> None:
    """Say whether the platform is well, and what is wrong if not. Exit code 1 unless it is well."""
    from madang.cli.options import client
    from madang.cli.output import show_json

    answer = client(url, token, data).get("/api/status")
    if as_json:
        show_json(answer)
    else:
        _show(answer)
    if answer["health"] != "ok":
        raise typer.Exit(1)


def _show(answer: dict[str, Any]) -> None:
    from madang.cli.output import ago, say, show_table, size

    say(f"health: {answer['health']}")
    for problem in answer.get("problems", []):
        say(f"  {problem['severity']}: {problem['message']}")
        if problem.get("hint"):
            say(f"    {problem['hint']}")
    project = answer.get("project")
    if project:
        say(f"project: {project['directory']}, loaded {ago(project.get('loaded_at'))}")
        if project.get("errors"):
            say("  it was changed and is broken now; the last good state runs on:")
        for error in project.get("errors", []):
            place = error.get("where") or {}
            where = ":".join(
                str(place[key]) for key in ("name", "line", "column") if place.get(key)
            )
            say(f"  {where}: {error['message']}" if where else f"  {error['message']}")
    for found in answer.get("time_fallbacks", []):
        say(f"{found['stream']}: {_time_fallbacks(found)}")
    disk = answer.get("disk")
    if disk:
        free, least = size(disk["free_bytes"]), size(disk["min_free_bytes"])
        say(f"disk: {free} free of {size(disk['total_bytes'])}, at least {least} are kept")
    roles = answer.get("roles", [])
    if roles:
        say()
        show_table(
            ("role", "state", "pid", "restarts", "memory>", "started"),
            [
                (
                    role["name"],
                    role["state"],
                    role.get("pid"),
                    role.get("restarts"),
                    size(role.get("memory_bytes")),
                    ago(role.get("started_at")),
                )
                for role in roles
            ],
        )


_REASONS = {
    "missing": "without the field",
    "unreadable": "unreadable",
    "out_of_range": "outside 1970 to 2199",
}


def _time_fallbacks(found: dict[str, Any]) -> str:
    from madang.cli.output import ago, count

    parts = [f"{count(one['count'])} {_REASONS[one['reason']]}" for one in found["reasons"]]
    example = next((one["example"] for one in found["reasons"] if one["example"] is not None), None)
    shown = "" if example is None else f", such as {example!r}"
    word = "record" if found["count"] == 1 else "records"
    return (
        f"{count(found['count'])} {word} without a usable time, the arrival stands in "
        f"({', '.join(parts)}{shown}; last {ago(found['last_at'])})"
    )
